"""Find the tests, or the imports, that make a test fail which passes alone.

The order in which the failure was seen is a sequence: parts of it are run in that very order, never sorted
back into the order of the suite. Where several sets of tests are each enough, each is found and confirmed:
a repair of one of them leaves the failure where it is.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from triage.lab.protocol import Answer, Experiment, Setup, Step
from triage.model.experiment import CauseKind, Factor, Patch, RootCause, Status
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.leak_writers import LeakWriter, find_writer
from triage.probe.leaked_state import LeakedState, find_leaked_state
from triage.probe.minimise import minimise
from triage.probe.polluter_repairs import repairs_of
from triage.probe.product_repairs import product_repair
from triage.probe.treatment import repeats_of
from triage.text.capital import capitalised

NEEDS_OTHERS = "needs_others"
"""Fact of a case: the hint of the run that showed it red."""
_MOST_SETS = 4
"""Sets of polluters that are searched for, each enough without the others: more are only said to exist."""
_Tests = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]


def fails_in_company_only(case: Case) -> bool:
    """Whether the test passed alone and failed after others, in one process."""
    return case.context not in ("alone", "workers", "twice")


def said_to_need_others(case: Case) -> bool:
    """Whether the run's own reruns found it green alone and red in its place, and so did its reproduction."""
    return fails_in_company_only(case) and bool(case.facts.get(NEEDS_OTHERS))


class Order:
    """Find the polluters of a victim: it passes alone and fails after them."""

    name = "order"

    def investigate(self, case: Case) -> Steps:
        """Search the smallest sets of polluters, test each, then find the state that they leak."""
        if case.context == "imports":
            return (yield from self._imports(case))
        if not _others(case):
            return Finding(excluded="nothing runs before it")
        polluters = yield from self._search(case, _others(case))
        if not polluters:
            return Finding(excluded="no set of other tests makes it fail again")
        experiment = self._experiment(case, polluters)
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"it does not depend on {', '.join(polluters)}")
        leaked = yield from find_leaked_state(self.name, case, experiment.baseline, experiment.treated)
        writer: LeakWriter | None = None
        patches: tuple[Patch, ...] = ()
        if leaked is not None:
            writer = yield from find_writer(case, polluters, experiment.baseline, leaked)
        if leaked is not None and writer is not None and not writer.fills_cache:
            patches = yield from product_repair(case, writer, leaked, polluters, experiment.baseline)
        # a product that leaks has many polluters: with its repair the recorded order passes, whoever they are
        further = [] if patches else (yield from self._further_sets(case, polluters))
        sets = [polluters, *further]
        cause = _cause(sets, leaked, trial.result.factor)
        if leaked is None:
            return Finding(cause=cause, proof=experiment)
        if writer is not None:
            cause = _with_writer(cause, writer)
            if writer.fills_cache:
                # every edit of the tests would clear the cache, and leave what fills it wrongly
                return Finding(cause=cause, proof=experiment)
        patches += yield from repairs_of(case, sets, leaked, after)
        return Finding(cause=cause, proof=experiment, patches=patches)

    def _search(self, case: Case, others: Sequence[str]) -> _Tests:
        """The tests before the victim first; those after it can still matter by being imported."""
        place = case.base.nodeids.index(case.nodeid) if case.nodeid in case.base.nodeids else len(others)
        before = [nodeid for nodeid in others if nodeid in set(case.base.nodeids[:place])]
        candidate_sets = [before] if len(before) == len(others) else [before, list(others)]
        for candidates in candidate_sets:
            if not candidates:
                continue
            if (yield from self._is_red_after(case, candidates)):
                return (
                    yield from minimise(
                        candidates,
                        lambda part: after(case, part),
                        lambda seen: seen.red(case.nodeid),
                        "fewer tests before it",
                    )
                )
        return ()

    def _is_red_after(
        self, case: Case, candidates: Sequence[str]
    ) -> Generator[tuple[Step, ...], tuple[Answer, ...], bool]:
        """Whether it fails after all of these; where that is how it was reproduced, it does."""
        setup = after(case, candidates)
        if setup == case.base and not case.flaky:
            return True
        (run,) = yield from look(setup, why="the tests before it")
        return run.red(case.nodeid)

    def _further_sets(
        self, case: Case, first: Sequence[str]
    ) -> Generator[tuple[Step, ...], tuple[Answer, ...], list[tuple[str, ...]]]:
        """Sets that make it fail without any test of those found before, each confirmed."""
        found: list[tuple[str, ...]] = []
        left = [nodeid for nodeid in _others(case) if nodeid not in first]
        while left and 1 + len(found) < _MOST_SETS:
            polluters = yield from self._search(case, left)
            if not polluters:
                break
            (trial,) = yield from test(self._experiment(case, polluters))
            if trial.result.status is not Status.CONFIRMED:
                break
            found.append(polluters)
            left = [nodeid for nodeid in left if nodeid not in polluters]
        return found

    def _experiment(self, case: Case, polluters: Sequence[str]) -> Experiment:
        repeats, alpha = repeats_of(case)
        return Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="before", from_=list(polluters), to="alone"),
            prediction=f"After {' and '.join(polluters)} it fails; alone it passes.",
            baseline=after(case, polluters),
            treated=case.base.plus(nodeids=(case.nodeid,), imports=()),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
            arm_names=(f"after {' and '.join(polluters)}", "alone"),
        )

    def _imports(self, case: Case) -> Steps:
        """Search the test files whose import alone makes it fail: none of their tests runs."""
        own = file_of(case.nodeid)
        others = [path for path in case.base.imports if path != own]

        def importing(part: Sequence[str]) -> Setup:
            wanted = {*part, own}
            return case.base.plus(imports=tuple(path for path in case.base.imports if path in wanted))

        polluters = yield from minimise(
            others, importing, lambda seen: seen.red(case.nodeid), "fewer test files imported"
        )
        named = " and ".join(polluters)
        repeats, alpha = repeats_of(case)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="order", name="imports", from_=list(polluters), to=own),
            prediction=f"Where {named} is imported it fails; where only its own file is, it passes.",
            baseline=importing(polluters),
            treated=case.base.plus(imports=()),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
            arm_names=(f"with {named} imported", "only its own file imported"),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"it does not depend on the import of {named}")
        leaked = yield from find_leaked_state(self.name, case, experiment.baseline, experiment.treated)
        summary = (
            f"the test passes where only its own file is imported and fails where {named} is imported too"
        )
        summary += ", though none of the tests there runs"
        if leaked is not None:
            summary += (
                f". The import changes {' and '.join(leaked.shown)}: with that put back, the test passes"
            )
        cause = RootCause(
            kind=_kind_of(leaked),
            summary=summary,
            factor=trial.result.factor,
            culprits=tuple(polluters),
            confidence="proven",
        )
        return Finding(cause=cause, proof=experiment)


def after(case: Case, part: Sequence[str]) -> Setup:
    """These tests and the subject, in the order in which it failed; the subject keeps its place."""
    wanted = {*part, case.nodeid}
    return case.base.plus(nodeids=tuple(nodeid for nodeid in case.base.nodeids if nodeid in wanted))


def _others(case: Case) -> list[str]:
    return [nodeid for nodeid in case.base.nodeids if nodeid != case.nodeid]


def _cause(sets: Sequence[tuple[str, ...]], leaked: LeakedState | None, factor: Factor | None) -> RootCause:
    sets = sorted(sets, key=len)  # smallest first; equal ones in the order of discovery
    summary = f"the test passes alone and fails after {_spelled(sets)}"
    if leaked is not None:
        summary += f". What leaks is {' and '.join(leaked.shown)}: with that put back, the test passes"
    return RootCause(
        kind=_kind_of(leaked),
        summary=summary,
        factor=leaked.factor if leaked else factor,
        culprits=(*(nodeid for polluters in sets for nodeid in polluters), *_variables(leaked)),
        confidence="proven",
    )


def _with_writer(cause: RootCause, writer: LeakWriter) -> RootCause:
    """The cause with whoever wrote what leaks; the tests stay the first culprits.

    That a cache is filled shows only under which condition its answer is wrong, not why.
    """
    return cause.model_copy(
        update={
            "summary": f"{cause.summary}. {capitalised(writer.sentence)}",
            "culprits": (*cause.culprits, writer.place),
            "at_fault": writer.at_fault,
            "confidence": "likely" if writer.fills_cache else cause.confidence,
        }
    )


def _variables(leaked: LeakedState | None) -> tuple[str, ...]:
    """Environment variables that the test needs and the polluters change: both are named."""
    keys = leaked.keys if leaked is not None else ()
    return tuple(key.removeprefix("env:") for key in keys if key.startswith("env:"))


def _spelled(sets: Sequence[tuple[str, ...]]) -> str:
    """Which tests are needed before it, as a clause."""
    each = [" and ".join(polluters) for polluters in sets]
    if len(sets) == 1:
        return f"{each[0]}: it needs all of them" if len(sets[0]) > 1 else each[0]
    what = "tests" if all(len(polluters) == 1 for polluters in sets) else "sets of tests"
    more = " (there may be more)" if len(sets) == _MOST_SETS else ""
    return f"any one of these {len(sets)} {what}{more}: {'; '.join(each)}"


def _kind_of(leaked: LeakedState | None) -> CauseKind:
    if leaked is not None and leaked.keys == ("cwd",):
        return "working-directory"
    return "order-dependent"
