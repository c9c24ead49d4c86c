"""Run only what was red in an earlier run: which tests these are, what pytest collects for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from triage.model.failure import present_name
from triage.model.nodeid import file_of, is_within
from triage.model.run import FailedTests, RerunHint, RunRecord, TestResult
from triage.run.collection import Collected
from triage.text.plural import counted_noun

_MOST_NAMED = 5
"""Tests that are named in a note; `triage results` has the others."""


def failed_tests(record: RunRecord) -> FailedTests:
    """The tests of a run that failed, crashed, hung or were flaky, and what did not collect."""
    unanswered = set(record.unanswered)
    red: list[TestResult] = []
    need_others: list[TestResult] = []
    for result in (*record.collect_errors, *record.results):
        is_unanswered = result.nodeid in unanswered
        if result.outcome.has_failures or is_unanswered:
            red.append(result)
            if is_unanswered or _needs_others(result):
                need_others.append(result)
    earlier: tuple[str, ...] = ()
    if record.plan is not None and record.plan.failed is not None:
        earlier = record.plan.failed.stamps
    return FailedTests(
        stamp=record.stamp,
        nodeids=_names(red),
        tests=record.counts.collected,
        need_others=_names(need_others),
        stamps=(*earlier, record.stamp),
    )


def selectors_of(failed: FailedTests, root: Path) -> tuple[str, ...]:
    """The files and folders that pytest has to collect; those that are gone since are left out."""
    files = dict.fromkeys(file_of(nodeid) for nodeid in failed.nodeids)
    if "" in files or "." in files:
        return ()  # the root itself did not collect: everything is asked for
    return tuple(file for file in files if (root / file).exists())


def only_failed(collected: Collected, failed: FailedTests) -> Collected:
    """What was collected, cut down to these tests, with notes on what the run can and cannot say."""
    tests = {nodeid for nodeid in failed.nodeids if "::" in nodeid}
    collectors = tuple(nodeid for nodeid in failed.nodeids if "::" not in nodeid)
    kept = [
        position
        for position, (nodeid, _) in enumerate(collected.keys)
        if nodeid in tests or _is_below(nodeid, collectors)
    ]
    keys = [collected.keys[position] for position in kept]
    notes = _notes(failed, {nodeid for nodeid, _ in keys}, tests)
    return replace(
        collected,
        keys=keys,
        items=[collected.items[position] for position in kept],
        paths=[collected.paths[position] for position in kept],
        lines={key: collected.lines[key] for key in keys},
        skips=[skip for skip in collected.skips if _is_below(skip.nodeid, collectors)],
        notes=[*collected.notes, *notes],
    )


def why_unanswered(record: RunRecord) -> str | None:
    """Why nothing red is no answer: tests pass without those that they need to fail; None where it is one."""
    results = (*record.collect_errors, *record.results)
    if not record.unanswered or any(result.outcome.has_failures for result in results):
        return None
    return (
        f"{_listed(record.unanswered)} failed only behind tests that did not run now:"
        " only the whole suite can tell whether that is mended"
    )


def _notes(failed: FailedTests, found: set[str], wanted: set[str]) -> list[str]:
    tests = counted_noun(failed.tests, "test")
    said = [f"only what was red in {failed.stamp} runs: {len(found)} of its {tests}"]
    gone = sorted(wanted - found)
    if gone:
        said.append(f"gone since {failed.stamp}, where it was red: {_listed(gone)}")
    if failed.need_others:
        said.append(
            f"failed in {failed.stamp} only behind other tests, so that a pass says nothing:"
            f" {_listed(failed.need_others)}"
        )
    return said


def _names(results: Iterable[TestResult]) -> tuple[str, ...]:
    """Each once, as they are called here: imported ones may carry the mark of their surroundings."""
    return tuple(dict.fromkeys(present_name(result.nodeid) for result in results))


def _needs_others(result: TestResult) -> bool:
    hint = result.reruns.hint if result.reruns is not None else None
    return hint in (RerunHint.NEEDS_OTHERS, RerunHint.UNDECIDED)


def _is_below(nodeid: str, collectors: Sequence[str]) -> bool:
    """Whether a test is in one of these files or folders, or is the file itself."""
    holds_everything = "" in collectors or "." in collectors  # the root
    return holds_everything or is_within(nodeid, collectors)


def _listed(nodeids: Sequence[str]) -> str:
    more = len(nodeids) - _MOST_NAMED
    shown = ", ".join(nodeids[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
