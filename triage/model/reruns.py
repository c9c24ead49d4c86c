"""Run a red test again: which run comes next, and what all of them together say.

A red test is run alone, and where it is green alone, behind the tests that preceded it in its process. The
rules are pure, so that `triage check` can draw the same conclusion from the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import comb

from triage.model.base import Value
from triage.model.outcome import Outcome
from triage.model.run import RerunHint, Reruns

FOLDER = "reruns"
"""In the STAMP folder: `reruns.json`, the records of all reruns in `events.jsonl`, the end of each log."""
DEFAULT_RERUNS = 2
"""Runs alone before a failure counts as steady: of tests that fail half the time 3 in 4 show themselves."""
DEFAULT_RERUN_BUDGET = 600.0
"""Seconds for all reruns of a run: two tests that hang up to the default limit of a test."""
MOST_RED_SHARE = 0.1
"""With a larger share of the suite red there is one cause for all, which is not chance: no reruns."""
FEW_RED = 10
"""So many red tests are run again however small the suite is: a tenth of 20 tests would be 2."""
_SURE = 50
"""Of so many equally likely orders of greens and reds one has all greens alone: 2 %. Runs alone are cheap,
and a flaky test that is taken for one that needs others fails the gate."""


class Place(StrEnum):
    """Where in a process a test is run again."""

    ALONE = "alone"
    """The only test of its process."""
    IN_PLACE = "in-place"
    """Behind the tests that preceded it in its process, in the recorded sequence."""


class Rerun(Value):
    """One run of a red test again."""

    place: Place
    outcome: Outcome
    seconds: float
    behind: int = 0
    """How many tests ran before it in the process."""
    chunk: str
    """Names the process in `reruns/events.jsonl`."""


class RerunTest(Value):
    """All runs of one red test again: a row of `reruns/reruns.json`."""

    nodeid: str
    nth: int = 0
    """Which of the items with this id."""
    first: Outcome
    """Its outcome in the suite."""
    has_predecessors: bool
    """Whether other tests ran before it in its process."""
    beside_others: bool = False
    """Whether other chunks ran at the same time, and none did when it was run again."""
    most: int
    """So many runs alone, all red, make its failure a steady one."""
    runs: tuple[Rerun, ...] = ()


class RerunDocument(Value):
    """`reruns/reruns.json`."""

    tests: tuple[RerunTest, ...]
    """In the order of the plan."""


def too_many_red(red: int, planned: int) -> bool:
    """Whether so much of the suite is red that reruns would cost much and tell nothing."""
    return red > max(FEW_RED, MOST_RED_SHARE * planned)


def next_place(test: RerunTest) -> Place | None:
    """Where the test runs next; None where the runs so far answer."""
    alone = _colours(test.runs, Place.ALONE)
    in_place = _colours(test.runs, Place.IN_PLACE)
    if None in alone or None in in_place:
        return None  # it was skipped or did not come to run: a further run would give no answer either
    if True not in alone:
        return Place.ALONE if len(alone) < test.most else None
    if False in alone or True in in_place or not test.has_predecessors:
        return None
    if not in_place:
        return Place.IN_PLACE
    # Green alone and red in its place may be chance too; runs alone are cheap, and any red one shows it.
    return None if _depends_on_others(len(alone), len(in_place)) else Place.ALONE


def concluded(test: RerunTest) -> tuple[Outcome, Reruns | None]:
    """The outcome of the test, and the figures; without an answering rerun it keeps its first outcome."""
    answers = [run for run in test.runs if _colour(run) is not None]
    if not answers:
        return test.first, None
    alone = _colours(answers, Place.ALONE)
    in_place = _colours(answers, Place.IN_PLACE)
    green_alone, red_alone = True in alone, False in alone
    needs_others = green_alone and not red_alone and False in in_place and True not in in_place
    # where nothing ran before the test, alone is its place
    green_in_place = True in in_place or (green_alone and not test.has_predecessors)
    is_flaky = (green_alone and red_alone) or green_in_place
    hint = None
    if needs_others:
        hint = RerunHint.NEEDS_OTHERS
    elif green_alone and not is_flaky and not in_place:
        hint = RerunHint.UNDECIDED
    elif is_flaky and test.beside_others and not any(run.outcome.is_red for run in answers):
        hint = RerunHint.BESIDE_OTHERS
    reruns = Reruns(
        runs=len(answers),
        failed=sum(run.outcome.is_red for run in answers),
        alone=_first_outcome(answers, Place.ALONE),
        in_place=_first_outcome(answers, Place.IN_PLACE),
        hint=hint,
    )
    return (Outcome.FLAKY if is_flaky else test.first), reruns


def _depends_on_others(green_alone: int, red_in_place: int) -> bool:
    """Whether greens alone and reds in place would be rare (2 %) if the place did not matter.

    Fisher's exact test, one-sided, with nothing on the other diagonal; the first run was in place, and red.
    """
    reds = red_in_place + 1
    return comb(green_alone + reds, reds) >= _SURE


def _colours(runs: Sequence[Rerun], place: Place) -> list[bool | None]:
    return [_colour(run) for run in runs if run.place is place]


def _colour(run: Rerun) -> bool | None:
    """True for green, False for red, None where the run says neither."""
    if run.outcome.is_green:
        return True
    return False if run.outcome.is_red else None


def _first_outcome(runs: Sequence[Rerun], place: Place) -> Outcome | None:
    return next((run.outcome for run in runs if run.place is place), None)
