"""`interaction`: no single factor flips it: do two together?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triage.model.experiment import Factor
from triage.probe.api import Case, Finding, Setup, Steps, look
from triage.probe.search import minimise
from triage.probe.treatment import Treatment, settle

_MOST = 24


class Interaction:
    """All single treatments that did not help, at once; where that helps, the smallest set of them."""

    name = "interaction"

    def likelihood(self, case: Case) -> float:
        """After every probe of a single factor."""
        return 0.012 if not case.flaky and len(_tried(case)) > 1 else 0.0

    def investigate(self, case: Case) -> Steps:
        """One look decides whether there is anything to search."""
        tried = _compatible(_tried(case))
        (run,) = yield from look(_together(case, tried), why="every single change at once")
        if not run.passed(case.nodeid):
            return Finding(excluded=f"no combination of {len(tried)} single changes helps")
        kept = yield from minimise(
            tried,
            lambda part: _together(case, part),
            lambda seen: seen.passed(case.nodeid),
            "fewer changes at once",
        )
        found = yield from settle(self.name, case, [_joint(case, kept)], "these together")
        return found or Finding(excluded="a combination seemed to help and did not hold up")


def _tried(case: Case) -> list[Treatment]:
    found: list[Treatment] = []
    for fact in case.facts.values():
        if isinstance(fact, Finding):
            found += [t for t in fact.facts.get("tried", ()) if isinstance(t, Treatment)]
    return found


def _compatible(tried: Sequence[Treatment]) -> list[Treatment]:
    """One treatment for each factor, so that they go together; edits of one file exclude each other."""
    kept: dict[tuple[str, str], Treatment] = {}
    edited: set[str] = set()
    for treatment in tried:
        key = (treatment.factor.kind, treatment.factor.name)
        if key in kept or edited & set(treatment.treated.edits):
            continue
        edited |= set(treatment.treated.edits)
        kept[key] = treatment
    return list(kept.values())[:_MOST]


def _together(case: Case, part: Sequence[Treatment]) -> Setup:
    setup = case.base
    for treatment in part:
        told: dict[str, dict[str, Any]] = {}
        for name, settings in treatment.treated.instruments.items():
            told[name] = {**setup.instruments.get(name, {}), **settings}
        setup = setup.plus(env=treatment.treated.env, edits=treatment.treated.edits, instruments=told)
    return setup


def _joint(case: Case, kept: Sequence[Treatment]) -> Treatment:
    named = " and ".join(f"{t.factor.kind}:{t.factor.name}={t.factor.to}" for t in kept)
    treated = _together(case, kept)
    idle = case.base.plus(instruments={name: {} for name in treated.instruments})
    return Treatment(
        factor=Factor(
            kind="joint",
            name=" + ".join(f"{t.factor.kind}:{t.factor.name}" for t in kept),
            from_=[t.factor.from_ for t in kept],
            to=[t.factor.to for t in kept],
        ),
        kind=kept[0].kind,
        baseline=idle,
        treated=treated,
        prediction=f"With {named} together it passes, and none of them alone is enough: it needs two causes.",
        summary=f"two causes together: it passes only with {named}",
        culprits=tuple(dict.fromkeys(c for t in kept for c in t.culprits)),
    )
