"""Make the record of a run out of what is known of it, whether it came to its end or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage.model.run import Attempt, Counts, NoteKind, Plan, RunRecord, TestResult
from triage.run.chunk import ChunkProgress, FinishedAttempt

_MOST_NAMED = 3
"""Files that a reason names; the rest is counted."""


@dataclass
class KnownOfRun:
    """What a run knows of itself at some moment."""

    chunks: Sequence[ChunkProgress] = ()
    plan: Plan | None = None
    collect_errors: Sequence[TestResult] = ()
    collect_skips: Sequence[TestResult] = ()
    deselected: int = 0
    """Tests that options or plugins took out."""
    notes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every process that ran a part of a chunk."""
        return tuple(finished.attempt for chunk in self.chunks for finished in chunk.attempts)

    @property
    def has_open_tests(self) -> bool:
        """Whether a planned test has no result, so that a resumed run has something to do."""
        return any(chunk.remaining for chunk in self.chunks)

    def results(self, why: str) -> tuple[TestResult, ...]:
        """One result for each planned test, then what was skipped as a whole; `why` is said of open tests."""
        planned = [result for chunk in self.chunks for result in chunk.all_results(why)]
        return (*planned, *self.collect_skips)

    def void(self, why: str) -> str | None:
        """Why the run can answer nothing; None where it can."""
        if self.plan is None or not self._planned_anywhere():
            return self._why_nothing_was_planned()
        planned = [result for chunk in self.chunks for result in chunk.all_results(why)]
        missing = [result for result in planned if not result.outcome.ran]
        if missing:
            return f"{len(missing)} of {len(planned)} planned tests have no outcome: {missing[0].note}"
        return None

    def _planned_anywhere(self) -> int:
        """Tests of the whole plan, also of machines that run other shards of it."""
        assert self.plan is not None
        return self.plan.planned or sum(len(chunk.keys) for chunk in self.chunks)

    def _why_nothing_was_planned(self) -> str:
        reasons = []
        if self.collect_errors:
            reasons.append(f"{_named(self.collect_errors)} did not collect")
        if self.deselected:
            tests = "the only test was" if self.deselected == 1 else f"all {self.deselected} tests were"
            reasons.append(f"{tests} deselected")
        if self.collect_skips:
            reasons.append(f"{_named(self.collect_skips)} skipped when collected")
        if not reasons:
            return "no tests were collected"
        return f"no test was planned: {'; '.join(reasons)}"

    def record(
        self, *, void: str | None, why: str, resumable: bool, like: RunRecord, seconds: float
    ) -> RunRecord:
        """The record, with what is not known here taken over from `like`."""
        notes = list(self.notes)
        for chunk in self.chunks:
            notes += _notes_on_chunk(chunk)
        record = like.model_copy(
            update={
                "complete": void is None,
                "void": void,
                "resumable": resumable,
                "results": self.results(why),
                "collect_errors": tuple(self.collect_errors),
                "attempts": self.attempts,
                "plan": self.plan,
                "notes": tuple(dict.fromkeys(notes)),
                "hints": tuple(dict.fromkeys(self.hints)),
                "seconds": round(seconds, 3),
            }
        )
        _check_one_result_per_test(record)
        return record


def _named(results: Sequence[TestResult]) -> str:
    names = ", ".join(result.nodeid for result in results[:_MOST_NAMED])
    more = len(results) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names


def _notes_on_chunk(chunk: ChunkProgress) -> Iterator[str]:
    """What the run has to say of a chunk's attempts besides the results of their tests."""
    for finished in chunk.attempts:
        for text in _notes_on_attempt(finished):
            yield f"{chunk.name}, attempt {finished.attempt.number}: {text}"
        foreign = finished.reader.foreign_lines
        if foreign:
            yield f"{chunk.name}: {foreign} lines in the record are not the recorder's: ignored"
        yield from finished.reader.notes


def _notes_on_attempt(finished: FinishedAttempt) -> Iterator[str]:
    attempt = finished.attempt
    kinds = {NoteKind.LEFT_PROCESSES, NoteKind.RUN_AGAIN}
    if attempt.ended != "finished" and attempt.culprit is None:
        # the result of a culprit says how the process ended: an end without one needs telling
        kinds.add(NoteKind.END)
    texts = [note.text for note in attempt.notes if note.kind in kinds]
    if texts:
        yield "; ".join(texts)


def _check_one_result_per_test(record: RunRecord) -> None:
    """The invariant, once more, before anybody relies on it."""
    planned = record.plan.chunks if record.plan is not None else ()
    expected = [nodeid for chunk in planned for nodeid in chunk.nodeids]
    found = [result.nodeid for result in record.planned_results] if record.plan is not None else []
    counts: Counts = record.counts
    if found != expected or not counts.adds_up:
        raise AssertionError("the record does not have exactly one result for each planned test")
