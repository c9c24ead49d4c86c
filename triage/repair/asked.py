"""Make the criteria that designs and recorded runs share: what is run, how often, with which command.

A design asks by its probe, a cluster without one by the runs that show it red; what they ask is alike.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from triage.config import Settings
from triage.model.criterion import Conditions, Criterion, Scope, allowed_rate
from triage.model.nodeid import file_of
from triage.model.rate import runs_needed

STEADY_RUNS = 4
"""Four failures of four against none of four: p = 0.014."""
MOST_RUNS = 100
"""A failure of 3 % would show in so many runs; a rarer one takes more time than a criterion may."""


def passing(name: str, text: str, scope: Scope, nodeids: Sequence[str], runs: int, **more: Any) -> Criterion:
    """These tests pass in every run; `more` are other fields of the criterion."""
    return Criterion(
        name=name,
        kind="passes",
        text=text,
        scope=scope,
        nodeids=tuple(nodeids),
        runs=runs,
        allowed_rate=allowed_rate(runs),
        **more,
    )


def no_new_failures(
    name: str, text: str, scope: Scope, nodeids: Sequence[str], tolerated: Sequence[str], **more: Any
) -> Criterion:
    """One run of these tests shows no failure but those of before; `more` are other fields."""
    return Criterion(
        name=name,
        kind="no-new-failures",
        text=text,
        scope=scope,
        nodeids=tuple(nodeids),
        runs=1,
        allowed_rate=allowed_rate(1),
        tolerated=tuple(tolerated),
        **more,
    )


def without_runs(name: str, text: str, **more: Any) -> Criterion:
    """What is decided by reading and not by running tests; its kind has its name, `more` are other fields."""
    return Criterion(name=name, kind=name, text=text, scope=Scope.NONE, runs=0, **more)


def ledgers_criterion() -> Criterion:
    """The ledgers can take the result."""
    return without_runs(
        "ledgers",
        "fix plan and remediation tracker take the result, and hold no region that a person changed",
        command="triage check plans/fix_plan.md reports/remediation_tracker.md",
    )


def runs_for(rate: float) -> int:
    """How often a test must pass before a failure rate of `rate` would have shown; 4 where it is certain."""
    if rate >= 1.0 or rate <= 0.0:
        return STEADY_RUNS
    return min(MOST_RUNS, max(STEADY_RUNS, runs_needed(rate)))


def files_of_tests(nodeids: Sequence[str]) -> tuple[str, ...]:
    """A chunk by its files, where a person types it: a chunk is made of whole files where it can be."""
    return tuple(dict.fromkeys(file_of(nodeid) for nodeid in nodeids))


def pytest_command(
    settings: Settings, nodeids: Sequence[str], *extra: str, conditions: Conditions | None = None
) -> str:
    """A shell line that runs these tests as the settings say, under the conditions of a run where given."""
    variables: dict[str, str | None] = dict(settings.process_env)
    pytest_args = settings.pytest_args
    if conditions is not None:
        variables |= conditions.env
        pytest_args = conditions.pytest_args if conditions.pytest_args is not None else pytest_args
    unset = [word for name, value in sorted(variables.items()) if value is None for word in ("-u", name)]
    given = [f"{name}={shlex.quote(value)}" for name, value in sorted(variables.items()) if value is not None]
    prefix = ["env", *map(shlex.quote, unset), *given] if unset or given else []
    python = shlex.quote(settings.python or "python")
    arguments = [shlex.quote(word) for word in (*pytest_args, *extra, *nodeids)]
    return " ".join([*prefix, python, "-m", "pytest", "-vv", *arguments])
