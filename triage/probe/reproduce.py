"""Reproduce a failure: alone, then in ever more company, then in several processes; the first counts.

A recorded order is a sequence: where a run shows which tests preceded the subject in its process, they come
first, in that very order, and are never sorted back into the order of the suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.lab.budget import BudgetSpent
from triage.lab.collect import NO_XDIST, Parallel
from triage.lab.lab import Lab
from triage.lab.protocol import Look, Observation, Setup
from triage.lab.verdict import still_allowed
from triage.model.failure import Failure
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome
from triage.probe.api import Context
from triage.probe.probes.twice import run_twice
from triage.run.shared_things import TAKEN
from triage.text.plural import counted_noun

_FIRST = 2
"""Runs alone; a flaky test seldom passes or fails in both of them by chance."""
_SHORT_LIMIT = 30.0
"""Seconds that the first runs get: a test that hangs takes them, whatever the suite's own limit is."""
_SHARE_OF_BUDGET = 0.5
"""Of a small budget they get so much: that a test hangs is worth little if no time is left to ask why."""
_HANGING_LIMIT = 6.0
"""Seconds for a test that was seen to hang at one line: its experiments need not wait longer."""
_MORE_ALONE = 10
"""Runs alone after it passed everywhere: 12 green runs allow a failure rate of 22 %."""
_UNDISTURBED = 5
"""Runs with nothing beside them of a test that failed while another copy of it ran: one that fails half the
time passes all of them in 1 of 32 cases, and is mostly red in the first two."""
_TRIES_AT_ONCE = 2
"""Runs in several processes: whether two tests meet there is a matter of moments."""
_IN_WORDS: dict[Context, str] = {
    "alone": "alone in its process",
    "file": "with the tests of its file",
    "chunk": "among the tests of its process, as a run recorded them",
    "imports": "alone, where the other test files are imported too",
    "suite": "in the whole suite",
    "workers": "in several processes at once",
    "twice": "the second time that it runs in one process",
}


@dataclass(frozen=True)
class Reproduction:
    """Where the failure was seen, and how often."""

    nodeid: str
    setup: Setup
    """Where it fails."""
    context: Context
    observed: Observation
    """The run that showed the failure."""
    failed: int
    runs: int
    text: str
    """One sentence with the number of runs."""

    @property
    def failure(self) -> Failure:
        """The failure that was seen; one without a message where the process died or hung."""
        found = self.observed.failures.get(self.nodeid)
        if found is not None:
            return found
        outcome = self.observed.outcome(self.nodeid)
        return Failure(nodeid=self.nodeid, phase="call", longrepr=outcome.value)


@dataclass(frozen=True)
class NotReproduced:
    """The test was not seen to fail."""

    text: str
    """One sentence with the number of runs, and the failure rate that they still allow."""
    is_green: bool = False
    """Whether it passed in every company."""


def reproduce(
    lab: Lab,
    nodeid: str,
    suite: Sequence[str],
    chunk: Sequence[str] = (),
    *,
    in_place_first: bool = False,
    parallel: Parallel = NO_XDIST,
    is_recorded: bool = True,
    first: Sequence[Observation] = (),
) -> Reproduction | NotReproduced:
    """Run it alone, then among more and more tests, then in several processes at once, until it fails.

    `first` are its first runs alone where they have been made already (see `run_first`).

    `suite` is in the order of collection, `chunk` are the tests that shared its process in a recorded run, in
    the order in which they ran. `in_place_first` tries all that preceded it there before smaller company: the
    reruns of that run have found it red behind them. `parallel` tells how several processes can be had; where
    the suite's options start them they come first. Where no failure `is_recorded`, a second run in one
    process is tried too: of a failure on record that would be another one. Lowers the laboratory's limit for
    a test that hangs.
    """
    alone = Setup(nodeids=(nodeid,))
    first = first or run_first(lab, nodeid)
    if not first:
        return NotReproduced("The budget was spent before the test had run alone: nothing is known yet.")
    if any(run.red(nodeid) for run in first):
        meeting = _failed_by_meeting(lab, nodeid, first, parallel)
        return meeting or _reproduced(nodeid, alone, "alone", first)
    if not any(run.outcome(nodeid).passes for run in first):  # and none is red
        outcome = first[0].outcome(nodeid).value.replace("_", " ")
        return NotReproduced(
            f"Not reproduced: the test is {outcome} here, so there is no failure to explain."
        )
    tried = [
        *companies(nodeid, suite, chunk, in_place_first=in_place_first),
        *processes_at_once(nodeid, suite, parallel),
    ]
    if not is_recorded:
        tried.append(("twice", run_twice(nodeid)))
    if parallel.asked:
        tried.sort(key=lambda each: each[0] != "workers")
    for context, setup in tried:
        times = _TRIES_AT_ONCE if context == "workers" else 1
        try:
            runs = lab.look([Look(setup=setup, why=f"does it fail {_said_of(context, setup)}?")] * times)
        except BudgetSpent:
            return _unfinished(first, context)
        if any(run.red(nodeid) for run in runs):
            in_one = _in_order_of_its_worker(lab, nodeid, runs)
            return in_one or _reproduced(nodeid, setup, context, runs)
    where = _company(chunk, parallel)
    if not is_recorded:
        where += ", and a second time in one process"
    return _more_runs_alone(lab, nodeid, alone, first, where=where)


def processes_at_once(
    nodeid: str, suite: Sequence[str], parallel: Parallel
) -> Iterator[tuple[Context, Setup]]:
    """Itself in each worker of pytest-xdist, then its file and the suite shared out among the workers."""
    if not parallel.installed:
        return
    alone = Setup(nodeids=(nodeid,), workers=parallel.workers, distribution="each")
    yield "workers", alone
    shared_out = Setup(nodeids=(), workers=parallel.workers, distribution=parallel.distribution)
    file = _of_file(file_of(nodeid), suite)
    for nodeids in dict.fromkeys((file, tuple(suite))):
        if len(nodeids) > 1:
            yield "workers", shared_out.plus(nodeids=nodeids)


def _failed_by_meeting(
    lab: Lab, nodeid: str, first: Sequence[Observation], parallel: Parallel
) -> Reproduction | None:
    """The failure as one of two copies at once, where it never comes to a test with nothing beside it.

    The first runs stand side by side, and a fixed port or a file outside of the working copy is one for both.
    """
    red = [run for run in first if run.red(nodeid)]
    is_taken = any(TAKEN.search(run.failures[nodeid].longrepr) for run in red if nodeid in run.failures)
    if not parallel.installed or (len(red) == len(first) and not is_taken):
        return None
    alone = Setup(nodeids=(nodeid,), workers=0)
    try:
        for _ in range(_UNDISTURBED):
            (run,) = lab.look([Look(setup=alone, why="does it fail with nothing beside it?")])
            if not run.passed(nodeid):
                return None
        at_once = alone.plus(workers=parallel.workers, distribution="each")
        why = f"does it fail {_said_of('workers', at_once)}?"
        runs = lab.look([Look(setup=at_once, why=why)] * _TRIES_AT_ONCE)
    except BudgetSpent:
        return None
    if any(run.red(nodeid) for run in runs):
        return _reproduced(nodeid, at_once, "workers", runs)
    return None


def _in_order_of_its_worker(lab: Lab, nodeid: str, runs: Sequence[Observation]) -> Reproduction | None:
    """The failure in one process, behind the tests that ran before it in its worker: their order decides.

    None where it passes there, where nothing ran before it, and for runs in one process.
    """
    for run in runs:
        before = run.before_in_worker(nodeid)
        if not run.red(nodeid) or not before:
            continue
        setup = Setup(nodeids=(*before, nodeid))
        try:
            again = lab.look([Look(setup=setup, why="does it fail in the order of its worker?")])
        except BudgetSpent:
            return None
        if again[0].red(nodeid):
            return _reproduced(nodeid, setup, "chunk", again)
    return None


def _said_of(context: Context, setup: Setup) -> str:
    """Where a test ran, as a clause."""
    if context != "workers":
        return _IN_WORDS[context]
    options = f"-n {setup.workers} --dist {setup.distribution}"
    others = len(setup.nodeids) - 1
    company = f"with {counted_noun(others, 'other test')}" if others else "alone"
    return f"under pytest {options}, {company}"


def run_first(lab: Lab, nodeid: str) -> list[Observation]:
    """Run it alone, under a short limit first; only a test that hangs at one line keeps that.

    One that gets on needs time, and is run again under the suite's own limit. Empty where the budget was
    spent before.
    """
    try:
        return _first_runs(lab, nodeid, Setup(nodeids=(nodeid,)))
    except BudgetSpent:
        return []


def _first_runs(lab: Lab, nodeid: str, alone: Setup) -> list[Observation]:
    limits = lab.limits
    share = _SHARE_OF_BUDGET * lab.spending.seconds_left
    short = min(limits.test_timeout or _SHORT_LIMIT, _SHORT_LIMIT, max(share, _HANGING_LIMIT))
    lab.limits = limits.model_copy(update={"test_timeout": short})
    looks = [Look(setup=alone, why="does it fail alone?")] * _FIRST
    runs = lab.look(looks)
    if not any(run.outcome(nodeid) is Outcome.TIMEOUT for run in runs):
        lab.limits = limits
        return runs
    if limits.test_timeout == short:
        return runs
    if len({tuple(_stack(run, nodeid)) for run in runs}) == 1:
        lab.limits = limits.model_copy(update={"test_timeout": _HANGING_LIMIT})
        lab.notes.append(
            f"It hung at the same line after {short:g} s in {len(runs)} runs: "
            f"the experiments wait {_HANGING_LIMIT:g} s, not the suite's limit."
        )
        return runs
    lab.limits = limits
    return lab.look(looks)


def _stack(run: Observation, nodeid: str) -> list[tuple[str, int | None]]:
    failure = run.failures.get(nodeid)
    if failure is None:
        return []
    return [(frame.path, frame.lineno) for raised in failure.chain for frame in raised.frames]


def companies(
    nodeid: str, suite: Sequence[str], chunk: Sequence[str], *, in_place_first: bool = False
) -> Iterator[tuple[Context, Setup]]:
    """Ever more company: what ran before it on record, its file, the imports of others, its chunk, the suite.

    With `in_place_first` all that ran before it comes first, else the part of that in its file. Each sequence
    comes once, however many of these it is.
    """
    known = set(suite)
    recorded = tuple(other for other in chunk if other in known)
    before = recorded[: recorded.index(nodeid) + 1] if nodeid in recorded else ()
    path = file_of(nodeid)
    files = tuple(dict.fromkeys(file_of(other) for other in suite))
    in_place: tuple[Context, Setup] = ("chunk", Setup(nodeids=before))
    in_file_before: tuple[Context, Setup] = ("file", Setup(nodeids=_of_file(path, before)))
    candidates: tuple[tuple[Context, Setup], ...] = (
        *((in_place, in_file_before) if in_place_first else (in_file_before, in_place)),
        ("file", Setup(nodeids=_of_file(path, suite))),
        ("imports", Setup(nodeids=(nodeid,), imports=files if len(files) > 1 else ())),
        ("chunk", Setup(nodeids=recorded if before else ())),
        ("suite", Setup(nodeids=tuple(suite))),
    )
    tried = {Setup(nodeids=()).model_dump_json(), Setup(nodeids=(nodeid,)).model_dump_json()}
    for context, setup in candidates:
        key = setup.model_dump_json()
        if key not in tried:
            tried.add(key)
            yield context, setup


def _of_file(path: str, nodeids: Sequence[str]) -> tuple[str, ...]:
    return tuple(nodeid for nodeid in nodeids if file_of(nodeid) == path)


def _unfinished(first: Sequence[Observation], context: Context) -> NotReproduced:
    """What is known where the budget was spent before the test had run in this company."""
    alone = f"Passed {len(first)} of {len(first)} times alone"
    return NotReproduced(f"{alone}; the budget was spent before it had run {_IN_WORDS[context]}.")


def _more_runs_alone(
    lab: Lab, nodeid: str, alone: Setup, first: Sequence[Observation], *, where: str
) -> Reproduction | NotReproduced:
    """Run it alone some more times, for a rare failure; without one, say which rate is still possible."""
    runs = list(first)
    try:
        for _ in range(_MORE_ALONE // 2):
            runs += lab.look([Look(setup=alone, why="does it ever fail?")] * 2)
            if any(run.red(nodeid) for run in runs):
                return _reproduced(nodeid, alone, "alone", runs)
    except BudgetSpent:
        pass  # the runs so far are an answer
    return NotReproduced(
        f"Not reproduced: passed {len(runs)} of {len(runs)} times alone, and {where}; "
        f"a failure rate up to {still_allowed(len(runs)):.0%} is not excluded.",
        is_green=True,
    )


def _company(chunk: Sequence[str], parallel: Parallel) -> str:
    """Where else it passed, as a clause; and where it could not be run."""
    places = "in its file and the suite"
    if len(chunk) > 1:
        places = "once behind the tests that preceded it on record, in its file and in the suite"
    if parallel.installed:
        return f"{places}, and under pytest -n {parallel.workers}"
    return f"{places} (not in several processes at once: pytest-xdist is not installed)"


def _reproduced(nodeid: str, setup: Setup, context: Context, runs: Sequence[Observation]) -> Reproduction:
    red = [run for run in runs if run.red(nodeid)]
    text = f"Reproduced {_said_of(context, setup)}: failed {len(red)} of {len(runs)} times."
    return Reproduction(nodeid, setup, context, red[0], len(red), len(runs), text)
