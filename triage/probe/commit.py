"""`commit`: the first bad commit, by bisection that a noisy test does not mislead."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial

from triage.model.base import Value
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Answer, Case, Experiment, Finding, Observation, Setup, Step, Steps, look, test
from triage.probe.treatment import looks_needed, repeats_of

_Good = Generator[tuple[Step, ...], tuple[Answer, ...], bool | None]
_MOST_SKIPS = 6


class Commit(Value):
    """One commit of the branch."""

    id: str
    subject: str = ""
    date: str = ""
    author: str = ""

    @property
    def shown(self) -> str:
        """Short id and subject."""
        return f"{self.id[:12]} {self.subject}".strip()


class CommitProbe:
    """Walk back in growing steps to a commit where it passes, then halve."""

    name = "commit"

    def likelihood(self, case: Case) -> float:
        """Where there is a history: after the causes that say why, unless a good commit is known."""
        commits = _history(case)
        if not commits or case.context != "alone":
            return 0.0
        if case.flaky:
            return 0.05 if case.facts.get("good_commit") else 0.0
        return 0.6 if case.facts.get("good_commit") else 0.2

    def investigate(self, case: Case) -> Steps:
        """Uncommitted changes, then history; the suspect and its parent run again before it is named."""
        commits = _history(case)
        (now,) = yield from look(_at(case, commits[0]), why="the last commit, without what is not committed")
        if now.passed(case.nodeid) and case.facts.get("dirty"):
            return (yield from self._uncommitted(case, commits[0]))
        if not now.red(case.nodeid):
            return Finding(
                excluded="the last commit does not have the failure, and nothing uncommitted makes it"
            )
        good = yield from self._walk_back(case, commits)
        if good is None:
            return Finding(excluded=f"it fails in every commit back to {commits[-1].shown}")
        suspect = yield from self._bisect(case, commits, good)
        return (yield from self._verified(case, commits, suspect))

    def _walk_back(
        self, case: Case, commits: Sequence[Commit]
    ) -> Generator[tuple[Step, ...], tuple[Answer, ...], int | None]:
        """Index of a commit where it passes: the known one, or the first found 1, 2, 4, ... back."""
        known = next((n for n, c in enumerate(commits) if c.id == case.facts.get("good_commit")), None)
        step, place = 1, known or 1
        while place < len(commits):
            if (yield from _passes(case, commits[place])) is True:
                return place
            if place == len(commits) - 1:
                return None
            step *= 2
            place = min(place + step, len(commits) - 1)
        return None

    def _bisect(
        self, case: Case, commits: Sequence[Commit], good: int
    ) -> Generator[tuple[Step, ...], tuple[Answer, ...], int]:
        """The last bad index before `good` (newest first); a commit that cannot tell is stepped over."""
        bad = 0
        while good - bad > 1:
            middle = (good + bad) // 2
            nearby = sorted(range(bad + 1, good), key=partial(_distance, middle))
            for place in nearby[:_MOST_SKIPS]:
                verdict = yield from _passes(case, commits[place])
                if verdict is not None:
                    bad, good = (bad, place) if verdict else (place, good)
                    break
            else:
                return bad
        return bad

    def _verified(self, case: Case, commits: Sequence[Commit], suspect: int) -> Steps:
        bad, parent = commits[suspect], commits[suspect + 1]
        repeats, alpha = repeats_of(case)
        experiment = Experiment(
            probe=self.name,
            factor=Factor(kind="commit", name="revision", from_=bad.id, to=parent.id),
            prediction=f"At {parent.shown} it passes, at {bad.shown} it fails: that commit brought it.",
            baseline=_at(case, bad),
            treated=_at(case, parent),
            watch=(case.nodeid,),
            repeats=repeats,
            alpha=alpha,
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded=f"{bad.shown} looked like the first bad commit and did not hold up")
        by = f" ({bad.author}, {bad.date})" if bad.author else ""
        cause = RootCause(
            kind="first-bad-commit",
            summary=f"it fails since {bad.shown}{by} and passes in its parent {parent.id[:12]}",
            factor=trial.result.factor,
            culprits=(bad.id,),
            confidence="proven",
        )
        return Finding(cause=cause, proof=experiment)

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
        return Finding(cause=cause, proof=experiment)


def _distance(middle: int, place: int) -> int:
    return abs(place - middle)


def _history(case: Case) -> Sequence[Commit]:
    """Newest first."""
    commits: Sequence[Commit] = case.facts.get("commits", ())
    return commits


def _at(case: Case, commit: Commit) -> Setup:
    """The subject at a commit; a test that is younger than the commit is carried there."""
    return case.base.plus(commit=commit.id)


def _passes(case: Case, commit: Commit) -> _Good:
    """Whether it passes there every time it is looked at; None where the commit cannot tell."""
    carried = False
    for _ in range(looks_needed(case)):
        setup = _carrying(case, commit) if carried else _at(case, commit)
        (run,) = yield from look(setup, why=f"at {commit.shown}")
        if not carried and _absent(run, case.nodeid):
            carried = True
            (run,) = yield from look(_carrying(case, commit), why=f"at {commit.shown}, with today's test")
        if run.red(case.nodeid):
            same = run.failures.get(case.nodeid)
            broken = same is not None and same.phase == "collect" and case.failure.phase != "collect"
            return None if broken else False
        if not run.passed(case.nodeid):
            return None
    return True


def _absent(run: Observation, nodeid: str) -> bool:
    found = run.failures.get(nodeid)
    return run.outcome(nodeid) == "not_run" or (found is not None and found.phase == "collect")


def _carrying(case: Case, commit: Commit) -> Setup:
    path = case.nodeid.partition("::")[0]
    text = case.source(path)
    return _at(case, commit).plus(edits={path: text} if text is not None else {})
