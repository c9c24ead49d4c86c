"""Compare two runs test by test."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import StrEnum

from triage.model.outcome import Outcome
from triage.model.run import RunRecord


class Change(StrEnum):
    """What happened to a test from one run to the other, in the order in which it is shown."""

    BROKEN = "broken"
    MENDED = "mended"
    OTHER_REASON = "other reason"
    """Red in both runs, with no signature in common."""
    FLAKY = "flaky now"
    SKIPPED = "skipped now"
    ADDED_RED = "added red"
    ADDED = "added"
    GONE = "gone"


def compare(
    old: RunRecord,
    new: RunRecord,
    old_signatures: Mapping[str, Set[str]],
    new_signatures: Mapping[str, Set[str]],
    moved: Mapping[str, str] | None = None,
) -> dict[Change, list[str]]:
    """Node ids by what happened to them from `old` to `new`; those that fared the same are left out.

    A test that a run did not get to is no change, and neither is another name: `moved` has earlier node ids
    with those that the tests have in `new`.
    """
    names = moved or {}
    before = {names.get(result.nodeid, result.nodeid): result.outcome for result in old.results}
    old_signatures = {names.get(nodeid, nodeid): signatures for nodeid, signatures in old_signatures.items()}
    after = {result.nodeid: result.outcome for result in new.results}
    changes: dict[Change, list[str]] = {change: [] for change in Change}
    for nodeid, outcome in after.items():
        signatures = old_signatures.get(nodeid, set()), new_signatures.get(nodeid, set())
        change = _change(before.get(nodeid), outcome, *signatures)
        if change is not None:
            changes[change].append(nodeid)
    changes[Change.GONE] = [nodeid for nodeid in before if nodeid not in after]
    return changes


def _change(was: Outcome | None, now: Outcome, old: Set[str], new: Set[str]) -> Change | None:
    if not now.ran:
        return None
    if was is None:
        return Change.ADDED_RED if now.is_red else Change.ADDED
    if not was.ran:
        return None
    if was.is_red and now.is_red:
        return Change.OTHER_REASON if old and new and not old & new else None
    if now.is_red:
        return Change.BROKEN
    if now.is_flaky and not was.is_flaky:
        return Change.FLAKY
    if was.is_red and now.is_green:
        return Change.MENDED
    newly_skipped = now is Outcome.SKIPPED and was is not Outcome.SKIPPED
    return Change.SKIPPED if newly_skipped else None
