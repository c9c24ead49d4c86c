"""Two runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Set

from triage.model.outcome import Outcome
from triage.model.run import RunRecord


def compare(
    old: RunRecord,
    new: RunRecord,
    old_signatures: Mapping[str, Set[str]],
    new_signatures: Mapping[str, Set[str]],
) -> dict[str, list[str]]:
    """Node ids by what happened to them from `old` to `new`; those that fared the same are left out.

    A test that a run did not get to is no change. A test that is red in both with disjoint signatures failed
    for another reason.
    """
    before = {result.nodeid: result.outcome for result in old.results}
    after = {result.nodeid: result.outcome for result in new.results}
    changes: dict[str, list[str]] = {
        name: [] for name in ("broken", "mended", "other reason", "skipped now", "added red", "added", "gone")
    }
    for nodeid, outcome in after.items():
        name = _change(
            before.get(nodeid), outcome, old_signatures.get(nodeid, set()), new_signatures.get(nodeid, set())
        )
        if name:
            changes[name].append(nodeid)
    changes["gone"] = [nodeid for nodeid in before if nodeid not in after]
    return changes


def _change(was: Outcome | None, now: Outcome, old: Set[str], new: Set[str]) -> str | None:
    if not now.ran:
        return None
    if was is None:
        return "added red" if now.is_red else "added"
    if not was.ran:
        return None
    if was.is_red and now.is_red:
        return "other reason" if old and new and not old & new else None
    if now.is_red:
        return "broken"
    if was.is_red and now.is_green:
        return "mended"
    return "skipped now" if now is Outcome.SKIPPED and was is not Outcome.SKIPPED else None
