"""`backwards`: a hand-written backward function gives another gradient than its forward has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.treatment import Treatment, settle, with_instrument

_MOST_FILES = 400


class Backwards:
    """A step-size sweep finds it; central differences in its place prove it."""

    name = "backwards"

    def likelihood(self, case: Case) -> float:
        """Only where the suite writes backward functions."""
        files = [path for path in case.files if path.endswith(".py")][:_MOST_FILES]
        written = any("autograd.Function" in (case.source(path) or "") for path in files)
        return 0.88 if written else 0.0

    def investigate(self, case: Case) -> Steps:
        """One look; then the experiment on each function that the sweep convicts."""
        (seen,) = yield from look(
            case.base.measuring("backwards"), why="backward functions against differences"
        )
        checked = seen.lines("backwards", "function")
        wrong = [line for line in checked if line.get("wrong")]
        found = yield from settle(
            self.name, case, [_differences(case, line) for line in wrong], "by differences"
        )
        if found is not None:
            return found
        if wrong:
            where = (_place(case, wrong[0]),)
            words = _words(wrong[0])
            return Finding(
                cause=RootCause(kind="product-defect", summary=words, culprits=where, confidence="likely")
            )
        return Finding(excluded=f"{len(checked)} backward functions agree with central differences")


def _differences(case: Case, line: Mapping[str, Any]) -> Treatment:
    name = str(line["name"])
    baseline, treated = with_instrument(case.base, "backwards", {"numeric": [name]})
    idle = baseline.plus(instruments={"backwards": {"numeric": ["-"]}})
    return Treatment(
        factor=Factor(kind="backward", name=name, from_="as written", to="central differences"),
        kind="product-defect",
        baseline=idle,
        treated=treated,
        prediction=f"With central differences in place of {name}.backward the test passes: it is wrong.",
        summary=f"{_words(line)}; with central differences in its place the test passes",
        culprits=(_place(case, line), name),
    )


def _words(line: Mapping[str, Any]) -> str:
    errors = ", ".join(f"{error:.1e}" for error in line.get("errors", ()))
    return f"{line['name']}.backward disagrees with its forward at every step size (relative errors {errors})"


def _place(case: Case, line: Mapping[str, Any]) -> str:
    """The file as the suite has it, without the scratch copy in front."""
    path = str(line.get("file", "")).replace("\\", "/")
    inside = next((name for name in case.files if path.endswith("/" + name)), path)
    return f"{inside}:{line.get('line')}"
