"""Decide what a change has to do with a failure, from how the test fared on the base; adds no certainty.

The test runs on the base's product in up to two forms: with the tests and conftest files of the change (the
head's), and, where these differ, with the base's own. Both are asked:

| the head's form there | the base's own form | verdict |
| --- | --- | --- |
| any | the base does not have it | absent on the base |
| green | any | broken by the change |
| red, or does not import | green | broken by the change, which changed the test too |
| red | red, or does not import | red on the base too |
| does not import | red | red on the base too |
| everything else: runs that disagree, skips, no time | | undecided |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triage.base.observed import STEADY_RUNS, Observed, TroubleKind
from triage.base.subjects import Subject
from triage.model.base_commit import BaseVerdict, TestFiles
from triage.model.outcome import Outcome

_MOST_FLAKY_RUNS = 10
"""Of a flaky test on the base: further ones cost more than they tell."""
_CHANCE = 0.05
"""Probability with which a flaky test may pass every run on the base although it fails there as often."""


@dataclass(frozen=True)
class Answers:
    """What the base said of one test."""

    is_present: bool
    """Whether the base has the test."""
    head_form: Observed | None
    """With the tests of the head; None where it was not asked."""
    base_form: Observed | None
    """With the base's own tests; None where they do not differ, or it was not asked."""
    on_record: Outcome | None = None
    """Outcome of the test in an earlier run of that very commit."""
    missing: str | None = None
    """A part of the base that could not be had: what is red there may be red for the lack of it."""

    def form(self, tests: TestFiles) -> Observed | None:
        """The answer of one form."""
        return self.head_form if tests == "head" else self.base_form

    @property
    def forms(self) -> Sequence[tuple[TestFiles, Observed]]:
        """The forms that were asked, the head's first."""
        asked: list[tuple[TestFiles, Observed]] = []
        for tests in _FORMS:
            observed = self.form(tests)
            if observed is not None:
                asked.append((tests, observed))
        return asked


_FORMS: tuple[TestFiles, ...] = ("head", "base")


@dataclass(frozen=True)
class Decision:
    """The verdict on one failure, with the runs that decided."""

    verdict: BaseVerdict
    reason: str
    observed: Observed | None = None
    tests: TestFiles | None = None


def decide(subject: Subject, answers: Answers) -> Decision:
    """Judge one failing test by the table above."""
    if not answers.is_present:
        return _absent(answers.head_form)
    if subject.is_flaky:
        return _decide_flaky(subject, answers)
    for tests, observed in answers.forms:
        if observed.colour == "green" and observed.is_steady(answers.on_record):
            reason = _broken(observed, tests, answers)
            return Decision(BaseVerdict.BROKEN, reason, observed, tests)
    return _decide_not_green(subject, answers)


def _decide_not_green(subject: Subject, answers: Answers) -> Decision:
    """No form is steadily green: red on the base too, or undecided for the first reason that there is."""
    for tests, observed in answers.forms:
        trouble = observed.trouble
        if trouble is not None and trouble.kind is not TroubleKind.IMPORT:
            return Decision(BaseVerdict.UNDECIDED, trouble.text, observed, tests)
    ran = [(tests, observed) for tests, observed in answers.forms if observed.runs]
    if not ran:
        return Decision(BaseVerdict.UNDECIDED, _why_not_run(answers))
    for tests, observed in ran:
        open_question = _open_question(observed, answers.on_record)
        if open_question is not None:
            return Decision(BaseVerdict.UNDECIDED, open_question, observed, tests)
    tests, observed = ran[0]
    if answers.missing is not None:
        reason = f"{observed.figures} on the base, but {answers.missing}"
        return Decision(BaseVerdict.UNDECIDED, reason, observed, tests)
    return Decision(BaseVerdict.RED, _red(subject, observed), observed, tests)


def _decide_flaky(subject: Subject, answers: Answers) -> Decision:
    """Judge a test that failed and passed on the head, by how often it fails on the base."""
    ran = [(tests, observed) for tests, observed in answers.forms if observed.runs]
    if not ran:
        return Decision(BaseVerdict.UNDECIDED, _why_not_run(answers))
    tests, observed = ran[0]
    if observed.failed:
        reason = f"flaky on the base too: {observed.figures}"
        return Decision(BaseVerdict.RED, reason, observed, tests)
    if observed.colour != "green" or observed.runs < runs_for_flaky(subject):
        trouble = observed.trouble.text if observed.trouble else f"{observed.figures} on the base: too few"
        return Decision(BaseVerdict.UNDECIDED, trouble, observed, tests)
    return Decision(BaseVerdict.BROKEN, _introduced(subject, observed), observed, tests)


def runs_for_flaky(subject: Subject) -> int:
    """How often a flaky test has to pass on the base before the change is named for it."""
    if not 0 < subject.rate < 1:
        return STEADY_RUNS
    wanted = math.ceil(math.log(_CHANCE) / math.log(1 - subject.rate))
    return min(max(wanted, STEADY_RUNS), _MOST_FLAKY_RUNS)


def _absent(head_form: Observed | None) -> Decision:
    reason = "the base does not have it"
    if head_form is None or not head_form.runs:
        return Decision(BaseVerdict.ABSENT, reason)
    reason += f"; run with the base's code all the same it {head_form.figures}"
    return Decision(BaseVerdict.ABSENT, reason, head_form, "head")


def _broken(observed: Observed, tests: TestFiles, answers: Answers) -> str:
    reason = f"{observed.figures} on the base"
    changed = answers.head_form
    if tests == "head" or changed is None:
        return reason
    reason += " as it was there"
    if changed.failed:
        return f"{reason}; as the change has it, it {changed.figures} there: the test itself was changed"
    return f"{reason}; as the change has it, it cannot be run there"


def _open_question(observed: Observed, on_record: Outcome | None) -> str | None:
    """Why runs that took place decide nothing; None where they are steadily red."""
    if observed.colour == "mixed":
        return f"flaky on the base: {observed.figures}"
    if observed.colour != "red":
        return f"it {observed.figures} on the base: too little to compare with"
    if not observed.is_steady(on_record):
        return f"{observed.figures} on the base: too few runs to call it steady"
    return None


def _red(subject: Subject, observed: Observed) -> str:
    reason = f"{observed.figures} on the base too"
    if observed.in_place == observed.behind and observed.behind:
        reason += ", behind the tests that precede it"
    elif any(outcome.is_green for outcome in observed.alone):
        reason += ", among other tests; alone it passed"
    differs = subject.signatures and not set(subject.signatures) & set(observed.signatures)
    if observed.error is not None and differs:
        reason += f", with another error: {observed.error}"
    return reason


def _introduced(subject: Subject, observed: Observed) -> str:
    """The figures of both sides, and how likely those of the base are without any change."""
    chance = (1 - subject.rate) ** observed.runs
    return (
        f"failed {subject.failed} of {subject.runs} times here and 0 of {observed.runs} times on the base: "
        f"as flaky there as here, it would pass so often with a probability of {chance:.2g}"
    )


def _why_not_run(answers: Answers) -> str:
    for _, observed in answers.forms:
        if observed.trouble is not None:
            return observed.trouble.text
    return "it could not be run on the base"
