"""The failures of a run that the base is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from triage.cluster.groups import Signer
from triage.model.run import RerunHint, Reruns, RunRecord, TestResult


@dataclass(frozen=True)
class Subject:
    """One failing test, or one file that could not be collected."""

    nodeid: str
    process: tuple[str | None, int | None]
    """Chunk, and which of its processes ran the test."""
    is_file: bool = False
    is_flaky: bool = False
    runs: int = 1
    """How often it ran on the head."""
    failed: int = 1
    """How often it was red there."""
    fails_alone: bool | None = None
    """Whether it was red in a process of its own; None where that was not tried."""
    preceding: tuple[str, ...] = ()
    """Tests that ran before it in its process, in order."""
    signatures: tuple[str, ...] = ()
    """Of its first failure."""

    @property
    def file(self) -> str:
        """The file of the test, relative to the suite's root."""
        return self.nodeid.split("::", 1)[0]

    @property
    def rate(self) -> float:
        """The share of its runs on the head that were red."""
        return self.failed / self.runs


def subjects_of(record: RunRecord, signer: Signer) -> tuple[Subject, ...]:
    """Every failing test of a run in the recorded order, collection errors first."""
    files = [_subject(result, (), signer, is_file=True) for result in record.collect_errors]
    return (*files, *_tests(record, signer))


def _tests(record: RunRecord, signer: Signer) -> Iterator[Subject]:
    ran_before: dict[tuple[str | None, int | None], list[str]] = {}
    for result in record.results:
        earlier = ran_before.setdefault((result.chunk, result.attempt), [])
        if result.outcome.has_failures:
            yield _subject(result, tuple(earlier), signer)
        earlier.append(result.nodeid)


def _subject(
    result: TestResult, preceding: tuple[str, ...], signer: Signer, *, is_file: bool = False
) -> Subject:
    reruns = result.reruns
    first_failure = result.failures[0] if result.failures else None
    signatures = signer(first_failure) if first_failure is not None else ()
    return Subject(
        nodeid=result.nodeid,
        process=(result.chunk, result.attempt),
        is_file=is_file,
        is_flaky=result.outcome.is_flaky,
        runs=1 + (reruns.runs if reruns else 0),
        failed=1 + (reruns.failed if reruns else 0),
        fails_alone=None if result.outcome.is_flaky else _fails_alone(reruns),
        preceding=preceding,
        signatures=tuple(signature.id for signature in signatures),
    )


def _fails_alone(reruns: Reruns | None) -> bool | None:
    if reruns is None:
        return None
    if reruns.hint is RerunHint.NEEDS_OTHERS:
        return False
    return reruns.alone.is_red if reruns.alone is not None else None
