"""What one run says of each known cluster: seen again, gone, or not to be seen from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from triage.model.cluster import ClusterStatus, RunState
from triage.model.outcome import Outcome
from triage.model.run import RunRecord


def outcomes_of(record: RunRecord) -> dict[str, Outcome]:
    """Outcome of each planned test and of each file that failed to collect."""
    return {result.nodeid: result.outcome for result in (*record.results, *record.collect_errors)}


def present_state(status: ClusterStatus) -> RunState:
    """State of a known cluster whose reason was seen in this run."""
    return RunState.REGRESSED if status is ClusterStatus.RESOLVED else RunState.KNOWN


def absent_state(members: Iterable[str], outcomes: Mapping[str, Outcome]) -> RunState:
    """State of a known cluster whose reason was not seen in this run.

    `fixed` needs every member that was collected to have passed. One that did not run, or that failed
    for another reason and so may hide this one, leaves the question open (`not_run`); one that was
    skipped or is expected to fail leaves it open too (`skipped`).
    """
    found = [outcomes[nodeid] for nodeid in members if nodeid in outcomes]
    if not found:
        return RunState.NOT_COLLECTED
    if any(outcome.is_red or outcome is Outcome.NOT_RUN for outcome in found):
        return RunState.NOT_RUN
    if any(outcome in (Outcome.SKIPPED, Outcome.XFAILED) for outcome in found):
        return RunState.SKIPPED
    return RunState.FIXED
