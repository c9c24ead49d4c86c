"""Name the code that raised, where experiments have ruled out everything around it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from triage.lab.lost_lines import executed_lines, ranges_of
from triage.lab.patches import patch_of_files
from triage.lab.protocol import Answer, Look, Observation, Step
from triage.model.experiment import RootCause
from triage.model.failure import Frame
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.date_repairs import calendar_repairs
from triage.probe.set_order import HASH_SEED
from triage.probe.symptoms import own_frames, steady_part

_OTHER_INTERPRETERS = 2
"""Beside those in which the failure was reproduced."""
SAYS_OTHER = "says other in another interpreter"
"""Key of the fact that its message was another one there."""
RAN = "product lines that it runs"
"""Key of the fact: ranges `path:first-last`, where they are few."""
_MOST_RANGES = 8
_SLIPS = ("NameError", "UnboundLocalError", "SyntaxError", "IndentationError")
"""Exceptions that say that the code itself is wrong, whatever it was given."""


def has_no_cause_yet(case: Case) -> bool:
    """Whether a steady failure has no cause that an earlier probe named."""
    named = any(isinstance(fact, Finding) and fact.cause is not None for fact in case.facts.values())
    return not case.flaky and not named


class Blame:
    """Never more than likely: what made it pass was no factor, but an edit at most."""

    name = "blame"

    def investigate(self, case: Case) -> Steps:
        """An error raised in the product is the product's, with the edits that mend it; all else is open."""
        yield from look()
        slip = _slip_of_the_test(case)
        if slip is not None:
            return Finding(cause=slip)
        elsewhere = yield from _in_other_interpreters(case)
        if any(run.passed(case.nodeid) for run in elsewhere):
            return Finding()  # it is flaky, and will be probed again as such
        facts: dict[str, Any] = {SAYS_OTHER: _says_other(case, elsewhere)}
        frames = own_frames(case)
        raising = _innermost_own_frame(case)
        if not frames or raising is None or raising.origin != "product":
            facts[RAN] = yield from _product_lines(case)
            return Finding(
                excluded="it fails in the test's own code, steadily, whatever is changed around it",
                facts=facts,
            )
        path, line = frames[0]
        raised = case.failure.exception
        summary = f"the product raises {raised} at {path}:{line}, steadily, whatever is changed around it"
        cause = RootCause(
            kind="product-defect", summary=summary, culprits=(f"{path}:{line}",), confidence="likely"
        )
        patches = []
        for edit in calendar_repairs(case):
            (run,) = yield from look(case.base.plus(edits=dict(edit.edits)), why=edit.title)
            if run.passed(case.nodeid):
                texts = {changed: (case.source(changed), text) for changed, text in edit.edits.items()}
                patches.append(patch_of_files(texts, edit.title, edit.reason))
        return Finding(cause=cause, patches=tuple(patches), facts=facts)


def _in_other_interpreters(
    case: Case,
) -> Generator[tuple[Step, ...], tuple[Answer, ...], list[Observation]]:
    """Runs with other hash seeds: forks of one parent share theirs, and so look steady."""
    if case.context != "alone" or case.env.get(HASH_SEED, "random") not in ("", "random"):
        return []
    again = Look(setup=case.base, why="the unchanged case in other interpreters", fresh=True)
    answers = yield (again,) * _OTHER_INTERPRETERS
    return [run for run in answers if isinstance(run, Observation)]


def _product_lines(case: Case) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]:
    """The product's lines that the test runs, as ranges; none where they are too many to look through."""
    meters = ("usage", "lines")  # those of the last repeat, whose run is taken
    (seen,) = yield from look(
        case.base.measuring(*meters), why="which product lines it runs", known_will_do=True
    )
    ranges: list[str] = []
    for path, lines in sorted(executed_lines(seen, case.nodeid).items()):
        ranges += ranges_of(path, lines, case.source(path))
    return tuple(ranges) if len(ranges) <= _MOST_RANGES else ()


def _says_other(case: Case, runs: Sequence[Observation]) -> bool:
    """Whether one of these runs fails with another message than the case."""
    messages = [run.failures[case.nodeid].message for run in runs if case.nodeid in run.failures]
    own = steady_part(case.failure.message)
    return any(steady_part(message) != own for message in messages)


def _slip_of_the_test(case: Case) -> RootCause | None:
    """A test that asks for a fixture that nobody has, or uses a name that nobody defined."""
    failure = case.failure
    if "fixture '" in failure.longrepr and "not found" in failure.longrepr:
        summary = "the test asks for a fixture that does not exist"
        return RootCause(kind="test-defect", summary=summary, culprits=(case.nodeid,), confidence="likely")
    raising = _innermost_own_frame(case)
    if failure.exception in _SLIPS and raising is not None and raising.origin == "test":
        place = f"{raising.path}:{raising.lineno}"
        summary = f"the test's own code raises {failure.exception}: {failure.message[:200]}"
        return RootCause(kind="test-defect", summary=summary, culprits=(place,), confidence="likely")
    return None


def _innermost_own_frame(case: Case) -> Frame | None:
    """The last frame of product or test, of the first exception that has one."""
    for raised in case.failure.chain:
        for frame in reversed(raised.frames):
            if frame.origin in ("product", "test"):
                return frame
    return None
