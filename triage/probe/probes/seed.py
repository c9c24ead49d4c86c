"""Test whether chance decides: random generators without a seed, a seed of the test's own, hash order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

from triage.lab.protocol import Answer, Setup, Step
from triage.model.experiment import Factor, Status
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.seed_share import share_of_seeds, with_share
from triage.probe.set_order import sorted_at_its_place
from triage.probe.symptoms import failing_files, places, uses
from triage.probe.treatment import Treatment, concluded, experiment_on, looks_needed, settle, with_instrument
from triage.text.pattern import pattern

_SEEDS = (0, 1, 2, 3, 4, 5, 6, 7)
_OTHER_SEEDS = (1, 2, 3, 5, 8)
_LEAST_PASSING = 3
"""So many of the other seeds must pass before a test's own seed is suspected: one may pass by luck."""
_MOST_REPEATED = 2
"""Seeds that passed once and are looked at again."""
_DRAWS = pattern(
    r"\brandom\b | \brandn?\( | randint | shuffle | default_rng | \bsample\(",
    matches=["import random", "torch.randn(3)", "rng = default_rng()"],
    rejects=["randomized", "operand(", "resample(x)"],
)


def flaky_and_draws_numbers(case: Case) -> bool:
    """Whether a flaky test draws random numbers, by the survey or by its source."""
    return case.flaky and _draws(case)


def is_flaky(case: Case) -> bool:
    """Whether it has been seen to pass in the very setup in which it fails."""
    return case.flaky


def steady_and_seeds_or_draws(case: Case) -> bool:
    """Whether a steady failure's test sets a seed itself or draws random numbers."""
    return not case.flaky and ("seed" in (case.source(file_of(case.nodeid)) or "") or _draws(case))


def has_a_hash_seed(case: Case) -> bool:
    """Whether the failure is steady under a PYTHONHASHSEED of the suite's settings."""
    return not case.flaky and "PYTHONHASHSEED" in case.env


def _draws(case: Case) -> bool:
    if uses(case, "random"):
        return True
    return any(_DRAWS.search(case.source(path) or "") for path in failing_files(case))


class Seed:
    """Fix the generators' seed, or the hash seed that orders sets."""

    name = "seed"

    def investigate(self, case: Case) -> Steps:
        """A seed under which it always passes while it does not without: of generators, or of hashes."""
        if not case.flaky:
            return (yield from self._steady(case))
        kinds = [_generator_seed, new_hash_seed]
        if not _draws(case):
            kinds.reverse()  # where nothing is drawn, sets are likelier
        for treatment_with in kinds:
            treatment, failed = yield from _always_passing(case, treatment_with)
            if treatment is None:
                continue
            experiment = experiment_on(self.name, case, treatment)
            (trial,) = yield from test(experiment)
            if trial.result.status is Status.CONFIRMED:
                setup_with = partial(_treated, case, treatment_with)
                if treatment_with is new_hash_seed:
                    failing = [seed for seed, has_failed in failed.items() if has_failed]
                    placed = yield from sorted_at_its_place(self.name, case, failing)
                    if placed is not None:
                        return placed
                share = yield from share_of_seeds(case, setup_with, failed)
                return with_share(concluded(treatment, experiment), share)
        return Finding(excluded="no fixed seed of the generators or of hashing makes it pass every time")

    def _steady(self, case: Case) -> Steps:
        runs = yield from look(
            *(_other_own_seed(case, n)[1] for n in _OTHER_SEEDS), why="with other seeds than its own"
        )
        seeded = [line for run in runs for line in run.lines("seed", "seeded")]
        good = [n for n, run in zip(_OTHER_SEEDS, runs, strict=False) if run.passed(case.nodeid)]
        if seeded and len(good) >= _LEAST_PASSING:
            found = yield from settle(
                self.name, case, [_own_seed_replaced(case, good[0], seeded)], "that seed again"
            )
            if found is not None:
                failed = {n: run.red(case.nodeid) for n, run in zip(_OTHER_SEEDS, runs, strict=False)}
                share = yield from share_of_seeds(case, lambda seed: _other_own_seed(case, seed)[1], failed)
                return with_share(found, share)
        if "PYTHONHASHSEED" in case.env:
            found = yield from settle(
                self.name, case, [_other_hash_seed(case, n) for n in _OTHER_SEEDS], "another hash seed"
            )
            if found is not None:
                return found
        return Finding(excluded="its own seed is not what makes it fail")


def _always_passing(
    case: Case, treatment_with: Callable[[Case, int], Treatment]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Treatment | None, dict[int, bool]]]:
    """The first seed under which it passes whenever it is looked at; of each seed whether it failed."""
    treatments = [treatment_with(case, seed) for seed in _SEEDS]
    runs = yield from look(*(treatment.treated for treatment in treatments), why="with fixed seeds")
    failed = {seed: run.red(case.nodeid) for seed, run in zip(_SEEDS, runs, strict=False)}
    passing = [t for t, run in zip(treatments, runs, strict=False) if run.passed(case.nodeid)]
    for treatment in passing[:_MOST_REPEATED]:
        setups = [treatment.treated] * looks_needed(case)
        again = yield from look(*setups, why="the same seed again")
        if all(run.passed(case.nodeid) for run in again):
            return treatment, failed
    return None, failed


def _treated(case: Case, treatment_with: Callable[[Case, int], Treatment], seed: int) -> Setup:
    return treatment_with(case, seed).treated


def _other_own_seed(case: Case, seed: int) -> tuple[Setup, Setup]:
    """Another seed in place of each one that the test sets itself."""
    return with_instrument(case.base, "seed", {"instead": seed})


def _generator_seed(case: Case, seed: int) -> Treatment:
    baseline, treated = with_instrument(case.base, "seed", {"seed": seed})
    return Treatment(
        factor=Factor(kind="seed", name="generators", from_=None, to=seed),
        kind="seed",
        baseline=baseline,
        treated=treated,
        prediction=(
            f"With seed {seed} for the generators it passes every time: chance decides, and nothing else."
        ),
        summary=f"the test depends on random numbers that no seed fixes; with seed {seed} it always passes",
        culprits=places(uses(case, "random")),
    )


def new_hash_seed(case: Case, seed: int) -> Treatment:
    """A hash seed for a test whose processes have had a new one each."""
    return Treatment(
        factor=Factor(kind="env", name="PYTHONHASHSEED", from_=None, to=str(seed)),
        kind="seed",
        baseline=case.base.plus(env={"PYTHONHASHSEED": None}),
        treated=case.base.plus(env={"PYTHONHASHSEED": str(seed)}),
        prediction=f"With PYTHONHASHSEED={seed} it passes every time: chance decides, and nothing else.",
        summary=(
            "the test depends on the order that hashing gives, new in each process; "
            f"with seed {seed} it always passes"
        ),
        culprits=("PYTHONHASHSEED",),
    )


def _other_hash_seed(case: Case, seed: int) -> Treatment:
    """A hash seed for a steady failure, in place of the one that the settings fix."""
    before = case.env.get("PYTHONHASHSEED")
    return Treatment(
        factor=Factor(kind="env", name="PYTHONHASHSEED", from_=before, to=str(seed)),
        kind="seed",
        baseline=case.base,
        treated=case.base.plus(env={"PYTHONHASHSEED": str(seed)}),
        prediction=f"With PYTHONHASHSEED={seed} it passes: the order of a set or of hashes decides.",
        summary=f"the test depends on the order that PYTHONHASHSEED={before} gives",
        culprits=("PYTHONHASHSEED",),
    )


def _own_seed_replaced(case: Case, seed: int, seeded: Sequence[dict[str, Any]]) -> Treatment:
    """Never sure: these numbers may be the ones that show a fault of the product."""
    baseline, treated = _other_own_seed(case, seed)
    own = f"{seeded[0]['name']}({seeded[0]['value']})"
    return Treatment(
        factor=Factor(kind="seed", name=str(seeded[0]["name"]), from_=seeded[0]["value"], to=seed),
        kind="seed",
        baseline=baseline,
        treated=treated,
        prediction=f"With {seed} in place of its own seed it passes: only the numbers of {own} break it.",
        summary=f"the test holds for most seeds and fails for its own, {own}",
        culprits=(own,),
        sure=False,
    )
