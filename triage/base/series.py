"""Ask one form of the base about the failing tests: runs until each is steady, or the budget is used up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triage.base.decide import runs_for_flaky
from triage.base.executions import Executed, Execution, Executions, How, listing, named_files
from triage.base.observed import Observed, Trouble, TroubleKind
from triage.base.subjects import Subject
from triage.base.trees import BaseTrees
from triage.cluster.groups import Signer
from triage.model.base_commit import TestFiles
from triage.model.outcome import Outcome
from triage.model.run import TestResult

_MOST_ROUNDS = 16
"""Rounds of runs: more than any test asks for, so that a mistake here cannot run for ever."""
_ALONE = 3
"""Runs alone that have to agree against a red run among other tests."""
_UNCHECKED = 2
"""Runs among the failing tests alone. The next run of a test that was not tried alone on the head has all its
predecessors: its failure may need them."""
_ERROR_CHARS = 200
"""Of the first line of an error in a sentence."""


@dataclass
class _Asked:
    """One failing test while the base is asked about it."""

    subject: Subject
    name: str
    """Its node id in the copy."""
    together: list[Outcome] = field(default_factory=list)
    alone: list[Outcome] = field(default_factory=list)
    behind: list[Outcome] = field(default_factory=list)
    first_red: TestResult | None = None
    trouble: Trouble | None = None
    is_absent: bool = False

    @property
    def observed(self) -> Observed:
        """The outcomes so far."""
        return Observed(together=tuple(self.together), alone=tuple(self.alone), behind=tuple(self.behind))

    def outcomes(self, how: How) -> list[Outcome]:
        """The outcomes of one way to run it."""
        match how:
            case "alone":
                return self.alone
            case "behind":
                return self.behind
            case "together" | "listing":
                return self.together


class Series:
    """The runs of one form: the head's tests on the base's product, or the base as it was."""

    def __init__(
        self,
        tests: TestFiles,
        executions: Executions,
        trees: BaseTrees,
        *,
        signer: Signer,
        on_record: Mapping[str, Outcome],
    ) -> None:
        """`on_record` has outcomes of earlier runs on the base commit, by node id."""
        self._tests = tests
        self._executions = executions
        self._trees = trees
        self._signer = signer
        self._on_record = on_record

    def ask(self, subjects: Sequence[Subject]) -> dict[str, Observed | None]:
        """How each test fared, by its node id on the head; None where this form does not have it."""
        asked = [_Asked(subject, self._trees.name_in(self._tests, subject.nodeid)) for subject in subjects]
        root = self._trees.pristine(self._tests)
        for one in asked:
            one.is_absent = not (root / one.name.split("::", 1)[0]).exists()
        for _ in range(_MOST_ROUNDS):
            executions = self._next_round([one for one in asked if self._is_open(one)])
            if not executions:
                break
            for executed in self._executions.run(executions):
                for one in asked:
                    if one.name in executed.execution.targets:
                        self._take(executed, one)
        return {one.subject.nodeid: self._observed(one) for one in asked}

    def present(self, subjects: Sequence[Subject]) -> dict[str, Trouble | bool]:
        """Whether this form has each test, found by collecting; the trouble where nobody can tell."""
        root = self._trees.pristine(self._tests)
        names = {each.nodeid: self._trees.name_in(self._tests, each.nodeid) for each in subjects}
        files = dict.fromkeys(name.split("::", 1)[0] for name in names.values())
        existing = [file for file in files if (root / file).exists()]
        if not existing:
            return dict.fromkeys(names, False)
        executed = self._executions.run([listing(self._tests, existing)])[0]
        found: dict[str, Trouble | bool] = {}
        for nodeid, name in names.items():
            if name.split("::", 1)[0] not in existing:
                found[nodeid] = False
            elif name in executed.listed or "::" not in name or _is_skipped(name, executed):
                found[nodeid] = True
            else:
                found[nodeid] = _trouble_of(name, executed) or False
        return found

    # -- what to run next ---------------------------------------------------------------------

    def _is_open(self, one: _Asked) -> bool:
        """Whether a further run would tell more."""
        if one.is_absent or one.trouble is not None:
            return False
        observed = one.observed
        if one.subject.is_flaky:
            return not observed.failed and observed.runs < runs_for_flaky(one.subject)
        if _next_how(one) == "alone" or _is_contradicted(one):
            return True
        return observed.colour != "mixed" and not observed.is_steady(self._on_record.get(one.subject.nodeid))

    def _next_round(self, asked: Sequence[_Asked]) -> list[Execution]:
        """The processes of one round."""
        executions = []
        files = []
        groups: dict[tuple[How, str | None, int | None], list[_Asked]] = {}
        for one in asked:
            how = _next_how(one)
            chunk, attempt = one.subject.process
            if one.subject.is_file:
                files.append(one.name)
            elif how == "alone":
                executions.append(self._execution(how, [one]))
            else:
                # predecessors are those of one process of the chunk
                key = (how, chunk, attempt if how == "behind" else None)
                groups.setdefault(key, []).append(one)
        executions += [self._execution(how, group) for (how, *_), group in groups.items()]
        if files:
            executions.append(listing(self._tests, files))
        return executions

    def _execution(self, how: How, group: Sequence[_Asked]) -> Execution:
        """One process for a group of tests, in the recorded order."""
        names = [one.name for one in group]
        if how == "behind":
            # the last one's predecessors hold those of the others, and the others
            names = [*self._existing(group[-1].subject.preceding), group[-1].name]
        return Execution(self._tests, how, tuple(names), frozenset(one.name for one in group))

    def _existing(self, nodeids: Sequence[str]) -> list[str]:
        """The tests as the copy names them, without those whose file it does not have."""
        root = self._trees.pristine(self._tests)
        names = (self._trees.name_in(self._tests, nodeid) for nodeid in nodeids)
        return [name for name in names if (root / name.split("::", 1)[0]).exists()]

    # -- what a process gave ------------------------------------------------------------------

    def _take(self, executed: Executed, one: _Asked) -> None:
        """Note what a process says of one test that it answers for."""
        if executed.imported:
            text = f"{named_files(executed.imported)} was imported from the checked-out tree, not the base's"
            one.trouble = Trouble(kind=TroubleKind.OTHER_CODE, text=text)
        elif one.subject.is_file:
            _take_file(executed, one)
        elif one.name in executed.results:
            _take_result(executed, one, executed.results[one.name])
        elif _is_skipped(one.name, executed):
            one.outcomes(_how_it_ran(executed.execution, one)).append(Outcome.SKIPPED)
        else:
            _take_absence(executed, one)

    def _observed(self, one: _Asked) -> Observed | None:
        """Everything that this form has to say of a test; None where it does not have it."""
        if one.is_absent:
            return None
        failure = one.first_red.failures[0] if one.first_red and one.first_red.failures else None
        signatures = self._signer(failure) if failure is not None else ()
        return one.observed.model_copy(
            update={
                "error": _error_of(one.first_red) if one.first_red is not None else None,
                "signatures": tuple(signature.id for signature in signatures),
                "trouble": one.trouble,
            }
        )


def _next_how(one: _Asked) -> How:
    """The way of the next run, which follows from how the test failed on the head and fared so far."""
    subject = one.subject
    if subject.is_file or subject.is_flaky:
        return "together"
    if subject.fails_alone is False:
        return "behind"
    if any(outcome.is_red for outcome in one.together):
        # red among others: what it does alone is compared with what it did alone on the head
        against = subject.fails_alone and one.alone and one.alone[0].is_green and len(one.alone) < _ALONE
        if not one.alone or against:
            return "alone"
    if subject.fails_alone is None and subject.preceding and len(one.together) >= _UNCHECKED:
        return "behind"
    return "together"


def _is_contradicted(one: _Asked) -> bool:
    """Whether a single run behind the predecessors stands against those without them."""
    if len(one.behind) != 1 or not one.together:
        return False
    return one.behind[0].is_red and not any(outcome.is_red for outcome in one.together)


def _how_it_ran(execution: Execution, one: _Asked) -> How:
    """The way that a run was: the only failing test of its chunk is alone where it runs with "the others".

    Red there once and green alone, it would be taken for a test that others disturb, and it is flaky.
    """
    by_itself = execution.how == "together" and execution.nodeids == (one.name,)
    return "alone" if by_itself and one.subject.fails_alone is True else execution.how


def _take_result(executed: Executed, one: _Asked, result: TestResult) -> None:
    if not result.outcome.ran:
        text = f"no process came to it on the base: {result.note or executed.says}"
        one.trouble = Trouble(kind=TroubleKind.PROCESS, text=text)
        return
    one.outcomes(_how_it_ran(executed.execution, one)).append(result.outcome)
    if result.outcome.is_red and one.first_red is None:
        one.first_red = result


def _take_absence(executed: Executed, one: _Asked) -> None:
    """No word of the test: it is not there, or something kept it from running."""
    one.trouble = _trouble_of(one.name, executed)
    if one.trouble is None and one.observed.runs:
        text = "it was collected on the base in one run and not in another"
        one.trouble = Trouble(kind=TroubleKind.PROCESS, text=text)
    one.is_absent = one.trouble is None


def _is_skipped(name: str, executed: Executed) -> bool:
    """Whether the test's file or class was skipped as a whole."""
    return any(name == nodeid or name.startswith(f"{nodeid}::") for nodeid in executed.skipped)


def _take_file(executed: Executed, one: _Asked) -> None:
    """A file that could not be collected on the head: here it can, or it cannot."""
    broken = executed.broken.get(one.name)
    if executed.is_cut:
        one.trouble = _trouble_of(one.name, executed)
    elif broken is not None:
        one.together.append(broken.outcome)
        one.first_red = one.first_red or broken
    elif executed.has_collected:
        one.together.append(Outcome.PASSED)
    else:
        one.together.append(Outcome.ERROR)


def _trouble_of(name: str, executed: Executed) -> Trouble | None:
    """Why a process has no answer on a test; None where the test is not there."""
    if executed.is_cut:
        return Trouble(kind=TroubleKind.BUDGET, text="the time for the base was used up (--base-budget)")
    file = name.split("::", 1)[0]
    for nodeid, broken in executed.broken.items():
        if nodeid in (".", file) or file.startswith(f"{nodeid.rstrip('/')}/"):
            text = f"{nodeid} does not import on the base: {_error_of(broken)}"
            return Trouble(kind=TroubleKind.IMPORT, text=text)
    if executed.has_collected:
        return None
    return Trouble(kind=TroubleKind.IMPORT, text=f"nothing was collected on the base: {executed.says}")


def _error_of(result: TestResult) -> str:
    """Exception and first line of a failure."""
    failure = result.failures[0] if result.failures else None
    if failure is None:
        return result.note or result.signal or "no reason given"
    text = f"{failure.exception}: {failure.message}" if failure.exception else failure.message
    return text.strip().partition("\n")[0][:_ERROR_CHARS]
