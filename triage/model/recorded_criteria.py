"""Exit criteria of a cluster without a design, and the recorded failing runs on which they rest.

Some of them run nothing: they compare the failing runs with the tree as it is. What those answer follows from
this document alone, so that `triage check` can answer them again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from triage.model.base import Value
from triage.model.criterion import Criterion
from triage.model.outcome import Outcome
from triage.model.strength import Strength

_MOST_NAMED = 3
"""So many things are named in a finding; of more their number is said."""


class RecordedFailure(Value):
    """A failing test as the newest run that shows it red has it: red before."""

    nodeid: str
    """As it is run now."""
    recorded_as: str
    """In that run: files may have been renamed since, or the report came from other surroundings."""
    run: str
    """The run's `results.json`, relative to the root."""
    stamp: str
    outcome: Outcome
    runs: int
    """Executions in its place, reruns included."""
    failed: int
    chunk: str | None = None
    attempt: int | None = None
    surroundings: str | None = None
    """Where an imported report ran it, such as `py310`; it is checked in the present surroundings."""


class RenamedTest(Value):
    """A failing test that the suite has under another name than when it failed, as the repository tells."""

    nodeid: str
    """Under the name that the failing run, or the journal, has."""
    now: str
    how: str
    """Which commit renamed its file, or that its body is the same under another name."""
    since: str | None
    """Commit of the failing run; None where it is not on record."""


class MissingTest(Value):
    """A failing test that the suite does not have any more under its name."""

    nodeid: str
    renamed_to: str | None = None
    """What it seems to be called now; None where nothing is found."""


class TreeChange(Value):
    """Whether the tree of a failing run is that of the verification."""

    stamp: str
    """Of the failing run."""
    then: str | None
    """Its commit; None where it is not on record."""
    now: str | None
    verdict: Literal["changed", "same", "unknown"]
    files: tuple[str, ...] = ()
    """Some of those that differ."""
    why: str = ""
    """Why nobody can tell, where that is so."""


class EnvironmentChange(Value):
    """In what the environment of a failing run differs from that of the verification."""

    stamp: str
    """Of the failing run."""
    differs: tuple[str, ...] = ()
    """Versions and variables, each as `NAME ... then, ... now`."""


class KeptTest(Value):
    """What a test file asserted in a failing run, and now; other tests of the file do not count."""

    path: str
    stamp: str
    strength: Strength | None
    """None where the text of then is not known."""
    why: str = ""
    """Why it is not known."""

    @property
    def weakened(self) -> tuple[str, ...]:
        """In which ways it asserts less than before."""
        found = []
        if self.strength is None:
            return ()
        if self.strength.after < self.strength.before:
            found.append(f"has {self.strength.after} assertions, and had {self.strength.before}")
        if self.strength.tautologies:
            found.append("asserts what cannot fail")
        if self.strength.skips:
            found.append("skips or expects a failure where it did not")
        if self.strength.swallows:
            found.append("may swallow a failure")
        return tuple(f"{self.path} {what}" for what in found)


class Answer(NamedTuple):
    """Whether a criterion that runs nothing is met, and the finding as a sentence."""

    met: bool
    said: str


class RecordedCriteria(Value):
    """`criteria.json` in the folder of a verification."""

    v: Literal[1] = 1
    stamp: str
    campaign: str
    folder: str
    cluster: str
    title: str
    subject: tuple[str, ...]
    """The failing tests that are still in the suite."""
    failures: tuple[RecordedFailure, ...]
    unseen: tuple[str, ...] = ()
    """Tests of the cluster that no recorded run shows red."""
    renamed: tuple[RenamedTest, ...] = ()
    missing: tuple[MissingTest, ...] = ()
    changes: tuple[TreeChange, ...] = ()
    """One for each failing run."""
    environments: tuple[EnvironmentChange, ...] = ()
    """The same; none in documents from before they were compared."""
    tests: tuple[KeptTest, ...] = ()
    criteria: tuple[Criterion, ...]

    def answer(self, criterion: Criterion) -> Answer | None:
        """The answer of a criterion that compares the failing runs with the tree; None for another kind."""
        match criterion.kind:
            case "red-before":
                return self._red_before()
            case "members":
                return self._members()
            case "change":
                return self._change()
            case "tests":
                return self._tests()
        return None

    def _red_before(self) -> Answer:
        if self.unseen:
            return Answer(False, f"no recorded run shows {_named(self.unseen)} red")
        green = [failure.recorded_as for failure in self.failures if not failure.failed]
        if green:
            return Answer(False, f"{_named(green)} did not fail in the recorded run")
        stamps = sorted({failure.stamp for failure in self.failures})
        elsewhere = sorted({failure.surroundings for failure in self.failures if failure.surroundings})
        said = f"red in {_named(stamps)}"
        if elsewhere:
            said += f", recorded in {_named(elsewhere)} and run in the present surroundings"
        return Answer(bool(self.failures), said)

    def _members(self) -> Answer:
        if not self.missing:
            moved = [f"{test.nodeid} is {test.now} ({test.how})" for test in self.renamed]
            said = "every failing test is in the suite"
            return Answer(True, f"{said}: {_named(moved)}" if moved else said)
        gone = []
        for test in self.missing:
            gone.append(f"{test.nodeid} (now {test.renamed_to}?)" if test.renamed_to else test.nodeid)
        put_apart = f"`triage split {self.cluster} NODEID` puts a test apart that is gone on purpose"
        return Answer(False, f"not in the suite any more: {_named(gone)}; {put_apart}")

    def _change(self) -> Answer:
        same = [change for change in self.changes if change.verdict == "same"]
        if same:
            return self._environment([change.stamp for change in same])
        unknown = [change for change in self.changes if change.verdict == "unknown"]
        if unknown:
            return Answer(True, f"unknown whether the tree is that of {unknown[0].stamp}: {unknown[0].why}")
        files = dict.fromkeys(name for change in self.changes for name in change.files)
        return Answer(bool(self.changes), f"changed since: {_named(tuple(files))}")

    def _environment(self, stamps: Collection[str]) -> Answer:
        """The answer where the tree is that of failing runs: the environment alone can have mended it."""
        differs = {each.stamp: each.differs for each in self.environments}
        unchanged = [stamp for stamp in stamps if not differs.get(stamp)]
        if unchanged:
            return Answer(False, f"nothing was changed since {unchanged[0]}: its passes are no repair")
        listed = _named(dict.fromkeys(what for stamp in stamps for what in differs[stamp]))
        by_chance = [each for each in self.failures if each.stamp in stamps and each.failed < each.runs]
        if by_chance:
            why = f"{by_chance[0].nodeid} failed by chance, so its passes are no repair"
            return Answer(False, f"only the environment is another ({listed}), and {why}")
        where = f"the tree is that of {_named(stamps)}"
        return Answer(
            True, f"{where}, only the environment is another: {listed}; no file of the project asks for that"
        )

    def _tests(self) -> Answer:
        weakened = [what for test in self.tests for what in test.weakened]
        if weakened:
            return Answer(False, "; ".join(weakened))
        said = []
        changed = sum(test.strength.changed for test in self.tests if test.strength is not None)
        if changed:
            said.append(f"assertions that read otherwise than in the failing run: {changed}")
        unknown = [test for test in self.tests if test.strength is None]
        if unknown:
            said.append(f"unknown for {_named([test.path for test in unknown])}: {unknown[0].why}")
        return Answer(True, "; ".join(said) or "the tests assert what they asserted")


def _named(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    shown = ", ".join(listed[:_MOST_NAMED])
    more = len(listed) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
