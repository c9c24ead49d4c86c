"""Read a case: the texts and lines of its failure, and what the survey saw its test use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding

_LONGREPR_END = 4000
"""Characters of the shown failure that are read: what raised stands at its end."""
_MOST_PLACES = 3
SURVEY = "survey"
"""The probe that sees what the test uses."""
_READ_FOR: Mapping[str, tuple[str, frozenset[str]]] = {
    "clock": ("the clock", frozenset({"clock", "zone", "timer", "sleep"})),
    "files": ("files", frozenset({"file", "text", "listing", "temporary", "cwd"})),
    "network": ("the network", frozenset({"network", "host"})),
    "seed": ("random numbers", frozenset({"random", "entropy"})),
    "resource": ("limits of the machine", frozenset({"limits", "cores", "disk", "umask"})),
}
"""By probe: what it changes, in words, and the kinds of use without which that decides nothing."""


def message_of(case: Case) -> str:
    """Type and message of every exception of the failure, and the end of how pytest shows it."""
    parts = [f"{raised.type}: {raised.message}" for raised in case.failure.chain]
    return "\n".join([*parts, case.failure.longrepr[-_LONGREPR_END:]])


def raised_text(case: Case) -> str:
    """Type and message of every exception and the line that raised it, without the source around."""
    parts = [f"{raised.type}: {raised.message}" for raised in case.failure.chain]
    lines = [raised.frames[-1].code or "" for raised in case.failure.chain if raised.frames]
    return "\n".join([*parts, *lines])


def own_frames(case: Case) -> list[tuple[str, int]]:
    """Path and line of the frames in product and tests, innermost first."""
    found = []
    for raised in case.failure.chain:
        for frame in reversed(raised.frames):
            if frame.origin in ("product", "test") and frame.lineno:
                found.append((frame.path, frame.lineno))
    return found


def own_places(case: Case, most: int | None = None) -> tuple[str, ...]:
    """The same frames as `path:line`, at most so many of them."""
    return tuple(f"{path}:{line}" for path, line in own_frames(case)[:most])


def failing_files(case: Case) -> list[str]:
    """The test's own file, and those that the failure went through; each once."""
    return list(dict.fromkeys([file_of(case.nodeid), *(path for path, _ in own_frames(case))]))


def uses(case: Case, *kinds: str) -> list[dict[str, Any]]:
    """Lines of the survey's usage meter of these kinds ("variable", "file", "clock" ...)."""
    survey = case.facts.get(SURVEY)
    lines = survey.facts.get("usage", ()) if isinstance(survey, Finding) else ()
    return [line for line in lines if line.get("what") in kinds]


def not_read(survey: Finding) -> dict[str, str]:
    """By probe, in words: what of the outside world a traced run of the test never asked for."""
    kinds = {str(line.get("what")) for line in survey.facts.get("usage", ())}
    return {name: words for name, (words, reads) in _READ_FOR.items() if not kinds & reads}


def is_surveyed(case: Case) -> bool:
    """Whether the usage meter has seen a run of the test."""
    return isinstance(case.facts.get(SURVEY), Finding)


def places(lines: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Where something was used, as `path:line`: places in the suite before those outside, a few."""
    found = dict.fromkeys(str(line.get("where", "")) for line in lines if line.get("where"))
    return tuple(sorted(found, key=lambda place: place.startswith("/")))[:_MOST_PLACES]
