"""Factors that a user can ask for: how each kind changes a setup, and which cause it would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from triage.model.experiment import CauseKind, Factor
from triage.probe.api import Setup

Arms = tuple[Setup, Setup]
"""Baseline with the instrument idle, and treated."""


def _config(setup: Setup, factor: Factor) -> Arms:
    idle = setup.plus(instruments={"defaults": {"overrides": {}}})
    return idle, setup.plus(instruments={"defaults": {"overrides": {factor.name: factor.to}}})


def _env(setup: Setup, factor: Factor) -> Arms:
    return setup, setup.plus(env={factor.name: None if factor.to is None else str(factor.to)})


KINDS: dict[str, tuple[Callable[[Setup, Factor], Arms], CauseKind]] = {
    "config": (_config, "test-defect"),
    "env": (_env, "environment-variable"),
}


def arms(setup: Setup, factor: Factor) -> Arms:
    """The two arms of an experiment on this factor; raises KeyError for an unknown kind."""
    return KINDS[factor.kind][0](setup, factor)


def cause_kind(factor: Factor) -> Any:
    """The kind of cause that this factor is."""
    return KINDS[factor.kind][1]
