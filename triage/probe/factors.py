"""Turn a factor that a user names into the two arms of an experiment, and into the kind of its cause."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from triage.lab.protocol import Setup
from triage.model.experiment import CauseKind, Factor
from triage.probe.treatment import with_instrument

Arms = tuple[Setup, Setup]
"""Baseline with the instrument idle, and treated."""


def _config(setup: Setup, factor: Factor) -> Arms:
    idle = setup.plus(instruments={"defaults": {"overrides": {}}})
    return idle, setup.plus(instruments={"defaults": {"overrides": {factor.name: factor.to}}})


def _env(setup: Setup, factor: Factor) -> Arms:
    return setup, setup.plus(env={factor.name: None if factor.to is None else str(factor.to)})


def _seed(setup: Setup, factor: Factor) -> Arms:
    return with_instrument(setup, "seed", {"seed": int(factor.to)})


def _clock(setup: Setup, factor: Factor) -> Arms:
    moment = datetime.fromisoformat(str(factor.to))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return with_instrument(setup, "clock", {"at": moment.timestamp()})


def _cwd(setup: Setup, factor: Factor) -> Arms:
    return with_instrument(setup, "cwd", {"to": str(factor.to)})


def _dtype(setup: Setup, factor: Factor) -> Arms:
    return with_instrument(setup, "numerics", {"dtype": str(factor.to)})


def _threads(setup: Setup, factor: Factor) -> Arms:
    idle, treated = with_instrument(setup, "numerics", {"threads": int(factor.to)})
    return idle, treated.plus(env={"OMP_NUM_THREADS": str(factor.to)})


def _tolerance(setup: Setup, factor: Factor) -> Arms:
    return with_instrument(setup, "tolerance", {"factor": float(factor.to)})


def _package(setup: Setup, factor: Factor) -> Arms:
    return setup, setup.plus(packages={factor.name: str(factor.to)})


def _commit(setup: Setup, factor: Factor) -> Arms:
    return setup, setup.plus(commit=str(factor.to))


def _limit(setup: Setup, factor: Factor) -> Arms:
    return setup, setup.plus(test_timeout=float(factor.to))


_Kind = tuple[Callable[[Setup, Factor], Arms], CauseKind]
KINDS: dict[str, _Kind] = {
    "config": (_config, "test-defect"),
    "env": (_env, "environment-variable"),
    "seed": (_seed, "seed"),
    "clock": (_clock, "clock"),
    "cwd": (_cwd, "working-directory"),
    "dtype": (_dtype, "dtype"),
    "threads": (_threads, "threads"),
    "tolerance": (_tolerance, "tolerance"),
    "package": (_package, "dependency"),
    "commit": (_commit, "first-bad-commit"),
    "limit": (_limit, "timeout"),
}


def arms(setup: Setup, factor: Factor) -> Arms:
    """The two arms of an experiment on this factor.

    Raises KeyError for an unknown kind, ValueError for a value that the kind cannot take.
    """
    return KINDS[factor.kind][0](setup, factor)


def cause_kind(factor: Factor) -> CauseKind:
    """The kind of cause that this factor is; of a variable, what the variable sets."""
    return kind_of(factor.name) if factor.kind == "env" else KINDS[factor.kind][1]


_OTHER_KINDS: dict[str, CauseKind] = {
    "order": "order-dependent",
    "restore": "order-dependent",
    "file": "missing-file",
    "network": "network",
    "compile": "compile",
    "resource": "resource",
    "workers": "resource",
    "locks": "timeout",
    "children": "timeout",
}
"""Factors that only probes change."""


def kind_of_factor(factor: Factor) -> CauseKind:
    """The kind of cause that a confirmed factor is, where the probe could not say so itself."""
    if factor.kind in KINDS:
        return cause_kind(factor)
    return _OTHER_KINDS.get(factor.kind, "unknown")


_VARIABLE_KINDS: tuple[tuple[str, CauseKind], ...] = (
    (r"TZ", "clock"),
    (r"LC_.*|LANG|LANGUAGE|PYTHONUTF8|PYTHONIOENCODING|PYTHONCOERCECLOCALE", "locale"),
    (r"PYTHONHASHSEED", "seed"),
    (r"(OMP|MKL|OPENBLAS|NUMEXPR|VECLIB)_(NUM|MAXIMUM)_THREADS|PYTHON_CPU_COUNT", "threads"),
    (r"TORCHDYNAMO_DISABLE|TORCH_COMPILE_DISABLE|PYTORCH_JIT|.*_DISABLE_COMPILE", "compile"),
    (r"(https?|ftp|no|all)_proxy", "network"),
)


def kind_of(variable: str) -> CauseKind:
    """The kind of cause that a variable is: TZ sets the clock's zone, LC_ALL the locale."""
    for pattern, kind in _VARIABLE_KINDS:
        if re.fullmatch(pattern, variable, re.IGNORECASE):
            return kind
    return "environment-variable"
