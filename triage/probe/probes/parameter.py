"""Test which argument of a parametrized test decides."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from triage.lab.protocol import Experiment
from triage.model.experiment import CauseKind, Factor, RootCause, Status
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.sources import tree_of
from triage.probe.treatment import repeats_of

_MOST_SIBLINGS = 60
_MOST_SHOWN = 4
"""Failing values that are named."""
_VALUE_KINDS: tuple[tuple[str, CauseKind], ...] = (
    (r"(torch\.)?(b?float(16|32|64)|half|double|complex\d+|int\d+)", "dtype"),
    (r"compiled?|jit|inductor", "compile"),
    (r"(threads?|workers?)[-_=]?\d+", "threads"),
)


def has_siblings(case: Case) -> bool:
    """Whether a steady failure's test has other parameters."""
    return not case.flaky and len(_siblings(case)) > 1


class Parameter:
    """Compare the parts of the tests' ids: an argument decides where no value both fails and passes."""

    name = "parameter"

    def investigate(self, case: Case) -> Steps:
        """Run the family once; where one axis decides, its failing value against the passing sibling."""
        family = _siblings(case)[:_MOST_SIBLINGS]
        if case.nodeid not in family:
            family = [case.nodeid, *family]
        (seen,) = yield from look(case.base.plus(nodeids=tuple(family)), why="all parameters of the test")
        red = [n for n in family if seen.red(n)]
        green = [n for n in family if seen.passed(n)]
        if not green:
            return Finding(excluded="it fails with every parameter")
        axis = deciding_axis(red, green)
        twin = _twin(case.nodeid, green, axis)
        if axis is None or twin is None:
            return Finding(excluded=f"no single parameter decides ({len(red)} of {len(family)} fail)")
        mine, other = _parts(case.nodeid)[axis], _parts(twin)[axis]
        name = _name_of_axis(case, axis)
        repeats, alpha = repeats_of(case)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="parameter", name=name, from_=mine, to=other),
            prediction=f"With {other} in place of {mine} the same test passes: this parameter decides.",
            baseline=case.base.plus(nodeids=(case.nodeid,)),
            treated=case.base.plus(nodeids=(twin,)),
            watch=(case.nodeid,),
            treated_watch=(twin,),
            repeats=repeats,
            alpha=alpha,
            arm_names=(f"with the parameter {mine}", f"with {other}"),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"{mine} does not decide")
        bad = list(dict.fromkeys([mine, *(_parts(nodeid)[axis] for nodeid in red)]))
        shown = " or ".join(bad[:_MOST_SHOWN]) + (" or others" if len(bad) > _MOST_SHOWN else "")
        share = f"{len(red)} of {len(family)} fail"
        summary = f"it fails where {name} is {shown}, and passes where it is {other} ({share})"
        cause = RootCause(
            kind=_kind_of(mine),
            summary=summary,
            factor=trial.result.factor,
            culprits=(mine,),
            claim="condition",
            confidence="likely",  # the product may be wrong for this value alone
        )
        return Finding(cause=cause)


def deciding_axis(red: Sequence[str], green: Sequence[str]) -> int | None:
    """The first axis none of whose values in red ids appears in a green one; None where there is none."""
    rows = [_parts(nodeid) for nodeid in (*red, *green)]
    if not red or len({len(row) for row in rows}) != 1:
        return None
    for axis in range(len(rows[0])):
        bad = {_parts(nodeid)[axis] for nodeid in red}
        good = {_parts(nodeid)[axis] for nodeid in green}
        if bad and not bad & good:
            return axis
    return None


def _twin(nodeid: str, green: Sequence[str], axis: int | None) -> str | None:
    """A passing sibling that differs in this axis, and where possible in nothing else."""
    if axis is None:
        return None
    mine = _parts(nodeid)

    def differences(other: str) -> int:
        return sum(a != b for a, b in zip(mine, _parts(other), strict=True))

    return min(green, key=differences, default=None)


def _name_of_axis(case: Case, axis: int) -> str:
    """The argument's name where the test has one `parametrize` that names as many as its id has parts."""
    function = case.nodeid.partition("[")[0].rpartition("::")[2]
    found: list[list[str]] = []
    for node in ast.walk(tree_of(case.source(file_of(case.nodeid))) or ast.Module([], [])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            found += [names for decorator in node.decorator_list if (names := _argument_names(decorator))]
    if len(found) == 1 and len(found[0]) == len(_parts(case.nodeid)):
        return found[0][axis]
    return f"part {axis + 1} of its parameters"


def _argument_names(decorator: ast.expr) -> list[str]:
    """The names in `parametrize("a, b", ...)` or `parametrize(["a", "b"], ...)`; none of others."""
    match decorator:
        case ast.Call(func=ast.Attribute(attr="parametrize"), args=[ast.Constant(value=str() as text), *_]):
            return [name.strip() for name in text.split(",")]
        case ast.Call(
            func=ast.Attribute(attr="parametrize"), args=[ast.List(elts=names) | ast.Tuple(elts=names), *_]
        ):
            return [str(name.value) for name in names if isinstance(name, ast.Constant)]
    return []


def _siblings(case: Case) -> list[str]:
    stem, bracket, _ = case.nodeid.partition("[")
    return [nodeid for nodeid in case.suite if bracket and nodeid.startswith(stem + "[")]


def _parts(nodeid: str) -> list[str]:
    return nodeid.partition("[")[2].rstrip("]").split("-")


def _kind_of(value: str) -> CauseKind:
    for pattern, kind in _VALUE_KINDS:
        if re.fullmatch(pattern, value, re.IGNORECASE):
            return kind
    return "product-defect"
