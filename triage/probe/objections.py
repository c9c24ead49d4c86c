"""List what speaks against a confirmed experiment's factor as the cause; nothing may.

An experiment shows that a factor flips the test. The factor is what is wrong only if the passing arm computes
rightly what the failing one computes wrongly. Each function of `_OBJECTIONS` is one way in which that may not
be so, with its reason; it gives a clause for the sentence, "" for an objection that needs no words beyond the
question that is left open, and None where it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from triage.lab.lost_lines import LostLines
from triage.lab.protocol import Experiment
from triage.lab.sentences import arm_names
from triage.model.experiment import Factor
from triage.probe.api import Finding
from triage.probe.gradient_trace import Site

_SYMPTOMS = frozenset({"tolerance", "limit"})
"""Factors that treat the symptom: they never make a cause."""
_INPUTS = frozenset(
    {"env", "config", "literal", "dtype", "seed", "clock", "network", "file", "cwd", "resource", "parameter"}
)
"""Factors that are values which the product takes in: wrong only where something else says so."""
_SHOWN_LINES = 4
"""Ranges of lines in the sentence; the report lists more."""


@dataclass(frozen=True)
class Evidence:
    """What the two arms show beside their outcomes."""

    reason: str
    """Why the old value is wrong; empty where nothing says so."""
    lost: LostLines = field(default_factory=LostLines)
    dead: Site | None = None
    """The operation in which the signal dies in the failing arm, where the treatment leaves it dead."""
    dies_at: Site | None = None
    """The first operation, from the loss backwards, in which the signal of the failing arm dies."""
    unseen: bool = False
    """Whether the lines of an arm could not be recorded: a debugger or coverage owned the tracer, say."""


@dataclass(frozen=True)
class _Examined:
    """What an objection may look at."""

    finding: Finding
    proof: Experiment
    factor: Factor
    evidence: Evidence


def objections(finding: Finding, proof: Experiment, evidence: Evidence) -> tuple[str, ...]:
    """Every objection to the finding's cause, the most telling first; an empty one has no words."""
    assert proof.factor is not None
    examined = _Examined(finding, proof, proof.factor, evidence)
    found = [objection(examined) for objection in _OBJECTIONS]
    return tuple(said for said in found if said is not None)


def left_open(factor: Factor) -> str:
    """The question that a mere condition does not answer."""
    if factor.kind in (*_SYMPTOMS, "seed"):
        return "whether the product or the tolerance is wrong is not decided"
    if factor.kind == "commit":
        return "whether that change or older code is wrong is not decided"
    return "whether the value or the code is wrong is not decided"


def is_symptom(factor: Factor) -> bool:
    """Whether a factor treats the symptom: more slack, more time."""
    return factor.kind in _SYMPTOMS


def _seen_by_the_probe(examined: _Examined) -> str | None:
    """The probe knows its kind of factor best: that tests ask for more, that rounding differs."""
    return "; ".join(examined.finding.against) or None


def _unseen(examined: _Examined) -> str | None:
    """Whether product lines are skipped is unknown where no lines could be recorded."""
    if not examined.evidence.unseen:
        return None
    return "which product lines each arm runs could not be recorded"


def _lines_that_stop_running(examined: _Examined) -> str | None:
    """What is no longer computed is not computed rightly: the fault may lie in the lines that are skipped."""
    lost = examined.evidence.lost.no_longer_run
    if not lost:
        return None
    without_change = examined.finding.beside is not None
    treated = "without that change" if without_change else arm_names(examined.proof)[1]
    shown = ", ".join(lost[:_SHOWN_LINES])
    more = len(lost) - _SHOWN_LINES
    others = f" and {more} more" if more > 0 else ""
    is_one_line = len(lost) == 1 and "-" not in shown.rpartition(":")[2]
    verb = "does" if is_one_line else "do"
    return f"it passes {treated.rstrip(',')}, but then {shown}{others} {verb} not run"


def _dead_signal(examined: _Examined) -> str | None:
    """A signal that stays dead where it died was led around that place, not mended."""
    dead = examined.evidence.dead
    if dead is None:
        return None
    return f"the signal still dies in {dead.op} ({dead.place}) when it passes"


def _symptom(examined: _Examined) -> str | None:
    """More slack and more time hide any error, whatever made it."""
    return "" if is_symptom(examined.factor) else None


def _input_without_a_reason(examined: _Examined) -> str | None:
    """Another value that avoids the fault does not make the old one wrong: something else has to say so."""
    factor = examined.factor
    kinds = {factor.kind}
    if factor.kind == "joint":
        kinds = {part.partition(":")[0] for part in factor.name.split(" + ")}
    return "" if kinds & (_INPUTS | _SYMPTOMS) and not examined.evidence.reason else None


def _not_sure(examined: _Examined) -> str | None:
    """The probe itself says that a pass can mean something else."""
    cause = examined.finding.cause
    return "" if cause is None or cause.confidence != "proven" else None


_OBJECTIONS: tuple[Callable[[_Examined], str | None], ...] = (
    _seen_by_the_probe,
    _unseen,
    _lines_that_stop_running,
    _dead_signal,
    _symptom,
    _input_without_a_reason,
    _not_sure,
)
