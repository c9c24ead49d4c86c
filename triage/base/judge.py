"""Judge a run's failures against the base commit, and keep the evidence."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from triage.base.bench import FOLDER, Bench
from triage.base.decide import Answers, Decision, decide
from triage.base.document import DOCUMENT, AskedTest, BaseDocument
from triage.base.forms import Forms
from triage.base.observed import Observed, Trouble, TroubleKind
from triage.base.subjects import Subject, subjects_of
from triage.base.target import Target
from triage.base.trees import BaseTrees
from triage.errors import TriageError, UsageError
from triage.model.base_commit import BaseRun, BaseVerdict, OnBase
from triage.model.run import RunRecord, TestResult
from triage.process.git import Repository
from triage.process.git_base import has_path
from triage.process.scratch import Scratch
from triage.process.work_folder import LABORATORY, work_folder
from triage.text.plural import counted_noun

_DEPENDENCIES = "dependencies as installed: a base that needs others is judged with those of the head"

_MOST_FILES_IN_COMMAND = 50
"""As many as a shell's line takes well; all are in `base.json`."""


def judge_against_base(record: RunRecord, target: Target, bench: Bench) -> RunRecord:
    """Return the record with what the base says of each failure; evidence goes to `base/` in its folder.

    Trouble with the base voids no run: what could not be asked is undecided, with the reason.
    """
    commit = target.commit
    if commit is None or record.void is not None:
        why = target.chosen if commit is None else "the run is void: the base was not asked"
        return record.model_copy(update={"base": _nothing_asked(target, why)})
    subjects = subjects_of(record, bench.signer)
    if not subjects:
        return record.model_copy(update={"base": _nothing_asked(target, "nothing failed")})
    bench.progress.note(
        f"{counted_noun(len(subjects), 'failing test')}: asking the base, {commit[:12]} ({target.chosen})"
    )
    return _Judgement(record, target, commit, bench).run(subjects)


def _nothing_asked(target: Target, why: str) -> BaseRun:
    return BaseRun(ref=target.ref, commit=target.commit, chosen=target.chosen, notes=(why,))


class _Judgement:
    """One run judged against one commit."""

    def __init__(self, record: RunRecord, target: Target, commit: str, bench: Bench) -> None:
        self._record = record
        self._target = target
        self._commit = commit
        self._bench = bench
        self._notes = [_DEPENDENCIES]
        self._changed_tests: tuple[str, ...] = ()
        self._names: dict[str, str] = {}
        """Node ids on the head to those on the base."""
        self._commands: list[str] = []
        self._seconds = 0.0
        self._subject = ""

    def run(self, subjects: Sequence[Subject]) -> RunRecord:
        """Ask, decide, write."""
        try:
            answers = self._ask(subjects)
        except (TriageError, OSError) as error:
            # a commit that cannot be checked out, a full disk: the run itself is not harmed
            self._notes.append(f"the base could not be run: {error}")
            trouble = Trouble(kind=TroubleKind.PROCESS, text=f"the base could not be run: {error}")
            unknown = Answers(is_present=True, head_form=Observed(trouble=trouble), base_form=None)
            answers = dict.fromkeys((subject.nodeid for subject in subjects), unknown)
        decisions = {each.nodeid: decide(each, answers[each.nodeid]) for each in subjects}
        found = {nodeid: self._on_base(nodeid, decision) for nodeid, decision in decisions.items()}
        base = self._base_run(found)
        self._write(base, found, answers)
        return self._record.model_copy(
            update={
                "base": base,
                "results": _with_base(self._record.results, found),
                "collect_errors": _with_base(self._record.collect_errors, found),
            }
        )

    # -- asking -------------------------------------------------------------------------------

    def _ask(self, subjects: Sequence[Subject]) -> dict[str, Answers]:
        bench = self._bench
        repository = Repository.find(bench.root)
        if repository is None:
            raise UsageError("no-git", f"{bench.root} is in no git repository", "run without --base")
        self._subject = repository.subject(self._commit)
        if not has_path(repository, self._commit, bench.root.resolve()):
            self._notes.append("the base does not have the suite's folder")
            absent = Answers(is_present=False, head_form=None, base_form=None)
            return dict.fromkeys((subject.nodeid for subject in subjects), absent)
        modules = {result.nodeid.split("::", 1)[0] for result in self._record.results}
        modules |= {subject.file for subject in subjects}
        with (
            work_folder(LABORATORY, bench.root) as temporary,
            Scratch(bench.root, temporary, carry_only_ignored=True) as scratch,
        ):
            trees = BaseTrees(scratch, repository, self._commit, modules)
            return self._ask_trees(trees, subjects)

    def _ask_trees(self, trees: BaseTrees, subjects: Sequence[Subject]) -> dict[str, Answers]:
        changes = (*trees.changes.written, *trees.changes.removed)
        self._changed_tests = changes
        if changes:
            self._notes.append(
                f"the change touches {counted_noun(len(changes), 'file')} of tests: the head's ran on the "
                "base's code, and the base's own where those were not green"
            )
        self._names = {each.nodeid: trees.name_in("base", each.nodeid) for each in subjects}
        if trees.missing:
            self._notes.append(trees.missing)
        on_record = self._bench.on_record([subject.nodeid for subject in subjects], self._commit)
        forms = Forms(trees, self._bench, self._commit, on_record)
        try:
            return forms.ask(subjects)
        finally:
            self._commands, self._seconds = forms.executions.commands, forms.executions.seconds

    # -- what came of it ----------------------------------------------------------------------

    def _on_base(self, nodeid: str, decision: Decision) -> OnBase:
        observed = decision.observed
        name = self._names.get(nodeid, nodeid)
        return OnBase(
            ref=self._target.ref,
            commit=self._commit,
            outcome=observed.outcome if observed else None,
            runs=observed.runs if observed else 0,
            failed=observed.failed if observed else 0,
            verdict=decision.verdict,
            reason=self._bench.folder.redact(decision.reason),
            tests=decision.tests,
            nodeid=name if name != nodeid else None,
            cached_from=observed.cached_from if observed else None,
        )

    def _base_run(self, found: Mapping[str, OnBase]) -> BaseRun:
        verdicts = Counter(each.verdict for each in found.values())
        return BaseRun(
            ref=self._target.ref,
            commit=self._commit,
            subject=self._bench.folder.redact(self._subject),
            chosen=self._target.chosen,
            tried=len(found),
            undecided=verdicts[BaseVerdict.UNDECIDED],
            seconds=round(self._seconds, 3),
            budget=self._bench.budget,
            notes=tuple(self._bench.folder.redact(note) for note in self._notes),
        )

    def _how_to_take_tests(self) -> list[str]:
        """How a checkout of the base gets the tests of the head, as far as they are committed."""
        if not self._changed_tests or self._record.commit is None:
            return []
        files = shlex.join(self._changed_tests[:_MOST_FILES_IN_COMMAND])
        return [
            f'# for "tests of the head": git -C "$BASE" checkout {self._record.commit} -- {files}',
            '# and before "tests of the base": git -C "$BASE" reset --hard',
        ]

    def _write(self, base: BaseRun, found: Mapping[str, OnBase], answers: Mapping[str, Answers]) -> None:
        document = BaseDocument(
            stamp=self._record.stamp,
            head=self._record.commit,
            base=base,
            changed_tests=self._changed_tests,
            tests=tuple(AskedTest.of(nodeid, found[nodeid], answers[nodeid]) for nodeid in found),
        )
        self._bench.folder.write_json(f"{FOLDER}/{DOCUMENT}", document.model_dump(mode="json"))
        lines = [
            "# each line is one process, as plain pytest runs it in a checkout of the base",
            f'BASE="$(mktemp -d)/base" && git worktree add --detach "$BASE" {self._commit}',
            *self._how_to_take_tests(),
            *sorted(self._commands, key=_number_of_run),
        ]
        self._bench.folder.write_text(f"{FOLDER}/commands.txt", "".join(f"{line}\n" for line in lines))


def _number_of_run(command: str) -> str:
    return command.rpartition("  # ")[2]


def _with_base(results: Sequence[TestResult], found: Mapping[str, OnBase]) -> tuple[TestResult, ...]:
    return tuple(
        result.model_copy(update={"base": found[result.nodeid]})
        if result.nodeid in found and result.outcome.has_failures
        else result
        for result in results
    )
