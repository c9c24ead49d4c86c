"""Derive exit criteria from the recorded failing runs of a cluster that nobody designed a repair for.

An ordinary commit mended it. What its design would have asked for follows from the runs that show it red: the
same tests, alone and in their recorded places, under the conditions of then, often enough for their rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from triage.campaign.declared_settings import DeclaredSettings
from triage.config import Settings
from triage.evidence.folder import EvidenceFolder
from triage.lab.collect import Collected
from triage.model.criterion import Conditions, Criterion, Scope
from triage.model.experiment import Factor
from triage.model.failure import present_name
from triage.model.journal import Relocation
from triage.model.nodeid import file_of, without_parameters
from triage.model.rate import FlakyRecord
from triage.model.recorded_criteria import (
    EnvironmentChange,
    MissingTest,
    RecordedCriteria,
    RecordedFailure,
    RenamedTest,
)
from triage.repair.asked import (
    MOST_RUNS,
    files_of_tests,
    ledgers_criterion,
    no_new_failures,
    passing,
    pytest_command,
    runs_for,
    without_runs,
)
from triage.repair.environment_change import environment_change
from triage.repair.recorded_failures import FailingRun, FoundFailure
from triage.repair.tree_change import EarlierTree, PresentTree, change_since, kept_tests

_MOST_APART = 12
"""So many failing tests run in a process of their own each; more of them share one, which is their scope
`alone` in a design too."""


@dataclass(frozen=True, kw_only=True)
class RecordedGround:
    """What the criteria are derived from."""

    cluster: str
    title: str
    found: tuple[FoundFailure, ...]
    unseen: tuple[str, ...]
    collected: Collected
    """The suite as it is now."""
    moves: tuple[Relocation, ...] = ()
    """What was renamed since the journal heard of it; `found` has the names of today."""
    declared_then: Mapping[str, DeclaredSettings] = field(default_factory=dict)
    """What the project's settings said when a failing run was made, by its STAMP, where git has them."""
    new_name: Callable[[str], str | None]
    """What a failing test that is gone seems to be called now."""
    settings: Settings
    environ: Mapping[str, str]
    records: Mapping[str, FlakyRecord]
    """What is on record of flaky tests, by node id."""
    factor: Factor | None = None
    """What the latest probe of the cluster found to decide."""


def derive(ground: RecordedGround, tree: PresentTree, folder: EvidenceFolder, where: str) -> RecordedCriteria:
    """The criteria, with everything that they rest on; `where` is the folder as documents name it."""
    there = [each for each in ground.found if _is_there(each.failure, ground.collected)]
    gone = [each.failure.nodeid for each in ground.found if each not in there]
    subject = _names(there)
    by_stamp = {each.run.record.stamp: each.run for each in ground.found}
    earlier = {stamp: EarlierTree.of(run.folder) for stamp, run in sorted(by_stamp.items())}
    tests = []
    for stamp, then in earlier.items():
        own = [each.failure for each in there if each.failure.stamp == stamp]
        names = [(present_name(failure.recorded_as), failure.nodeid) for failure in own]
        tests += list(kept_tests(names, then, tree))
    return RecordedCriteria(
        stamp=folder.stamp,
        campaign=folder.campaign,
        folder=where,
        cluster=ground.cluster,
        title=ground.title,
        subject=subject,
        failures=tuple(each.failure for each in ground.found),
        unseen=ground.unseen,
        renamed=tuple(_renamed(ground, there, earlier)),
        missing=tuple(MissingTest(nodeid=name, renamed_to=ground.new_name(name)) for name in gone),
        changes=tuple(change_since(then, tree) for then in earlier.values()),
        environments=tuple(_environments(ground, by_stamp)),
        tests=tuple(tests),
        criteria=tuple(_criteria(ground, there, subject)),
    )


def _environments(ground: RecordedGround, runs: Mapping[str, FailingRun]) -> Iterator[EnvironmentChange]:
    variables = {**ground.environ, **ground.settings.process_env}
    for _, run in sorted(runs.items()):
        yield environment_change(run.folder, ground.settings.python, variables, ground.factor)


def _renamed(
    ground: RecordedGround, there: Sequence[FoundFailure], earlier: Mapping[str, EarlierTree]
) -> Iterator[RenamedTest]:
    """The failing tests that only the repository has followed to their names of today."""
    for each in there:
        before = each.renamed_from
        if before is None:
            continue
        how_of = {move.old: move.how for move in ground.moves}
        test = without_parameters(before)
        how = how_of[test if test in how_of else file_of(before)]
        since = earlier[each.failure.stamp].commit
        yield RenamedTest(nodeid=before, now=each.failure.nodeid, how=how, since=since)


def _criteria(
    ground: RecordedGround, there: Sequence[FoundFailure], subject: tuple[str, ...]
) -> Iterator[Criterion]:
    yield from _that_run_nothing()
    if subject:
        yield from _alone(ground, there)
        yield from _in_place(ground, there)
        yield from _chunks(ground, there)
    yield ledgers_criterion()


def _that_run_nothing() -> Iterator[Criterion]:
    yield without_runs("red-before", "a recorded run shows each failing test red")
    yield without_runs("members", "no failing test was deleted or renamed")
    yield without_runs("change", "the tree, or the environment, is another than that of the failing run")
    yield without_runs("tests", "the failing tests assert what they asserted, and skip nothing more")


def _alone(ground: RecordedGround, there: Sequence[FoundFailure]) -> Iterator[Criterion]:
    """One for each failing run: each has conditions of its own."""
    by_run: dict[str, list[FoundFailure]] = {}
    for each in there:
        by_run.setdefault(each.failure.stamp, []).append(each)
    for number, (stamp, members) in enumerate(by_run.items(), start=1):
        subject = _names(members)
        runs = max(_runs(ground, each) for each in members)
        is_apart = len(subject) <= _MOST_APART
        how = "each in a process of its own" if is_apart else "by themselves in one process"
        conditions, as_then = _conditions(ground, members[0].run)
        yield passing(
            _numbered("alone", number),
            f"the tests that fail in {stamp} pass, {how}{as_then}",
            Scope.ALONE,
            subject,
            runs,
            watched=subject,
            apart=is_apart,
            conditions=conditions,
            command=pytest_command(ground.settings, subject, conditions=conditions),
        )


def _in_place(ground: RecordedGround, there: Sequence[FoundFailure]) -> Iterator[Criterion]:
    """One for each process of the failing runs in which other tests ran before a failing one."""
    places: dict[tuple[str, str | None, int | None, str], list[FoundFailure]] = {}
    for each in there:
        failure = each.failure
        file = "" if failure.chunk is not None else file_of(failure.recorded_as)
        places.setdefault((failure.stamp, failure.chunk, failure.attempt, file), []).append(each)
    number = 0
    for members in places.values():
        recorded = _up_to_last(members)
        watched = _names(members)
        nodeids, gone = _still_there(recorded, watched, ground.collected)
        if nodeids == watched and len(watched) == 1:
            continue  # nothing ran before it: alone is its place
        number += 1
        runs = max(_runs(ground, each) for each in members)
        run = members[0].run
        conditions, as_then = _conditions(ground, run)
        yield passing(
            _numbered("in-place", number),
            _place_in_words(members[0].failure, run, gone) + as_then,
            Scope.CONTEXT,
            nodeids,
            runs,
            watched=watched,
            conditions=conditions,
            command=pytest_command(ground.settings, nodeids, conditions=conditions),
        )


def _chunks(ground: RecordedGround, there: Sequence[FoundFailure]) -> Iterator[Criterion]:
    """The chunks of the failing tests, and what their files have beside: a repair may break neighbours."""
    groups: dict[tuple[str, str], list[FoundFailure]] = {}
    for each in there:
        name = each.failure.chunk or file_of(each.failure.recorded_as)
        groups.setdefault((each.failure.stamp, name), []).append(each)
    for number, ((stamp, name), members) in enumerate(groups.items(), start=1):
        run = members[0].run
        watched = _names(members)
        files = {file_of(nodeid) for nodeid in watched}
        beside = [nodeid for nodeid in ground.collected.tests if file_of(nodeid) in files]
        recorded = [*run.chunk_of(members[0].result), *beside]
        nodeids, _ = _still_there(recorded, watched, ground.collected)
        conditions, _ = _conditions(ground, run)
        yield no_new_failures(
            _numbered("chunk", number),
            f"the tests of {name} of {stamp}, and of the failing tests' files, have no new failures",
            Scope.CHUNK,
            nodeids,
            sorted(set(run.was_red) - set(watched)),
            conditions=conditions,
            command=pytest_command(ground.settings, files_of_tests(nodeids), conditions=conditions),
        )


def _names(found: Sequence[FoundFailure]) -> tuple[str, ...]:
    """Each test once: a matrix has a failure of it in every place."""
    return tuple(dict.fromkeys(each.failure.nodeid for each in found))


def _runs(ground: RecordedGround, found: FoundFailure) -> int:
    """As many passes as the failure rate of its run asks for at 95 %, or the history, if that is more."""
    needed = runs_for(found.failure.failed / found.failure.runs)
    record = ground.records.get(found.result.nodeid)
    if record is not None:
        needed = max(needed, record.passes_needed)
    return min(MOST_RUNS, needed)


def _up_to_last(members: Sequence[FoundFailure]) -> list[str]:
    """The tests of a process, in order, up to the last failing one of the cluster."""
    first = members[0]
    together = first.run.with_others(first.result)
    own = {first.run.name_now(each.result.nodeid) for each in members}
    last = max((place for place, nodeid in enumerate(together) if nodeid in own), default=-1)
    return list(together[: last + 1])


def _still_there(
    recorded: Sequence[str], watched: Sequence[str], collected: Collected
) -> tuple[tuple[str, ...], int]:
    """Those of the recorded tests that can be run, the watched ones among them, and how many are gone."""
    known = {*collected.tests, *watched}
    names = dict.fromkeys(_present(nodeid, known) for nodeid in recorded)
    nodeids = dict.fromkeys(name for name in (*names, *watched) if name in known)
    return tuple(nodeids), len([name for name in names if name not in known])


def _present(nodeid: str, known: set[str]) -> str:
    """The name without the mark of the surroundings in which a report ran it, where that is a test."""
    return nodeid if nodeid in known else present_name(nodeid)


def _place_in_words(failure: RecordedFailure, run: FailingRun, gone: int) -> str:
    where = failure.chunk or f"their file in {failure.stamp}"
    text = f"the failing tests pass behind the tests that ran before them in {where} of {run.record.stamp}"
    if gone:
        text += f" ({gone} of these no longer in the suite)"
    return text


def _conditions(ground: RecordedGround, run: FailingRun) -> tuple[Conditions, str]:
    """How a failing run's tests are asked, and which variables are as they were then, and which as now.

    What the project's settings gave to the run is as they have it now: they are under version control, and a
    repair may lie in them alone.
    """
    settings = ground.settings
    recorded = run.conditions(settings.process_env, ground.environ)
    then = ground.declared_then.get(run.record.stamp)
    own = then.redeclared(recorded, settings) if then is not None else ()
    conditions = then.as_declared_now(recorded, settings) if then is not None else recorded
    said = f", with {', '.join(sorted(conditions.env))} as then" if conditions.env else ""
    if own:
        said += f", with {', '.join(sorted(own))} as the settings have it now"
    return conditions, said


def _numbered(name: str, number: int) -> str:
    """`chunk`, `chunk-2`: one failing run is the common case."""
    return name if number == 1 else f"{name}-{number}"


def _is_there(failure: RecordedFailure, collected: Collected) -> bool:
    """Whether a test can still be asked: it is collected, or its file is there and does not collect."""
    nodeid = failure.nodeid
    if nodeid in collected.tests:
        return True
    if any(nodeid.startswith(broken) for broken in collected.broken):
        return True
    is_file = "::" not in nodeid
    return is_file and any(test.startswith(nodeid) for test in collected.tests)
