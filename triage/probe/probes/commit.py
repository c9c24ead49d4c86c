"""Find the first bad commit, by a bisection that a noisy test does not mislead."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step, Trial
from triage.model.base import Value
from triage.model.experiment import Factor, RootCause, Status
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps, look, test
from triage.probe.bisect import Search
from triage.probe.commit_objections import objections_to_change
from triage.probe.related_files import related
from triage.probe.reverts import Reverts, reverts_of
from triage.probe.treatment import repeats_of
from triage.text.plural import counted_noun

_Ends = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[int, int]]
_Passed = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[bool | None, Setup]]
_MOST_LOOKS = 80
_MOST_VERIFIED = 3
_LEAST_RATE = 0.15
"""A test that fails more seldom takes too many runs a commit."""
_TOUCHING, _NO_CODE_ALONE = 6.0, 0.2
"""Weights of commits that touch what the test runs, and of those that touch documents alone (others: 1)."""
_SELDOM = 0.01
"""Chance that a bad commit passed every run of an experiment."""
_NO_CODE = (".md", ".rst", ".txt", ".png", ".svg", ".gitignore")


class Commit(Value):
    """One commit of the branch."""

    id: str
    subject: str = ""
    date: str = ""
    author: str = ""
    paths: tuple[str, ...] = ()
    """What it changed, relative to the suite's root; empty where that is not known."""

    @property
    def shown(self) -> str:
        """Short id and subject."""
        return f"{self.id[:12]} {self.subject}".strip()

    @property
    def arm_name(self) -> str:
        """How a sentence calls runs at this commit."""
        return f"at {self.id[:12]} ({self.subject})" if self.subject else f"at {self.id[:12]}"


def knows_a_good_commit(case: Case) -> bool:
    """Whether a steady failure has a history, and a run of it is known in which the test passed."""
    return has_a_history(case) and bool(case.facts.get("good_commit"))


def has_a_history(case: Case) -> bool:
    """Whether a steady failure can be tried at earlier commits."""
    return not case.flaky and _can_be_bisected(case)


def flaky_and_knows_a_good_commit(case: Case) -> bool:
    """Whether a flaky failure has a history, and a run of it is known in which the test passed."""
    return flaky_with_a_history(case) and bool(case.facts.get("good_commit"))


def flaky_with_a_history(case: Case) -> bool:
    """Whether a flaky failure can be tried at earlier commits."""
    return case.flaky and _can_be_bisected(case)


def _can_be_bisected(case: Case) -> bool:
    return bool(_history(case)) and case.context == "alone" and case.rate >= _LEAST_RATE


class CommitProbe:
    """Halve what is left of the history until one commit is left; then run it again beside its parent."""

    name = "commit"

    def investigate(self, case: Case) -> Steps:
        """Uncommitted changes, then history, then the side branch of a guilty merge."""
        commits = _history(case)
        if case.facts.get("dirty"):
            (now,) = yield from look(
                _at(case, commits[0]), why="the last commit, without what is not committed"
            )
            if now.passed(case.nodeid):
                return (yield from self._uncommitted(case, commits[0]))
            if not now.red(case.nodeid):
                return Finding(excluded="the last commit cannot tell: there the test does not run")
        finding = yield from self._guilty(case, commits)
        merged = case.facts.get("merged", {})
        bad = finding.cause.culprits[0] if finding.cause and finding.cause.confidence == "proven" else ""
        side: Sequence[Commit] = merged.get(bad, ())
        if side:
            inside = yield from self._guilty(case, side)
            finding = inside if inside.cause and inside.cause.confidence == "proven" else finding
        return (yield from _with_reverts(case, finding, [*side, *commits]))

    def _guilty(self, case: Case, commits: Sequence[Commit]) -> Steps:
        """The search; a suspect that does not hold up is one more answer for it."""
        good = next((n for n, c in enumerate(commits) if c.id == case.facts.get("good_commit")), None)
        search = Search(_relevance(case, commits), good)
        tried: dict[str, Setup] = {}
        for _ in range(_MOST_VERIFIED):
            newest, oldest = yield from self._narrow(case, commits, search, tried)
            if oldest == len(commits) - 1:
                excluded = f"no commit back to {commits[-1].shown} was seen to pass{_end_of_history(case)}"
                return Finding(excluded=excluded)
            experiment = self._beside(case, commits[newest : oldest + 2], tried)
            (trial,) = yield from test(experiment)
            if trial.result.status is Status.CONFIRMED:
                return _named(commits[newest : oldest + 2], trial, experiment)
            if any(run.red(*_watched(experiment)) for run in trial.treated):
                search.failed(oldest + 1)
            elif trial.baseline and not any(run.red(*experiment.watch) for run in trial.baseline):
                search.passed(newest, _SELDOM)
            else:
                break
        return Finding(
            excluded=f"{commits[newest].shown} looked like the first bad commit and did not hold up"
        )

    def _narrow(
        self, case: Case, commits: Sequence[Commit], search: Search, tried: dict[str, Setup]
    ) -> _Ends:
        """Run commits until one position is left, or nothing more can be told.

        `tried` keeps the setup in which each commit was run.
        """
        # The chance that a bad commit passes once; the rate is an estimate, so a part of it is held back.
        luck = 1 - 0.8 * min(case.rate, 0.95) if case.flaky else 0.0
        for _ in range(_MOST_LOOKS):
            position = search.best_position()
            if position is None:
                break
            good, tried[commits[position].id] = yield from _passes(case, commits[position])
            if good is None:
                search.cannot_tell(position)
            elif good:
                search.passed(position, luck)
            else:
                search.failed(position)
        return search.span()

    def _beside(self, case: Case, between: Sequence[Commit], tried: Mapping[str, Setup]) -> Experiment:
        """Both ends run again, each with the test as it could be run there."""
        bad, good = between[0], between[-1]
        good_name = good.arm_name
        if len(between) == 2:
            good_name = f"at its parent {good.id[:12]}"
        at_bad = tried.get(bad.id) or _at(case, bad)
        at_good = tried.get(good.id) or _at(case, good)
        repeats, alpha = repeats_of(case)
        return Experiment(
            probe=self.name,
            factor=Factor(kind="commit", name="revision", from_=bad.id, to=good.id),
            prediction=f"At {good.shown} it passes, at {bad.shown} it fails: that commit brought it.",
            baseline=at_bad,
            treated=at_good,
            watch=(at_bad.nodeids[-1],),
            treated_watch=(at_good.nodeids[-1],),
            repeats=repeats,
            alpha=alpha,
            any_reason=True,
            arm_names=(bad.arm_name, good_name),
        )

    def _uncommitted(self, case: Case, head: Commit) -> Steps:
        repeats, alpha = repeats_of(case)
        changed = tuple(case.facts.get("dirty", ()))
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="commit", name="revision", from_="uncommitted changes", to=head.id),
            prediction=f"At {head.shown}, without what is not committed, it passes.",
            baseline=case.base,
            treated=_at(case, head),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
            arm_names=("with what is not committed", head.arm_name),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded="what is not committed does not decide")
        named = ", ".join(changed[:5])
        cause = RootCause(
            kind="first-bad-commit",
            summary=f"what is not committed makes it fail ({named}); at {head.shown} it passes",
            factor=trial.result.factor,
            culprits=("uncommitted changes", *changed[:5]),
            confidence="proven",
        )
        finding = Finding(cause=cause, proof=experiment)
        reverts = yield from reverts_of(case, head.id, "", "what is not committed")
        against = yield from objections_to_change(case, f"{head.id}..", experiment, reverts.edits)
        return _having(finding.model_copy(update=against), reverts)


def _with_reverts(
    case: Case, finding: Finding, known: Sequence[Commit]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], Finding]:
    """The finding with the repair that takes its commit back, where one commit is proven."""
    cause, factor = finding.cause, finding.cause.factor if finding.cause is not None else None
    if cause is None or factor is None or cause.confidence != "proven":
        return finding
    commit = next((commit for commit in known if commit.id == factor.from_), Commit(id=str(factor.from_)))
    name = f"{commit.id[:12]} ({commit.subject})" if commit.subject else commit.id[:12]
    reverts = yield from reverts_of(case, str(factor.to), commit.id, name)
    assert finding.proof is not None
    between = f"{factor.to}..{commit.id}"
    against = yield from objections_to_change(case, between, finding.proof, reverts.edits)
    return _having(finding.model_copy(update=against), reverts)


def _having(finding: Finding, reverts: Reverts) -> Finding:
    """The finding with what was found out about taking its commit back."""
    cause = finding.cause
    if cause is None or not reverts.patches:
        return finding
    if reverts.places:
        enough = f"{cause.summary}; with {', '.join(reverts.places)} of it taken back the test passes"
        culprits = (*cause.culprits, *reverts.places)
        cause = cause.model_copy(update={"summary": enough, "culprits": culprits})
    return finding.model_copy(update={"cause": cause, "patches": reverts.patches})


def _named(between: Sequence[Commit], trial: Trial, experiment: Experiment) -> Finding:
    """From the newest bad to the newest good commit; what lies between could not be tested."""
    bad, parent, untestable = between[0], between[-1], between[1:-1]
    by = f" ({bad.author}, {bad.date[:10]})" if bad.author else ""
    summary = f"it fails since {bad.shown}{by} and passes in its parent {parent.id[:12]}"
    if untestable:
        summary = (
            f"it passes at {parent.shown} and fails at {bad.shown}{by}; "
            f"{counted_noun(len(untestable), 'commit')} between them cannot be tested"
        )
    cause = RootCause(
        kind="first-bad-commit",
        summary=summary,
        factor=trial.result.factor,
        culprits=tuple(commit.id for commit in between[:-1][:6]),
        confidence="likely" if untestable else "proven",
    )
    return Finding(cause=cause, proof=experiment)


def _end_of_history(case: Case) -> str:
    if case.facts.get("shallow"):
        return ", where this shallow clone ends (`git fetch --unshallow` gets the rest)"
    return ""


def _history(case: Case) -> Sequence[Commit]:
    """Newest first."""
    commits: Sequence[Commit] = case.facts.get("commits", ())
    return commits


def _relevance(case: Case, commits: Sequence[Commit]) -> list[float]:
    """Weigh each commit by what it touched."""
    near = related(case)
    weights = []
    for commit in commits:
        if near & set(commit.paths):
            weights.append(_TOUCHING)
        elif commit.paths and all(path.endswith(_NO_CODE) for path in commit.paths):
            weights.append(_NO_CODE_ALONE)
        else:
            weights.append(1.0)
    return weights


def _at(case: Case, commit: Commit) -> Setup:
    """The subject at a commit, by the name that its file had there."""
    path, _, rest = case.nodeid.partition("::")
    ids = [entry.id for entry in _history(case)]
    place = ids.index(commit.id) if commit.id in ids else -1
    for renamer, before in case.facts.get("renames", ()):
        if renamer in ids and place > ids.index(renamer):
            path = before
    name = f"{path}::{rest}" if rest else path
    return case.base.plus(commit=commit.id, nodeids=(*case.base.nodeids[:-1], name))


def _passes(case: Case, commit: Commit) -> _Passed:
    """Whether it passes there; None where it does not run, or fails in another way than today."""
    setup = _at(case, commit)
    (run,) = yield from look(setup, why=f"at {commit.shown}")
    if _absent(run, setup.nodeids[-1]):
        setup = _carrying(case, commit)
        (run,) = yield from look(setup, why=f"at {commit.shown}, with today's test")
    name = setup.nodeids[-1]
    if run.red(name):
        failure = run.failures.get(name)
        fails_otherwise = failure is not None and failure.exception != case.failure.exception
        cannot_collect = _absent(run, name) and case.failure.phase != "collect"
        return (None if fails_otherwise or cannot_collect else False), setup
    return (True if run.passed(name) else None), setup


def _watched(experiment: Experiment) -> tuple[str, ...]:
    return experiment.treated_watch or experiment.watch


def _absent(run: Observation, nodeid: str) -> bool:
    found = run.failures.get(nodeid)
    return not run.outcome(nodeid).ran or (found is not None and found.phase == "collect")


def _carrying(case: Case, commit: Commit) -> Setup:
    path = file_of(case.nodeid)
    text = case.source(path)
    return case.base.plus(commit=commit.id, edits={path: text} if text is not None else {})
