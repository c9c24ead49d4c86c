"""`seed`: chance decides; with a fixed start of the generators it does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from triage.lab.protocol import Observation, Setup
from triage.model.experiment import Factor, Status
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.treatment import (
    Treatment,
    concluded,
    experiment_on,
    looks_needed,
    own_frames,
    places,
    settle,
    uses,
    with_instrument,
)

_SEEDS = (0, 1, 2, 3, 4, 5, 6, 7)
_OTHERS = (1, 2, 3, 5, 8)


_DRAWS = re.compile(r"\brandom\b|\brandn?\(|randint|shuffle|default_rng|\bsample\(")


def _files(case: Case) -> list[str]:
    """The test's file, and those that the failure went through."""
    return [case.nodeid.partition("::")[0], *(path for path, _ in own_frames(case))]


def _draws(case: Case) -> bool:
    return bool(uses(case, "random")) or any(_DRAWS.search(case.source(path) or "") for path in _files(case))


class Seed:
    """Random generators, and the order of sets and dictionaries by hash."""

    name = "seed"

    def likelihood(self, case: Case) -> float:
        """For a flaky test the first guess; for a steady one only where it seeds generators itself."""
        drawn = _draws(case)
        if case.flaky:
            return 0.9 if drawn else 0.5
        text = case.source(case.nodeid.partition("::")[0]) or ""
        return 0.45 if "seed" in text or drawn else 0.15 if "PYTHONHASHSEED" in case.env else 0.0

    def investigate(self, case: Case) -> Steps:
        """A seed under which it always passes while it does not without: of generators, or of hashes."""
        if not case.flaky:
            return (yield from self._steady(case))
        either = (("generators", _seeded), ("hash", _hashed))
        for name, treat in either if _draws(case) else reversed(either):
            good = yield from _good_seed(case, treat)
            if good is not None:
                treatment = _treatment(case, name, good, treat)
                experiment = experiment_on(self.name, case, treatment)
                (trial,) = yield from test(experiment)
                if trial.result.status is Status.CONFIRMED:
                    return concluded(treatment, experiment)
        return Finding(excluded="no fixed seed of the generators or of hashing makes it pass every time")

    def _steady(self, case: Case) -> Steps:
        runs = yield from look(
            *(_instead(case.base, n)[1] for n in _OTHERS), why="with other seeds than its own"
        )
        seeded = [line for run in runs for line in run.lines("seed", "seeded")]
        good = [n for n, run in zip(_OTHERS, runs, strict=False) if run.passed(case.nodeid)]
        if seeded and len(good) >= 3:
            found = yield from settle(
                self.name, case, [_other_seed(case, good[0], seeded)], "that seed again"
            )
            if found is not None:
                return found
        if "PYTHONHASHSEED" in case.env:
            found = yield from settle(
                self.name, case, [_hash_seed(case, n) for n in _OTHERS], "another hash seed"
            )
            if found is not None:
                return found
        return Finding(excluded="its own seed is not what makes it fail")


def _good_seed(case: Case, treat: Any) -> Any:
    """The first seed under which it passes as often as it was looked at, and one that shows seeds matter."""
    runs: list[Observation] = yield from look(
        *(treat(case.base, n)[1] for n in _SEEDS), why="with fixed seeds"
    )
    passing = [n for n, run in zip(_SEEDS, runs, strict=False) if run.passed(case.nodeid)]
    times = looks_needed(case)
    for seed in passing[:2]:
        again = yield from look(*[treat(case.base, seed)[1]] * times, why="the same seed again")
        if all(run.passed(case.nodeid) for run in again):
            return seed
    return None


def _seeded(setup: Setup, seed: int) -> tuple[Setup, Setup]:
    return with_instrument(setup, "seed", {"seed": seed})


def _hashed(setup: Setup, seed: int) -> tuple[Setup, Setup]:
    return setup.plus(env={"PYTHONHASHSEED": None}), setup.plus(env={"PYTHONHASHSEED": str(seed)})


def _instead(setup: Setup, seed: int) -> tuple[Setup, Setup]:
    return with_instrument(setup, "seed", {"instead": seed})


def _treatment(case: Case, name: str, seed: int, treat: Any) -> Treatment:
    baseline, treated = treat(case.base, seed)
    drawn = places(uses(case, "random"))
    factor = (
        Factor(kind="seed", name="generators", from_=None, to=seed)
        if name == "generators"
        else Factor(kind="env", name="PYTHONHASHSEED", from_=None, to=str(seed))
    )
    what = (
        "random numbers that no seed fixes"
        if name == "generators"
        else "the order that hashing gives, new in each process"
    )
    return Treatment(
        factor=factor,
        kind="seed",
        baseline=baseline,
        treated=treated,
        prediction=f"With seed {seed} for {name} it passes every time: chance decides, and nothing else.",
        summary=f"the test depends on {what}; with seed {seed} it always passes",
        culprits=drawn if name == "generators" else ("PYTHONHASHSEED",),
    )


def _hash_seed(case: Case, seed: int) -> Treatment:
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


def _other_seed(case: Case, seed: int, seeded: Sequence[dict[str, Any]]) -> Treatment:
    """Never sure: these numbers may be the ones that show a fault of the product."""
    baseline, treated = _instead(case.base, seed)
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
