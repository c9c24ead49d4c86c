"""Search the causes of all red tests of a run, before their clusters are decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from triage.attribute.causes import FoundCause, united
from triage.attribute.factors import FactorOnOthers, KnownFactor, known_factors, tried_on_others
from triage.attribute.joint import JointSearch
from triage.attribute.last_green import last_green
from triage.attribute.runs import RedTests
from triage.attribute.states import SearchedStates
from triage.base.subjects import Subject, subjects_of
from triage.base.target import Target
from triage.base.test_files import TestFileRule
from triage.campaign.services import Services
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget
from triage.lab.lab import Lab
from triage.lab.session import Workspace, open_lab
from triage.model.base_commit import BaseVerdict, OnBase, TestFiles
from triage.model.run import RunRecord, TestResult
from triage.process.git import Repository
from triage.process.scratch import Scratch
from triage.process.work_folder import LABORATORY, work_folder

_MOST_TESTS = 2000
"""Red tests that are asked about: with more than that at once, one run of them is a whole suite."""


@dataclass
class Attribution:
    """What a joint search found, and the laboratory's folder, which is still open."""

    folder: EvidenceFolder
    lab: Lab
    target: Target
    record: RunRecord
    """The run whose red tests are asked about."""
    tests: tuple[str, ...]
    causes: list[FoundCause] = field(default_factory=list)
    factors: list[FactorOnOthers] = field(default_factory=list)
    unexplained: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_cut: bool = False
    """Whether the budget ended it."""
    searches: list[JointSearch] = field(default_factory=list)
    """One for tests in today's form, one for those that the change has changed."""

    @property
    def on_base(self) -> dict[str, OnBase]:
        """Node ids of the tests that the base was asked about, with what it says."""
        return {nodeid: said for nodeid, said in judged_tests(self.record).items() if nodeid in self.tests}


def attribute(
    services: Services,
    record: RunRecord,
    target: Target,
    folder: EvidenceFolder,
    *,
    budget: Budget,
    workers: int,
    from_last_green: bool = False,
) -> Attribution:
    """Find what broke the tests that are green on the base; the folder gets the evidence and stays open.

    `from_last_green`: what the base does not explain is searched from the commit of the run that last saw it
    green.
    """
    judged = judged_tests(record)
    subjects = {subject.nodeid: subject for subject in subjects_of(record, services.signer)}
    asked, unexplained = _to_ask(judged, subjects)
    with (
        work_folder(LABORATORY, services.root) as temporary,
        Scratch(services.root, temporary, carry_only_ignored=True) as scratch,
        ExitStack() as closing,
    ):
        place = Workspace(scratch, temporary, closing)
        lab = open_lab(services, folder, place, budget=budget, workers=workers)
        attribution = Attribution(folder, lab, target, record, tuple(subjects), unexplained=unexplained)
        repository = Repository.find(services.root)
        place.scratch.prepare(None)
        runs = RedTests(lab, dict(subjects))
        plan = _from_base(target, asked, judged)
        if repository is not None and from_last_green:
            waiting = [nodeid for nodeid in subjects if nodeid not in asked]
            plan += _from_last_green(services, repository, waiting)
        if repository is not None and plan:
            _search(attribution, place, repository, record, runs=runs, plan=plan)
        else:
            attribution.notes.append(_why_not(target, asked))
        _try_factors(attribution, runs, known_factors(services.output))
    return attribution


class _Search(NamedTuple):
    """One search: from which good commit, with whose tests, for which of them."""

    base: str
    form: TestFiles
    tests: list[str]


def _from_base(target: Target, asked: Sequence[str], judged: Mapping[str, OnBase]) -> list[_Search]:
    """Tests by whose form was green on the base: the head's, or the base's own where it was changed."""
    by_form: dict[TestFiles, list[str]] = {}
    for nodeid in asked:
        by_form.setdefault(judged[nodeid].tests or "head", []).append(nodeid)
    if target.commit is None:
        return []
    return [_Search(target.commit, form, tests) for form, tests in sorted(by_form.items(), reverse=True)]


def _from_last_green(services: Services, repository: Repository, tests: Sequence[str]) -> list[_Search]:
    """Tests that the base does not explain, by the commit on which a recorded run saw them green."""
    commits = last_green(services, repository, tests)
    return [_Search(commit, "head", green) for commit, green in commits.items()]


def is_worth_asking(record: RunRecord) -> bool:
    """Whether a run that was judged against its base has a red test that the change broke."""
    return any(_is_green_on_base(on_base) for on_base in judged_tests(record).values())


def _search(
    attribution: Attribution,
    place: Workspace,
    repository: Repository,
    record: RunRecord,
    *,
    runs: RedTests,
    plan: Sequence[_Search],
) -> None:
    """Commits and hunks."""
    modules = {result.nodeid.split("::", 1)[0] for result in (*record.results, *record.collect_errors)}
    states = SearchedStates(place.scratch, repository, modules)
    attribution.lab.runner.use_states(states)
    is_test_file = TestFileRule(modules)
    for base, form, tests in plan:
        if attribution.is_cut:
            break
        search = JointSearch(
            runs=runs,
            states=states,
            repository=repository,
            is_test_file=is_test_file if form == "head" else _no_test_file,
            progress=attribution.lab.progress,
            head_tests=form == "head",
        )
        attribution.searches.append(search)
        search.run(base, tests)
        for cause in search.causes:
            for test in cause.tests:
                attribution.unexplained.pop(test, None)
        attribution.causes = united([*attribution.causes, *search.causes])
        attribution.is_cut = attribution.is_cut or search.is_cut
        attribution.unexplained.update(search.unexplained)
        attribution.notes += search.notes
    attribution.notes += runs.notes


def _no_test_file(path: str) -> bool:
    """Every file is as the state has it, tests too."""
    return False


def _try_factors(attribution: Attribution, runs: RedTests, factors: Sequence[KnownFactor]) -> None:
    """What is still without a cause may have that of a cluster which a probe has explained."""
    explained = {test for cause in attribution.causes for test in cause.tests}
    left = [test for test in attribution.tests if test not in explained]
    if not left or not factors or attribution.is_cut:
        return
    progress = attribution.lab.progress
    attribution.factors, attribution.is_cut = tried_on_others(runs, factors, left, progress.note)
    for found in attribution.factors:
        for test in found.tests:
            attribution.unexplained.pop(test, None)


def judged_tests(record: RunRecord) -> dict[str, OnBase]:
    """Red tests of the run, with what the base says of each."""
    results: Sequence[TestResult] = (*record.collect_errors, *record.results)
    return {result.nodeid: result.base for result in results if result.base is not None}


def _to_ask(
    judged: Mapping[str, OnBase], subjects: Mapping[str, Subject]
) -> tuple[list[str], dict[str, str]]:
    """The tests that the search is about, and for all others the reason why it is not."""
    asked: list[str] = []
    others = {nodeid: "the base was not asked about it" for nodeid in subjects if nodeid not in judged}
    for nodeid, on_base in judged.items():
        if nodeid not in subjects:
            continue  # it was red and is no failure: a file of which every test was deselected
        if not _is_green_on_base(on_base):
            others[nodeid] = f"{on_base.verdict}: {on_base.reason}"
        elif on_base.tests == "base" and on_base.nodeid is not None:
            others[nodeid] = f"only its earlier form, {on_base.nodeid}, is green on the base"
        elif len(asked) >= _MOST_TESTS:
            others[nodeid] = f"{_MOST_TESTS} red tests were asked about, no more"
        else:
            asked.append(nodeid)
    return asked, others


def _is_green_on_base(on_base: OnBase) -> bool:
    """Whether the head's form of the test, or the base's own, passed on the base.

    A test that is new may pass on the base's code all the same: then the change broke what it tests.
    """
    if on_base.verdict is BaseVerdict.BROKEN:
        return True
    return on_base.verdict is BaseVerdict.ABSENT and on_base.runs > 0 and on_base.failed == 0


def _why_not(target: Target, asked: Sequence[str]) -> str:
    if target.commit is None:
        return f"there is nothing to compare with: {target.chosen}"
    return "no red test is green on the base" if not asked else "there is no git repository"
