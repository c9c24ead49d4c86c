"""Ask whether what a steady failure shows changes with the hash seed, which orders sets anew in each process.

Such a test may pass in one interpreter of hundreds, so that no repeat shows that it is flaky.
"""

from __future__ import annotations

from functools import partial

from triage.lab.protocol import Observation, Setup
from triage.model.experiment import Factor, RootCause
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.probes.blame import SAYS_OTHER
from triage.probe.probes.seed import new_hash_seed
from triage.probe.seed_share import share_of_seeds, with_share
from triage.probe.set_order import HASH_SEED, sorted_at_its_place
from triage.probe.symptoms import steady_part
from triage.probe.treatment import settle

_SEEDS = (0, 1, 2, 3, 4, 5, 6, 7)
_LEAST_OTHERS = 2
"""So many other seeds must show something else than the first: one may do so by another chance."""


def differs_between_interpreters(case: Case) -> bool:
    """Whether a steady failure had another message in another interpreter."""
    blamed = case.facts.get("blame")
    return not case.flaky and isinstance(blamed, Finding) and bool(blamed.facts.get(SAYS_OTHER))


class Hashing:
    """Run under hash seeds, one of them twice: what differs between them alone is their doing."""

    name = "hashing"

    def investigate(self, case: Case) -> Steps:
        """A set that is sorted makes a proof, a seed under which it passes a condition; else it is likely."""
        with_seed = partial(_with_seed, case)
        once_more, *runs = yield from look(
            *(with_seed(seed) for seed in (_SEEDS[0], *_SEEDS)), why="with fixed hash seeds"
        )
        shown = {seed: _shown(case, run) for seed, run in zip(_SEEDS, runs, strict=False)}
        first = shown[_SEEDS[0]]
        others = [seed for seed in _SEEDS if shown[seed] != first]
        if first != _shown(case, once_more) or len(others) < _LEAST_OTHERS:
            return Finding(excluded="what it shows does not follow the hash seed")
        failed = {seed: run.red(case.nodeid) for seed, run in zip(_SEEDS, runs, strict=False)}
        failing = [seed for seed in _SEEDS if failed[seed]]
        placed = yield from sorted_at_its_place(self.name, case, failing)
        if placed is not None:
            return placed
        passing = [seed for seed in _SEEDS if not failed[seed]]
        treatments = [new_hash_seed(case, seed) for seed in passing[:1]]
        found = yield from settle(self.name, case, treatments, "that hash seed again")
        if found is None:
            return Finding(cause=_follows_the_seed(case, others))
        share = yield from share_of_seeds(case, with_seed, failed)
        return with_share(found, share)


def _with_seed(case: Case, seed: int) -> Setup:
    return new_hash_seed(case, seed).treated


def _shown(case: Case, run: Observation) -> str:
    """What the run says of the test: its message, or that it passed."""
    failure = run.failures.get(case.nodeid)
    return steady_part(failure.message) if failure is not None else run.outcome(case.nodeid).value


def _follows_the_seed(case: Case, others: list[int]) -> RootCause:
    shown = ", ".join(str(seed) for seed in others)
    return RootCause(
        kind="seed",
        summary=(
            "the test depends on the order that hashing gives, new in each process: with "
            f"{HASH_SEED}={_SEEDS[0]} it fails twice with one message, with {shown} otherwise"
        ),
        factor=Factor(kind="env", name=HASH_SEED, from_=None, to=str(_SEEDS[0])),
        culprits=(HASH_SEED, file_of(case.nodeid)),
        confidence="likely",
    )
