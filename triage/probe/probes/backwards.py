"""Test whether a hand-written backward function gives the gradient that its forward has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.treatment import Treatment, settle, with_instrument

_MOST_FILES = 400
"""Files of a suite that are read; reading more takes longer than the experiment that it may save."""


def writes_backward_functions(case: Case) -> bool:
    """Whether a file of the suite defines an `autograd.Function`."""
    files = [path for path in case.files if path.endswith(".py")][:_MOST_FILES]
    return any("autograd.Function" in (case.source(path) or "") for path in files)


class Backwards:
    """Compare backward functions with differences at several step sizes; then put those in their place."""

    name = "backwards"

    def investigate(self, case: Case) -> Steps:
        """Measure once; then one experiment on each function that disagrees."""
        (seen,) = yield from look(
            case.base.measuring("backwards"), why="backward functions against differences"
        )
        checked = seen.lines("backwards", "function")
        wrong = [line for line in checked if line.get("wrong")]
        treatments = [_differences(case, line) for line in wrong]
        found = yield from settle(self.name, case, treatments, "by differences")
        if found is not None:
            return found
        if wrong:
            cause = RootCause(
                kind="product-defect",
                summary=_disagreement(wrong[0]),
                culprits=(_place(case, wrong[0]),),
                confidence="likely",
            )
            return Finding(cause=cause)
        return Finding(excluded=f"{len(checked)} backward functions agree with central differences")


def _differences(case: Case, line: Mapping[str, Any]) -> Treatment:
    name = str(line["name"])
    baseline, treated = with_instrument(case.base, "backwards", {"numeric": [name]})
    # Idle, but told something: without settings the instrument measures every function, which takes long.
    idle = baseline.plus(instruments={"backwards": {"numeric": ["-"]}})
    return Treatment(
        factor=Factor(kind="backward", name=name, from_="as written", to="central differences"),
        kind="product-defect",
        baseline=idle,
        treated=treated,
        prediction=f"With central differences in place of {name}.backward the test passes: it is wrong.",
        summary=f"{_disagreement(line)}; with central differences in its place the test passes",
        culprits=(_place(case, line), name),
    )


def _disagreement(line: Mapping[str, Any]) -> str:
    errors = ", ".join(f"{error:.1e}" for error in line.get("errors", ()))
    return f"{line['name']}.backward disagrees with its forward at every step size (relative errors {errors})"


def _place(case: Case, line: Mapping[str, Any]) -> str:
    """The file as the suite has it, without the scratch copy in front."""
    path = str(line.get("file", "")).replace("\\", "/")
    inside = next((name for name in case.files if path.endswith("/" + name)), path)
    return f"{inside}:{line.get('line')}"
