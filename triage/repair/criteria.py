"""Derive the conditions under which a cluster is resolved from its cause and its proof."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from triage.config import Settings
from triage.instruments.registry import plugin_of
from triage.lab.measurements import magnitude
from triage.model.criterion import Bound, Conditions, Criterion, Scope, allowed_rate
from triage.model.nodeid import file_of
from triage.repair.asked import (
    files_of_tests,
    ledgers_criterion,
    no_new_failures,
    passing,
    pytest_command,
    runs_for,
    without_runs,
)
from triage.repair.inputs import TWICE, Basis

CAPTURE = ".triage/capture"
"""Where the command for people writes what it measures."""
TWICE_FOLDER = ".triage/twice"
"""Where the command for people tells the instrument what to do."""
_GRADIENT_KINDS = frozenset({"zero-signal", "graph-break", "nonfinite-gradient"})
"""Causes whose repair must show in loss and gradients."""
_INPUT_KINDS = frozenset({"zero-signal", "test-defect", "tolerance"})
"""Causes that lie in the input of the test."""


@dataclass(frozen=True)
class Control:
    """Loss and gradients of a run in which the subject passes."""

    loss: Any
    gradients: Mapping[str, Any]


@dataclass(frozen=True)
class Ground:
    """What criteria are derived from."""

    basis: Basis
    settings: Settings
    controls: Sequence[Control]
    """The control case and the eligible options."""
    keywords: tuple[str, ...]
    """Inputs that eligible options set."""
    kinds: frozenset[str]
    """Kinds of files that the recommended option changes."""
    conditions: Conditions | None = None
    """How the run that failed started its processes, where the settings of today say otherwise."""
    lines: tuple[str, ...] = ()
    """Product lines that do not run where the test passes in the experiment, as `path: text`."""

    def command(self, nodeids: Sequence[str], *extra: str) -> str:
        """A shell line that runs these tests as the run that failed did."""
        return pytest_command(self.settings, nodeids, *extra, conditions=self.conditions)


def criteria_for(ground: Ground) -> tuple[Criterion, ...]:
    """All criteria, cheapest first; each runs its tests as the run that failed did."""
    if ground.conditions is None:
        return tuple(_criteria(ground))
    return tuple(
        criterion
        if criterion.scope is Scope.NONE
        else criterion.model_copy(update={"conditions": ground.conditions})
        for criterion in _criteria(ground)
    )


def _criteria(ground: Ground) -> Iterator[Criterion]:
    basis = ground.basis
    runs = runs_for(basis.failure_rate)
    if not basis.fails_in_company_only:  # else it held before the repair
        yield passing(
            "targeted",
            "the failing tests pass, run by themselves in a process of their own",
            Scope.ALONE,
            basis.subject,
            runs,
            command=ground.command(basis.subject, "--maxfail=1", "--durations=25"),
        )
    if basis.imports:
        yield passing(
            "imports",
            "the failing tests pass where the test files are imported that made them fail",
            Scope.CONTEXT,
            basis.subject,
            runs,
            imports=basis.imports,
            command=ground.command(_importing(basis)),
        )
    if basis.runs_twice:
        yield passing(
            "twice",
            "the failing tests pass a second time in one process",
            Scope.CONTEXT,
            basis.subject,
            runs,
            twice=True,
            command=twice_command(ground.settings, basis.subject, conditions=ground.conditions),
        )
    if basis.workers:
        yield passing(
            "workers",
            "the failing tests pass in the processes of pytest-xdist in which they failed",
            Scope.CONTEXT,
            basis.context,
            runs,
            workers=basis.workers,
            distribution=basis.distribution,
            command=ground.command(basis.context, "-n", str(basis.workers), "--dist", basis.distribution),
        )
    elif basis.context != basis.subject:
        yield passing(
            "context",
            "the failing tests pass behind the tests that made them fail",
            Scope.CONTEXT,
            basis.context,
            runs,
            command=ground.command(basis.context),
        )
    yield from _executing(ground)
    yield from _measured(ground, runs)
    yield from _wider(ground)
    yield from _documented(ground)
    yield ledgers_criterion()


def _importing(basis: Basis) -> tuple[str, ...]:
    """Arguments for pytest that import the culprits and run the subject alone."""
    others = [path for path in basis.imports if path != file_of(basis.subject[0])]
    return (*others, *basis.subject, *(word for path in others for word in ("--deselect", path)))


def capture_command(
    settings: Settings, nodeids: Sequence[str], *, conditions: Conditions | None = None
) -> str:
    """A shell line that writes loss and gradients of these tests to a file, as the criteria measure them."""
    config = shlex.quote(json.dumps({"out": CAPTURE}))
    prepare = f"mkdir -p {CAPTURE} && printf %s {config} > {CAPTURE}/instrument.json"
    env = {**settings.process_env, "TRIAGE_INSTRUMENT": f"{CAPTURE}/instrument.json"}
    measuring = settings.model_copy(update={"env": env})
    run = pytest_command(measuring, nodeids, "-p", plugin_of("gradients"), conditions=conditions)
    return f"{prepare} && {run} && cat {CAPTURE}/gradients.jsonl"


def twice_command(settings: Settings, nodeids: Sequence[str], *, conditions: Conditions | None = None) -> str:
    """A shell line that runs each of these tests twice in one process."""
    config = shlex.quote(json.dumps({TWICE: {"on": True}}))
    prepare = f"mkdir -p {TWICE_FOLDER} && printf %s {config} > {TWICE_FOLDER}/instrument.json"
    env = {**settings.process_env, "TRIAGE_INSTRUMENT": f"{TWICE_FOLDER}/instrument.json"}
    telling = settings.model_copy(update={"env": env})
    run = pytest_command(telling, nodeids, "-p", plugin_of(TWICE), conditions=conditions)
    return f"{prepare} && {run}"


def floors(basis: Basis, settings: Settings, control: Control | None) -> tuple[Bound, ...]:
    """What the gradients of a repaired test should reach, from the settings and the control case alone."""
    if control is None:
        return ()
    ground = Ground(basis=basis, settings=settings, controls=[control], keywords=(), kinds=frozenset())
    return tuple(_bounds(ground))


def floor_below(value: float) -> float:
    """The power of ten at or below a magnitude: 7782 gives 1000, 1.66 gives 1."""
    return 10.0 ** math.floor(math.log10(value))


def _executing(ground: Ground) -> Iterator[Criterion]:
    """A test that passes because the code with the fault does not run any more has mended nothing."""
    if ground.lines:
        subject = ground.basis.subject
        yield Criterion(
            name="not avoided",
            kind="executes",
            text="the product lines that the experiment skipped run, or the repair has changed them",
            scope=Scope.ALONE,
            nodeids=subject,
            runs=1,
            allowed_rate=allowed_rate(1),
            lines=ground.lines,
            command=ground.command(subject),
        )


def _measured(ground: Ground, runs: int) -> Iterator[Criterion]:
    basis = ground.basis
    if basis.report.root_cause.kind not in _GRADIENT_KINDS or not ground.controls:
        return
    command = capture_command(ground.settings, basis.subject, conditions=ground.conditions)
    losses = [control.loss for control in ground.controls if isinstance(control.loss, int | float)]
    if losses and min(losses) > 0:
        yield Criterion(
            name="loss",
            kind="measures",
            text="the loss is above zero: there is something to differentiate",
            scope=Scope.ALONE,
            nodeids=basis.subject,
            runs=runs,
            allowed_rate=allowed_rate(runs),
            bounds=(Bound(quantity="loss", above=0.0, magnitude=False, origin="positive in every control"),),
            command=command,
        )
    bounds = tuple(_bounds(ground))
    if bounds:
        yield Criterion(
            name="gradients",
            kind="measures",
            text="each gradient that the control case has is above its floor",
            scope=Scope.ALONE,
            nodeids=basis.subject,
            runs=runs,
            allowed_rate=allowed_rate(runs),
            bounds=bounds,
            command=command,
        )


def _bounds(ground: Ground) -> Iterator[Bound]:
    names = dict.fromkeys(name for control in ground.controls for name in control.gradients)
    for name in names:
        patterns = ground.settings.gradient_floors
        given = [floor for pattern, floor in patterns.items() if fnmatchcase(name, pattern)]
        if given:
            yield Bound(quantity=name, above=max(given), origin="setting gradient_floors")
            continue
        sizes = [magnitude(control.gradients.get(name)) for control in ground.controls]
        known = [size for size in sizes if size is not None]
        # without a size in every control, or with a zero in one, the gradient promises nothing
        if known and len(known) == len(sizes) and min(known) > 0:
            yield Bound(
                quantity=name,
                above=floor_below(min(known)),
                origin="power of ten below the smallest magnitude of control and eligible options",
            )


def _wider(ground: Ground) -> Iterator[Criterion]:
    """A repair that holds alone may break its neighbours; one in product code may break anything."""
    basis = ground.basis
    chunk = basis.chunk
    if chunk is not None:
        yield no_new_failures(
            "chunk",
            f"the tests of {chunk.name} run together without new failures",
            Scope.CHUNK,
            chunk.nodeids,
            basis.tolerated,
            command=ground.command(files_of_tests(chunk.nodeids), "--maxfail=5", "--durations=25"),
        )
    if "product" in ground.kinds or basis.context != basis.subject or chunk is None:
        selectors = ground.settings.selectors
        yield no_new_failures(
            "suite",
            "the whole suite runs without new failures",
            Scope.SUITE,
            selectors,
            basis.tolerated,
            command=ground.command(selectors),
        )


def _documented(ground: Ground) -> Iterator[Criterion]:
    """A test whose input had to be mended says in its docstring which input that is, and why."""
    cause = ground.basis.report.root_cause
    if cause.kind not in _INPUT_KINDS or "product" in ground.kinds or ground.kinds == {"data"}:
        return  # the input was not mended in the test
    words = list(ground.keywords)
    if cause.factor is not None and cause.factor.kind == "config":
        _, _, field = cause.factor.name.rpartition(".")
        words.insert(0, field)
    if words:
        yield without_runs(
            "docstring",
            "the docstring of each failing test has a note that names the input on which it depends",
            nodeids=ground.basis.subject,
            mentions=tuple(dict.fromkeys(words)),
        )
