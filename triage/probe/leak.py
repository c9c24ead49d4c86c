"""What polluters leak: places that the victim finds otherwise than alone; the one whose restore heals it."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from triage.model.base import Value
from triage.model.experiment import Factor, Status
from triage.probe.api import Answer, Case, Experiment, Observation, Setup, Step, look, test
from triage.probe.search import minimise
from triage.probe.treatment import repeats_of

_NOISE = re.compile(
    r"env:(TMPDIR|PYTEST_.*|TRIAGE_.*|COLUMNS|LINES)|logging:(asyncio|concurrent.*)|module:.*_pytest.*|"
    r"sys\.argv"
)
_FIRST = (
    "cwd",
    "env:",
    "locale:",
    "torch.default",
    "random.state",
    "numpy.random",
    "torch.",
    "warnings",
    "decimal",
)
_MOST_PLACES = 400
Places = Mapping[str, Sequence[str]]


class Leak(Value):
    """The places that decide, how they read, and the factor of the experiment that proved it."""

    places: tuple[str, ...]
    shown: tuple[str, ...]
    usual: tuple[str, ...]
    """Each place as the test finds it where nothing leaked, as a short text."""
    factor: Factor


def find_leak(
    probe: str, case: Case, polluted: Setup, clean: Setup
) -> Generator[tuple[Step, ...], tuple[Answer, ...], Leak | None]:
    """Snapshots before the victim in both setups, then the restore of what differs as the treatment."""
    watch = {"state": {"watch": [case.nodeid]}}
    dirty, tidy = yield from look(
        polluted.plus(instruments=watch),
        clean.plus(instruments=watch),
        why="what the test finds before it starts",
    )
    found, usual = _found(dirty, case.nodeid), _found(tidy, case.nodeid)
    differing = _differing(found, usual)
    if not differing:
        return None
    singles = [(place,) for place in differing[:3]]
    runs = yield from look(
        *(_restoring(case, polluted, part, "collected") for part in singles), why="one likely place restored"
    )
    for part, run in zip(singles, runs, strict=False):
        if run.passed(case.nodeid):
            return (
                yield from _proof(
                    probe, case, polluted, kept=part, moment="collected", found=found, usual=usual
                )
            )
    for moment in ("collected", "start"):
        kept = yield from _smallest(case, polluted, differing, moment)
        if kept:
            return (
                yield from _proof(probe, case, polluted, kept=kept, moment=moment, found=found, usual=usual)
            )
    return None


def _smallest(
    case: Case, polluted: Setup, differing: Sequence[str], moment: str
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]:
    """The fewest places whose restore is enough; none where even all together are not."""
    (run,) = yield from look(
        _restoring(case, polluted, differing, moment), why="everything that differs restored"
    )
    if not run.passed(case.nodeid):
        return ()
    return (
        yield from minimise(
            differing,
            lambda part: _restoring(case, polluted, part, moment),
            lambda seen: seen.passed(case.nodeid),
            "fewer places restored",
        )
    )


def _proof(
    probe: str,
    case: Case,
    polluted: Setup,
    *,
    kept: Sequence[str],
    moment: str,
    found: Places,
    usual: Places,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], Leak | None]:
    repeats, alpha = repeats_of(case)
    factor = Factor(kind="restore", name=" + ".join(kept), from_="leaked", to="restored")
    (trial,) = yield from test(
        Experiment(
            probe=probe,
            factor=factor,
            prediction=f"With {', '.join(kept)} put back before it, the test passes after its polluters too.",
            baseline=_restoring(case, polluted, (), moment),
            treated=_restoring(case, polluted, kept, moment),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
        )
    )
    if trial.result.status is not Status.CONFIRMED:
        return None
    texts = tuple(_shown_as(usual, place) for place in kept)
    return Leak(places=tuple(kept), shown=_shown(kept, found, usual), usual=texts, factor=factor)


def _restoring(case: Case, polluted: Setup, kept: Sequence[str], moment: str) -> Setup:
    told = {"restore": list(kept), "before": case.nodeid, "from": moment}
    return polluted.plus(instruments={"state": told})


def _found(run: Observation, nodeid: str) -> Places:
    for line in run.lines("state", "found"):
        if line.get("nodeid") == nodeid:
            places: Places = line["places"]
            return places
    return {}


def _differing(found: Places, usual: Places) -> list[str]:
    """Places with another digest, the likeliest first; imports alone are no difference."""
    names = [
        name
        for name in {**found, **usual}
        if _digest(found, name) != _digest(usual, name)
        and not _NOISE.fullmatch(name)
        and not _only_imported(name, found, usual)
    ]
    return sorted(names, key=_rank)[:_MOST_PLACES]


def _only_imported(name: str, found: Places, usual: Places) -> bool:
    """A module, and what is in it, that only the longer run imports."""
    if name.startswith("module:"):
        return _shown_as(found, name) == "present" and name not in usual
    if name.startswith(("attr:", "logging:")):
        return name not in usual and name.startswith("logging:")
    return False


def _rank(name: str) -> tuple[int, str]:
    for number, start in enumerate(_FIRST):
        if name.startswith(start):
            return number, name
    return len(_FIRST), name


def _digest(places: Places, name: str) -> Any:
    return places[name][0] if name in places else None


def _shown_as(places: Places, name: str) -> str:
    return str(places[name][1]) if name in places else "absent"


def _shown(kept: Sequence[str], found: Places, usual: Places) -> tuple[str, ...]:
    return tuple(f"{name} ({_shown_as(usual, name)} alone, {_shown_as(found, name)} here)" for name in kept)
