"""Test whether two factors act together where no single one makes the test pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.minimise import minimise
from triage.probe.stated_values import reason_against
from triage.probe.treatment import Settling, Treatment, settle

_MOST_TREATMENTS = 24
_MOST_RANKS = 8
"""Choices of one factor that are tried: for each rank, all factors get their choice of that rank."""


def tried_single_changes(case: Case) -> bool:
    """Whether at least two treatments of a steady failure did not help alone."""
    return not case.flaky and len(_tried(case)) > 1


class Interaction:
    """Apply all single treatments that did not help at once; where that helps, the smallest set of them."""

    name = "interaction"

    def investigate(self, case: Case) -> Steps:
        """All first choices of the factors at once, then all second ones; a pass is minimised."""
        tried = _tried(case)
        for rank in range(min(_MOST_RANKS, max(_ranks(tried), default=0) + 1)):
            together = _compatible(tried, rank)
            (run,) = yield from look(_together(case, together), why="every single change at once")
            if run.passed(case.nodeid):
                found = yield from self._minimal(case, together)
                if found is not None:
                    return found
        return Finding(excluded=f"no combination of {len(tried)} single changes helps")

    def _minimal(self, case: Case, together: Sequence[Treatment]) -> Settling:
        kept = yield from minimise(
            together,
            lambda part: _together(case, part),
            lambda seen: seen.passed(case.nodeid),
            "fewer changes at once",
        )
        return (yield from settle(self.name, case, [_joint(case, kept)], "these together"))


def _tried(case: Case) -> list[Treatment]:
    found: list[Treatment] = []
    for fact in case.facts.values():
        if isinstance(fact, Finding):
            tried = fact.facts.get("tried", ())
            found += [treatment for treatment in tried if isinstance(treatment, Treatment)]
    return found


def _ranks(tried: Sequence[Treatment]) -> list[int]:
    """For each treatment, how many choices of its factor came before it."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for treatment in tried:
        key = (treatment.factor.kind, treatment.factor.name)
        found.append(seen[key])
        seen[key] += 1
    return found


def _compatible(tried: Sequence[Treatment], rank: int) -> list[Treatment]:
    """One treatment for each factor (its last where it has fewer), and one edit for each file."""
    of_factor: dict[tuple[str, str], Treatment] = {}
    for treatment, own_rank in zip(tried, _ranks(tried), strict=True):
        if own_rank <= rank:
            of_factor[treatment.factor.kind, treatment.factor.name] = treatment
    edited: set[str] = set()
    compatible = []
    for treatment in of_factor.values():
        files = set(treatment.treated.edits)
        if not edited & files:
            compatible.append(treatment)
        edited |= files
    return compatible[:_MOST_TREATMENTS]


def _together(case: Case, part: Sequence[Treatment]) -> Setup:
    setup = case.base
    for treatment in part:
        treated = treatment.treated
        instruments: dict[str, dict[str, Any]] = {}
        for name, settings in treated.instruments.items():
            settings_so_far = setup.instruments.get(name, {})
            instruments[name] = {**settings_so_far, **settings}
        setup = setup.plus(env=treated.env, edits=treated.edits, instruments=instruments)
    return setup


def _reasons(case: Case, kept: Sequence[Treatment]) -> str:
    """Why each of the old values is wrong, as a clause; empty where one of them may be right."""
    reasons = [treatment.because or reason_against(case, treatment.factor) for treatment in kept]
    return " and ".join(reasons) if all(reasons) else ""


def _joint(case: Case, kept: Sequence[Treatment]) -> Treatment:
    factors = [treatment.factor for treatment in kept]
    names = [f"{factor.kind}:{factor.name}" for factor in factors]
    new_values = [factor.to for factor in factors]
    named = " and ".join(f"{name}={value}" for name, value in zip(names, new_values, strict=True))
    treated = _together(case, kept)
    idle = case.base.plus(instruments={name: {} for name in treated.instruments})
    return Treatment(
        factor=Factor(
            kind="joint",
            name=" + ".join(names),
            from_=[factor.from_ for factor in factors],
            to=new_values,
        ),
        kind=kept[0].kind,
        baseline=idle,
        treated=treated,
        prediction=f"With {named} together it passes, and none of them alone is enough: it needs two causes.",
        summary=f"two causes together: it passes only with {named}",
        culprits=tuple(dict.fromkeys(culprit for treatment in kept for culprit in treatment.culprits)),
        sure=all(treatment.sure for treatment in kept),
        because=_reasons(case, kept),
    )
