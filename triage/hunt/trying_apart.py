"""Arms whose tests run apart, each in a child of one process: alone, twice, behind what others leave."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from triage.hunt.apart import Apart, Observed
from triage.hunt.seen import ALONE, TWICE, SeenRun
from triage.hunt.state import Hunt
from triage.hunt.writers import halves, prefixes

BEHIND = "behind what tests leave"
"""The arm that runs each test directly behind those that leave something behind."""
MOST_PREFIXES = 2
"""What one test overwrites of another is in force behind the second."""
_MOST_HALVES = 3
"""Pairs of halves of the tests that leave something: seven of eight pairs of tests are in two halves once."""
_TOGETHER = 40
"""Tests whose children share a working copy; where one of them leaves a file each gets a copy of its own."""


def try_alone_and_twice(hunt: Hunt, limit: float) -> int:
    """Each test with nothing before it, and once more behind itself; the processes that it took."""
    todo = [nodeid for nodeid in hunt.knowledge.tests if nodeid not in hunt.earlier.alone]
    by_themselves = hunt.changes.leaving_files
    sharing = [nodeid for nodeid in todo if nodeid not in by_themselves]
    groups = [tuple(sharing[start : start + _TOGETHER]) for start in range(0, len(sharing), _TOGETHER)]
    groups += [(nodeid,) for nodeid in todo if nodeid in by_themselves]
    width = hunt.request.workers
    runs = tried = 0
    for start in range(0, len(groups), width):
        if start and hunt.seconds > limit:
            hunt.notes.append(f"{ALONE}: {tried} of {len(todo)} were run in time")
            break
        batch = [Apart(first_time=group, is_twice=True) for group in groups[start : start + width]]
        for apart, observed in zip(batch, _run_all(hunt, batch), strict=True):
            runs += 1 + _take_alone(hunt, apart, observed)
            tried += len(apart.first_time)
    return runs


def _take_alone(hunt: Hunt, apart: Apart, observed: Observed) -> int:
    """Keep what tests gave alone and the second time; how many further processes that took."""
    hunt.keep_second(SeenRun.of(TWICE, observed.second))
    if not observed.left_files or len(apart.first_time) == 1:
        for run in observed.singles(ALONE):
            hunt.keep(run)
        return 0
    orders = [(nodeid,) for nodeid in apart.first_time]
    hunt.warm.run_all(orders, lambda _number, seen: hunt.keep(SeenRun.of(ALONE, seen)))
    return len(orders)


def try_behind_writers(hunt: Hunt) -> int:
    """Each test directly behind those that leave something; the processes that it took."""
    several: list[Apart] = []
    for prefix in prefixes(hunt.changes, MOST_PREFIXES):
        if not several:
            pairs = halves(prefix, _MOST_HALVES)
            several += [Apart(here=half, first_time=hunt.files_last(other)) for half, other in pairs]
        here = frozenset(prefix)
        apart = Apart(
            here=prefix,
            first_time=hunt.files_last(nodeid for nodeid in hunt.knowledge.tests if nodeid not in here),
            # who does not bear itself is red behind itself, whatever else is there
            again=hunt.files_last(nodeid for nodeid in prefix if nodeid not in hunt.twice_red),
        )
        several.append(apart)
    width = hunt.request.workers
    for start in range(0, len(several), width):
        batch = several[start : start + width]
        for apart, observed in zip(batch, _run_all(hunt, batch), strict=True):
            for run in observed.runs(BEHIND, apart):
                hunt.keep(run)
    return len(several)


def _run_all(hunt: Hunt, several: Sequence[Apart]) -> list[Observed]:
    with ThreadPoolExecutor(len(several)) as pool:
        return list(pool.map(hunt.warm.run_apart, several))
