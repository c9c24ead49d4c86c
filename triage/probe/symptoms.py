"""Read a case: the texts and lines of its failure, and what the survey saw its test use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding
from triage.text.pattern import pattern

_LONGREPR_END = 4000
"""Characters of the shown failure that are read: what raised stands at its end."""
_MOST_PLACES = 3
"""Places that are named in a finding: more would bury its sentence."""
_OF_ONE_PROCESS = pattern(
    r"\b 0x [0-9a-f]+ \b | (?: /[\w.@+~-]+ )* / (?: tmp | tr-[0-9a-f]+-\w+ ) / [\w.@+~/-]*",
    matches=["<f at 0x7f3a>", "open('/tmp/a/b.txt')", "/var/tmp/x", "/mnt/tr-dab47a79-_6mbdx2s/ht0/state"],
    rejects=["0x", "10x4", "/home/me/a.txt", "tmp"],
)
"""Addresses and temporary paths."""
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
    shown = case.failure.longrepr[-_LONGREPR_END:]
    return "\n".join([*_types_and_messages(case), shown])


def steady_part(message: str) -> str:
    """The message without what is another in each process whatever the test does."""
    return _OF_ONE_PROCESS.sub("...", message)


def raised_text(case: Case) -> str:
    """Type and message of every exception and the line that raised it, without the source around."""
    lines = []
    for raised in case.failure.chain:
        if raised.frames:
            innermost = raised.frames[-1]
            lines.append(innermost.code or "")
    return "\n".join([*_types_and_messages(case), *lines])


def _types_and_messages(case: Case) -> list[str]:
    """A text for each exception of the failure, the outermost first."""
    return [f"{raised.type}: {raised.message}" for raised in case.failure.chain]


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
    paths = [file_of(case.nodeid)]
    paths += [path for path, _ in own_frames(case)]
    return list(dict.fromkeys(paths))


def uses(case: Case, *kinds: str) -> list[dict[str, Any]]:
    """Lines of the survey's usage meter of these kinds ("variable", "file", "clock" ...)."""
    survey = case.facts.get(SURVEY)
    if not isinstance(survey, Finding):
        return []
    return [line for line in _usage(survey) if line.get("what") in kinds]


def not_read(survey: Finding) -> dict[str, str]:
    """By probe, in words: what of the outside world a traced run of the test never asked for."""
    used = {str(line.get("what")) for line in _usage(survey)}
    found = {}
    for probe, (words, kinds_needed) in _READ_FOR.items():
        if used.isdisjoint(kinds_needed):
            found[probe] = words
    return found


def _usage(survey: Finding) -> Sequence[dict[str, Any]]:
    """What the usage meter wrote: a line for each use, with its kind (`what`) and its place (`where`)."""
    lines: Sequence[dict[str, Any]] = survey.facts.get("usage", ())
    return lines


def is_surveyed(case: Case) -> bool:
    """Whether the usage meter has seen a run of the test."""
    return isinstance(case.facts.get(SURVEY), Finding)


def places(lines: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Where something was used, as `path:line`: places in the suite before those outside, a few."""
    all_places = [str(line["where"]) for line in lines if line.get("where")]
    each_once = dict.fromkeys(all_places)
    # places in the suite are relative paths; sorted() keeps the order among them
    own_first = sorted(each_once, key=lambda place: place.startswith("/"))
    return tuple(own_first[:_MOST_PLACES])
