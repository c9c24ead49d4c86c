"""Take up what an earlier hunt on the same files saw red and had no time to prove."""

from __future__ import annotations

from collections.abc import Collection

from triage.hunt.changes import SecondRun
from triage.hunt.seen import SeenRun, ended
from triage.hunt.state import ORDER, Hunt
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.text.plural import counted_noun


def take_up(hunt: Hunt) -> None:
    """Add it to what this hunt has seen, as if it had been red just now; the proof shows whether it is."""
    green = hunt.knowledge.tests
    waiting = [suspect for suspect in hunt.earlier.unproven if suspect.nodeid in green]
    asked_for_orders = not hunt.request.only or ORDER in hunt.request.only
    in_orders: set[str] = set()
    for suspect in waiting:
        red = {suspect.nodeid: ended(suspect.nodeid, Outcome.FAILED)}
        if suspect.found_by in hunt.factors:
            hunt.red_with[suspect.found_by] = red | dict(hunt.red_with.get(suspect.found_by, {}))
        elif not asked_for_orders:
            continue
        elif suspect.found_by == SecondRun().name:
            hunt.twice_red = red | dict(hunt.twice_red)
        elif suspect.found_by == SecondRun(whole_file=True).name:
            hunt.files_twice_red = red | dict(hunt.files_twice_red)
        else:
            in_orders.add(suspect.nodeid)
    if in_orders:
        for run in hunt.earlier.runs:
            hunt.knowledge.add(red_only(run, in_orders))
    if waiting:
        tests = counted_noun(len({suspect.nodeid for suspect in waiting}), "test")
        hunt.notes.append(f"{tests} that an earlier hunt saw red and had no time to prove: taken up")


def red_only(run: SeenRun, nodeids: Collection[str]) -> SeenRun:
    """The same run, which says nothing of other tests that were red in it: they were answered."""
    not_passed = {
        nodeid: Outcome.SKIPPED if outcome.is_red and nodeid not in nodeids else outcome
        for nodeid, outcome in run.not_passed.items()
    }
    failures: dict[str, Failure] = {
        nodeid: failure for nodeid, failure in run.failures.items() if nodeid in nodeids
    }
    return SeenRun(
        arm=run.arm,
        order=run.order,
        not_passed=not_passed,
        failures=failures,
        seconds=run.seconds,
        apart=run.apart,
    )
