"""Take out the statements at which a test hangs or dies, one by one, to locate the cause."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding
from triage.probe.edits.statements import patch_of, without_loop, without_statement
from triage.probe.symptoms import own_places
from triage.probe.treatment import Treatment

_MOST_FRAMES = 4
_LEFTOVER = re.compile(r"(?:breakpoint\(\)|(?:i?pdb|pudb)\.set_trace\(\)|input\(.*\))")
"""What somebody forgot to take out: only there the line is the repair, elsewhere it tells the place."""
Kind = Literal["timeout", "crash"]
_VERBS: dict[Kind, str] = {"timeout": "stands still", "crash": "crashes"}


def without_lines(case: Case, kind: Kind, frames: Sequence[tuple[str, int]]) -> Iterator[Treatment]:
    """The statements at these lines taken out, one by one; for a hang also the loops around them."""
    for path, line in frames[:_MOST_FRAMES]:
        before = case.source(path)
        if before is None:
            continue
        lines = before.splitlines()
        text = lines[line - 1].strip() if line <= len(lines) else ""
        edits = [(f"`{text}`", without_statement(before, line))]
        if kind == "timeout":
            edits.append((f"the loop around `{text}`", without_loop(before, line)))
        for what, after in edits:
            if after is not None:
                title = f"{path}:{line} without {what}"
                patches = (patch_of(path, before, after, title),) if _LEFTOVER.fullmatch(text) else ()
                treatment = _without(case, kind, f"{path}:{line}", what, {path: after})
                yield treatment.model_copy(update={"patches": patches})


def _without(case: Case, kind: Kind, place: str, what: str, edits: dict[str, str | None]) -> Treatment:
    verb = _VERBS[kind]
    return Treatment(
        factor=Factor(kind="edit", name=place, from_=what, to="taken out"),
        kind=kind,
        baseline=case.base,
        treated=case.base.plus(edits=edits),
        prediction=f"Without {what} ({place}) it passes: that is where it {verb}.",
        summary=f"it {verb} in {what} ({place}); without it the test passes",
        culprits=(place,),
        sure=False,  # it tells where, and not why
    )


def located(case: Case, kind: Kind, summary: str, steps: Sequence[str] = ()) -> Finding:
    """The likely cause where no treatment helped: what was seen, and at which line.

    `steps` are places (`path:line`) from a meter, for a failure without a stack.
    """
    frames = own_places(case) or tuple(steps)
    at = f" at {frames[0]}" if frames else ""
    culprits = tuple(dict.fromkeys((*frames[:2], *steps)))[:4]
    cause = RootCause(kind=kind, summary=f"{summary}{at}", culprits=culprits, confidence="likely")
    return Finding(cause=cause)
