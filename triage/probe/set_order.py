"""Find the line that takes the order of a set, for a test that depends on the order that hashing gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from triage.lab.lost_lines import Lines, executed_lines
from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.model.nodeid import file_of
from triage.probe.api import Case, look
from triage.probe.edits.sorted_sets import SortedSet, with_sorted_sets
from triage.probe.edits.statements import patch_of
from triage.probe.treatment import Settling, Treatment, settle

HASH_SEED = "PYTHONHASHSEED"
_MOST_PLACES = 8
"""Places that are tried, each with one run."""
_OTHER_SEEDS = 3
"""Further failing seeds under which the sorted set has to pass: one order may be right by luck."""


def sorted_at_its_place(probe: str, case: Case, failing_seeds: Sequence[int]) -> Settling:
    """Sort each set whose order a line of product or test takes; None where that never helps.

    Both arms have one hash seed under which the test fails, so that nothing in them is left to chance.
    """
    if not failing_seeds:
        return None
    seeded = _with_hash_seed(case, failing_seeds[0])
    (seen,) = yield from look(seeded.measuring("lines"), why="which lines it runs")
    places = list(_places(case, executed_lines(seen, case.nodeid)))[:_MOST_PLACES]
    treatments = [_sorted(case, seeded, path, place) for path, place in places]
    found = yield from settle(probe, case, treatments, "with a set in order")
    if found is None or found.proof is None:
        return None
    edits = found.proof.treated.edits
    setups = [_with_hash_seed(case, seed).plus(edits=edits) for seed in failing_seeds[1 : 1 + _OTHER_SEEDS]]
    others = yield from look(*setups, why="the set in order, with other hash seeds")
    return found if all(run.passed(case.nodeid) for run in others) else None


def _with_hash_seed(case: Case, seed: int) -> Setup:
    return case.base.plus(env={HASH_SEED: str(seed)})


def _places(case: Case, executed: Lines) -> Iterator[tuple[str, SortedSet]]:
    """Path and place of each set that is gone through: the product's first, then those of the test's file."""
    for path in sorted(executed):
        for place in with_sorted_sets(case.source(path) or "", executed[path]):
            yield path, place
    path = file_of(case.nodeid)
    source = case.source(path) or ""
    if path not in executed:
        every_line = frozenset(range(1, source.count("\n") + 2))
        for place in with_sorted_sets(source, every_line):
            yield path, place


def _sorted(case: Case, seeded: Setup, path: str, found: SortedSet) -> Treatment:
    place = f"{path}:{found.line}"
    title = f"{place} takes the set in order"
    reason = "a set has the order that hashing gives, another one in each process"
    return Treatment(
        factor=Factor(kind="set-order", name=place, from_="as hashing gives it", to="sorted"),
        kind="seed",
        baseline=seeded,
        treated=seeded.plus(edits={path: found.text}),
        prediction=f"With the set at {place} sorted the test passes whatever the hash seed is.",
        summary=(
            f"{place} takes the order of a set, which hashing gives anew in each process; "
            "with the set sorted the test passes"
        ),
        culprits=(place, HASH_SEED),
        patches=(patch_of(path, case.source(path), found.text, title, reason),),
        sure=found.is_the_result,
    )
