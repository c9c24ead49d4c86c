"""Repair a test that depends on its surroundings: it declares what it needs. Pure: runs are asked for."""

from __future__ import annotations

from collections.abc import Generator

from triage.hunt.proof import Proof
from triage.lab.protocol import Answer, Step
from triage.model.experiment import Factor, Patch, RootCause
from triage.probe.api import Case, Finding
from triage.probe.declared_repairs import with_repairs

_UTC = "UTC"
"""The zone that a suite declares which is to pass anywhere."""


def factor_repairs(
    case: Case, proof: Proof
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]:
    """Edits with which the test passes under the factor that makes it red; empty where none helps.

    The base of the case is the setup with that factor.
    """
    needed = what_it_needs(case, proof.experiment.factor)
    if needed is None:
        return ()
    cause = RootCause(
        kind=proof.kind,
        summary=f"it depends on {proof.culprits[0]}",
        factor=needed,
        culprits=proof.culprits,
        confidence="likely",
        claim="condition",
    )
    repaired = yield from with_repairs(case, Finding(cause=cause, proof=proof.experiment))
    return repaired.patches[:1]


def what_it_needs(case: Case, factor: Factor | None) -> Factor | None:
    """The factor the other way round, from what makes it red to what a suite can declare; None for others.

    A variable that is set here has a value of this machine, which no suite should declare.
    """
    if factor is None:
        return None
    match factor.kind:
        case "cwd":
            return Factor(kind="cwd", name="cwd", from_=factor.to, to="")
        case "env" if factor.name == "TZ":
            return Factor(kind="env", name="TZ", from_=factor.to, to=_UTC)
        case "env" if factor.name not in case.env:
            return Factor(kind="env", name=factor.name, from_=factor.to, to=None)
    return None
