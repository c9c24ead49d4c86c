"""Ask the base about the failing tests in both forms: with the head's tests, and with its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from triage.base.bench import Bench
from triage.base.cache import BaseCache, environment_digest
from triage.base.decide import Answers, runs_for_flaky
from triage.base.executions import Executions
from triage.base.observed import Observed, Trouble
from triage.base.series import Series
from triage.base.subjects import Subject
from triage.base.trees import BaseTrees
from triage.model.base_commit import TestFiles
from triage.model.outcome import Outcome


class Forms:
    """The base commit in both forms; what it was asked before is not asked again."""

    def __init__(self, trees: BaseTrees, bench: Bench, commit: str, on_record: Mapping[str, Outcome]) -> None:
        self._trees = trees
        self._bench = bench
        self._commit = commit
        self._on_record = on_record
        self.executions = Executions(trees, bench)

    def ask(self, subjects: Sequence[Subject]) -> dict[str, Answers]:
        """What the base says of each test, by its node id on the head."""
        head_form = self._ask_form("head", subjects)
        with_own_form = [subject for subject in subjects if self._trees.has_own_form(subject)]
        own = self._ask_own_tests(with_own_form, head_form)
        answers = {}
        for subject in subjects:
            nodeid = subject.nodeid
            observed = head_form[nodeid]
            present, base_form = own.get(nodeid, (observed is not None, None))
            answers[nodeid] = Answers(
                is_present=present,
                head_form=observed,
                base_form=base_form,
                on_record=self._on_record.get(nodeid),
                missing=self._trees.missing,
            )
        return answers

    def _ask_own_tests(
        self, subjects: Sequence[Subject], head_form: Mapping[str, Observed | None]
    ) -> dict[str, tuple[bool, Observed | None]]:
        """Whether the base itself has each test, and how it fares there if the head's form is not green."""
        if not subjects:
            return {}
        present = self._series("base").present(subjects)
        open_ones = []
        for subject in subjects:
            observed = head_form[subject.nodeid]
            is_green = observed is not None and observed.colour == "green"
            if present[subject.nodeid] is True and not is_green:
                open_ones.append(subject)
        base_form = self._ask_form("base", open_ones)
        found: dict[str, tuple[bool, Observed | None]] = {}
        for nodeid, presence in present.items():
            if isinstance(presence, Trouble):
                found[nodeid] = (True, Observed(trouble=presence))
            else:
                found[nodeid] = (presence, base_form.get(nodeid))
        return found

    def _ask_form(self, tests: TestFiles, subjects: Sequence[Subject]) -> dict[str, Observed | None]:
        """How the tests fare in one form; what an earlier run has settled is used again."""
        cache = self._cache(tests)
        found: dict[str, Observed | None] = {}
        for subject in subjects:
            kept = cache.get(subject.nodeid, self._on_record.get(subject.nodeid))
            if kept is not None and _answers(kept, subject):
                found[subject.nodeid] = kept
        fresh = self._series(tests).ask([each for each in subjects if each.nodeid not in found])
        cache.keep(fresh, self._bench.folder.stamp)
        return {**found, **fresh}

    def _series(self, tests: TestFiles) -> Series:
        return Series(
            tests, self.executions, self._trees, signer=self._bench.signer, on_record=self._on_record
        )

    def _cache(self, tests: TestFiles) -> BaseCache:
        suite = self._bench.suite
        return BaseCache(
            self._bench.output,
            self._commit,
            self._trees.digest(tests),
            environment_digest(self._bench.folder.path),
            "\0".join((*suite.pytest_args, suite.python or "")),
        )


def _answers(kept: Observed, subject: Subject) -> bool:
    """Whether kept outcomes are of the kind that this failure asks for."""
    if subject.is_flaky:
        return kept.failed > 0 or kept.runs >= runs_for_flaky(subject)
    if subject.fails_alone is True and kept.colour == "mixed":
        return len(kept.alone) > 1  # what it does alone may be steady all the same
    if subject.fails_alone is True:
        return kept.colour == "green" or not any(outcome.is_green for outcome in kept.alone)
    return bool(kept.behind) or not subject.preceding or kept.colour in ("red", "mixed")
