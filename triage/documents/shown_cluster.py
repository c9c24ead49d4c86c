"""What a reader needs of one cluster of a run: where it fails, and in which words its state is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from triage.model.base import day_of_stamp
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Failure, Frame
from triage.model.run import RerunHint, TestResult

_STATE_IN_WORDS = {
    RunState.NOT_COLLECTED: "not collected",
    RunState.NOT_RUN: "not run",
}
"""Where the word for people is not the word for programs."""


@dataclass(frozen=True)
class Places:
    """Where a failure happened: at most one line of the product and one of the test."""

    product: Frame | None
    test: Frame | None

    @property
    def statement(self) -> Frame | None:
        """The failing statement: in the product where the failure came through it, else in the test."""
        return self.product or self.test

    @property
    def caller(self) -> Frame | None:
        """The line of the test that led to the statement; None where it is the statement itself."""
        return self.test if self.product is not None else None


def places_of(failure: Failure | None) -> Places:
    """The lines of product and test that a failure came through."""
    if failure is None:
        return Places(None, None)
    return Places(failure.product_place, failure.test_place)


def place_text(frame: Frame) -> str:
    """`src/parcel/quote.py:27`, as editors and terminals take it."""
    return f"{frame.path}:{frame.lineno}"


def state_in_words(cluster: Cluster, today: date) -> str:
    """What the run, its base and a quarantine say of a cluster: `red on the base too, known since ...`."""
    said = []
    if cluster.base is not None and cluster.is_seen:
        said.append(cluster.base.in_words)
    state = cluster.state_in_run
    if state is RunState.KNOWN:
        since = day_of_stamp(cluster.first_seen)
        is_of_today = since is None or since == today
        if not (is_of_today and said):
            said.append("known" if is_of_today else f"known since {since}")
    elif state is not None and not (state is RunState.NEW and said):
        said.append(_STATE_IN_WORDS.get(state, state.value))
    elif state is None:
        said.append("not in the latest run")
    if cluster.quarantine is not None:
        said.append(cluster.quarantine.state_on(today))
    return ", ".join(said)


def telling_failure(failures: Iterable[Failure]) -> Failure | None:
    """The failure that stands for the others: the first that shows a line of the product, else the first."""
    first = None
    for failure in failures:
        if failure.product_place is not None:
            return failure
        first = first or failure
    return first


def passes_alone(results: Iterable[TestResult]) -> bool:
    """Whether every one of these red tests passes alone: running it alone again shows nothing."""
    hints = [result.reruns.hint if result.reruns is not None else None for result in results]
    return bool(hints) and all(hint is RerunHint.NEEDS_OTHERS for hint in hints)
