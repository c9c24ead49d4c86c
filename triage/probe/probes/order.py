"""`order`: which tests make it fail, the smallest set of them, and what they leak."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.model.base import Value
from triage.model.experiment import CauseKind, Factor, Patch, RootCause, Status
from triage.model.outcome import Outcome
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.edits.restore_state import restored
from triage.probe.edits.statements import patch_of
from triage.probe.minimise import minimise
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


_MOST_TESTS = 3000
_Runs = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]


class Order:
    """Polluters: the test passes alone and fails after them."""

    name = "order"

    def likelihood(self, case: Case) -> float:
        """Nearly certain where the failure needs company, none where it does not."""
        return 0.97 if case.context != "alone" else 0.0

    def investigate(self, case: Case) -> Steps:
        """Delta debugging to the minimal set, the experiment on it, then what leaked."""
        others = [nodeid for nodeid in case.base.nodeids if nodeid != case.nodeid]
        if not others:
            return Finding(excluded="nothing runs before it")
        polluters = yield from self._search(case, others)
        if not polluters:
            return Finding(excluded="no set of other tests makes it fail again")
        experiment = self._experiment(case, polluters)
        (trial,) = yield from test(experiment)
        named = ", ".join(polluters)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"it does not depend on {named}")
        leak = yield from find_leak(self.name, case, experiment.baseline, experiment.treated)
        patches = (yield from _repair(case, polluters, experiment.baseline, leak)) if leak else ()
        return Finding(cause=_cause(polluters, leak, trial.result.factor), proof=experiment, patches=patches)

    def _search(self, case: Case, others: Sequence[str]) -> _Runs:
        """What runs before it first; tests after it can still matter by being imported."""
        place = case.base.nodeids.index(case.nodeid) if case.nodeid in case.base.nodeids else len(others)
        before = [nodeid for nodeid in case.base.nodeids[:place] if nodeid != case.nodeid]
        for candidates in (before, others):
            if not candidates:
                continue
            (run,) = yield from look(_after(case, candidates, others), why="the tests before it")
            if run.red(case.nodeid):
                return (
                    yield from minimise(
                        candidates,
                        lambda part: _after(case, part, others),
                        lambda seen: seen.red(case.nodeid),
                        "fewer tests before it",
                    )
                )
        return ()

    def _experiment(self, case: Case, polluters: Sequence[str]) -> Experiment:
        repeats, alpha = repeats_of(case)
        others = [nodeid for nodeid in case.base.nodeids if nodeid != case.nodeid]
        return Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="before", from_=list(polluters), to="alone"),
            prediction=f"After {' and '.join(polluters)} it fails; alone it passes.",
            baseline=_after(case, polluters, others),
            treated=case.base.plus(nodeids=(case.nodeid,)),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
        )


def _repair(
    case: Case, polluters: Sequence[str], polluted: Setup, leak: Leak
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]:
    """The first edit of a polluter with which all of them pass, and the victim behind them."""
    for polluter in polluters:
        path = polluter.partition("::")[0]
        source = case.source(path)
        for title, after in restored(source or "", polluter, leak.places, leak.usual, case.files):
            (run,) = yield from look(polluted.plus(edits={path: after}), why=title)
            if run.passed(case.nodeid) and not any(run.red(nodeid) for nodeid in polluters):
                return (patch_of(path, source or "", after, title, f"{polluter} leaks {leak.shown[0]}"),)
    return ()


class Setter:
    """State-setters: the test fails alone and passes after another one, which makes what it needs."""

    name = "setter"

    def likelihood(self, case: Case) -> float:
        """Only where a failure alone is not already known to happen in the suite as well."""
        if case.context != "alone" or not 2 <= len(case.suite) <= _MOST_TESTS or case.flaky:
            return 0.0
        in_suite = case.facts.get("in_suite")
        if in_suite == Outcome.PASSED:
            return 0.9
        return 0.02 if in_suite is not None and Outcome(in_suite).is_red else 0.3

    def investigate(self, case: Case) -> Steps:
        """The whole suite; where it passes there, the smallest set that is enough."""
        order = list(case.suite)
        (run,) = yield from look(case.base.plus(nodeids=tuple(order)), why="the whole suite around it")
        if not run.passed(case.nodeid):
            return Finding(excluded="it fails in the whole suite too: no other test sets what it needs")
        others = [nodeid for nodeid in order if nodeid != case.nodeid]
        setters = yield from minimise(
            others,
            lambda part: _after(case, part, others),
            lambda seen: seen.passed(case.nodeid),
            "fewer tests before it",
        )
        named = " and ".join(setters)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="before", from_="alone", to=list(setters)),
            prediction=f"Alone it fails; after {named} it passes, because that test makes what it needs.",
            baseline=case.base,
            treated=_after(case, setters, others),
            watch=(case.nodeid,),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"{named} does not make it pass every time")
        cause = RootCause(
            kind="order-dependent",
            summary=f"it fails alone and passes after {named}: it needs what that test leaves behind",
            factor=trial.result.factor,
            culprits=tuple(setters),
            confidence="proven",
        )
        return Finding(cause=cause, proof=experiment)


def _after(case: Case, part: Sequence[str], others: Sequence[str]) -> Setup:
    """These tests and the subject, in the order of the suite; the subject keeps its place."""
    wanted = {*part, case.nodeid}
    order = case.suite if set(case.base.nodeids) <= set(case.suite) else case.base.nodeids
    return case.base.plus(nodeids=tuple(nodeid for nodeid in order if nodeid in wanted))


def _cause(polluters: Sequence[str], leak: Leak | None, factor: Factor | None) -> RootCause:
    named = " and ".join(polluters)
    kind: CauseKind = "order-dependent"
    summary = f"it passes alone and fails after {named}"
    if len(polluters) > 1:
        summary += ": it needs all of them"
    if leak is not None:
        kind = "working-directory" if leak.places == ("cwd",) else "order-dependent"
        shown = ", ".join(leak.shown)
        summary += f"; what leaks is {shown}: restored, the test passes"
    return RootCause(
        kind=kind,
        summary=summary,
        factor=leak.factor if leak else factor,
        culprits=tuple(polluters),
        confidence="proven",
    )
