"""From a test that hangs on the order to who is needed, and from a proof to what leaks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from triage.hunt.apart import Apart
from triage.hunt.bisection import bisect_together
from triage.hunt.factor_repairs import factor_repairs
from triage.hunt.in_force import InForce, suspected_state
from triage.hunt.proof import Candidate, Proof
from triage.hunt.search import find_culprits
from triage.hunt.seen import ALONE, BISECTION, Knowledge, SeenRun
from triage.hunt.suspects import agreed, explained, suspects, without
from triage.hunt.warm import WarmSuite
from triage.lab.budget import BudgetSpent
from triage.lab.lab import Lab
from triage.lab.protocol import Answer, Look, Observation, Setup, Step
from triage.model.failure import Failure
from triage.model.nodeid import file_of
from triage.probe.api import Case
from triage.probe.leak_writers import find_writer
from triage.probe.leaked_state import find_leaked_state
from triage.probe.minimise import minimise
from triage.probe.polluter_repairs import repairs_of
from triage.probe.probes.order import after
from triage.probe.probes.setter import setup_repairs
from triage.probe.product_repairs import product_repair

_MOST_ALIKE = 20
"""Tests with the same failure whose suspects are compared: more of them exclude nobody else."""
_MOST_SETS = 3
"""Sets of culprits that are searched for, each enough without the others."""
R = TypeVar("R")


@dataclass(kw_only=True)
class OrderProver:
    """Searches in forks, and explains what `confirm` has confirmed."""

    lab: Lab
    warm: WarmSuite
    knowledge: Knowledge
    keep: Callable[[SeenRun], None]
    """Adds a run to the knowledge and to the evidence."""
    suite: tuple[str, ...]
    seed: int
    signature: Callable[[Failure | None], str]
    """What a failure looks like once the accidental is masked."""
    time_left: Callable[[], float]
    in_force: InForce
    """What was in force before a test: it names whom to suspect first."""
    refuted: set[tuple[str, tuple[str, ...]]]
    """Tests with culprits that were assumed and did not have the effect."""
    files_last: Callable[[Iterable[str]], tuple[str, ...]] = tuple
    """Puts tests that leave files behind the others, where children share a working copy."""

    def run(self, order: tuple[str, ...]) -> Observation:
        """One order in a fork. Raises `BudgetSpent` where no time is left."""
        if self.time_left() <= 0:
            raise BudgetSpent
        return self.warm.run(order)

    def search(
        self, nodeid: str, known: Sequence[Proof | Candidate], alike: Sequence[str] = ()
    ) -> Candidate | str:
        """Who makes the test red (or green), to be confirmed; a reason where nobody was found.

        `known` is what was found of other tests, whose culprits are tried first: one polluter has many
        victims. `alike` are tests that fail in the same way: whom all of them suspect is the likeliest.
        """
        own_file = frozenset(each for each in self.suite if file_of(each) == file_of(nodeid))
        before = self._processes
        alone_is_red = self._alone_is_red(nodeid)
        effect_is_red = not alone_is_red
        if self.knowledge.is_red_in_own_file_only(nodeid):
            # behind any test it passes, as all files are imported there: none of them makes what it needs
            imports = self._needed_imports(nodeid)
            if imports:
                return self._candidate(nodeid, imports, before, effect_is_red=False)
        culprits = self._known_culprits(nodeid, known, effect_is_red=effect_is_red)
        if not culprits:
            shared = self._shared_suspects(nodeid, alike, effect_is_red=effect_is_red)
            culprits = find_culprits(
                nodeid,
                self.knowledge.places(nodeid),
                self.run,
                effect_is_red=effect_is_red,
                preferred=(*shared, self.in_force.writers, own_file),
            )
        if not culprits:
            imports = self._needed_imports(nodeid)
            if not imports:
                return "it was red once, and not again in the same order: chance"
            culprits = imports
            effect_is_red = False
        return self._candidate(nodeid, culprits, before, effect_is_red=effect_is_red)

    def assumed(self, nodeids: Sequence[str]) -> list[Candidate]:
        """Those of these tests of which one suspect explains all runs: by who ran, or by what was in force.

        Of tests with the same suspect that fail alike the first is to be confirmed; the others are tried
        behind it, and are its members.
        """
        found: dict[tuple[str, str, bool], Candidate] = {}
        likely_members: dict[tuple[str, str, bool], list[str]] = {}
        for nodeid in nodeids:
            effect_is_red = not self._alone_is_red(nodeid)
            culprit = self._only_suspect(nodeid, effect_is_red=effect_is_red)
            if culprit is None:
                continue
            key = (culprit, self.signature(self.knowledge.failure(nodeid)), effect_is_red)
            if key in found:
                likely_members.setdefault(key, []).append(nodeid)
                continue
            candidate = self._candidate(nodeid, (culprit,), self._processes, effect_is_red=effect_is_red)
            candidate.is_assumed = True
            found[key] = candidate
        for key, members in likely_members.items():
            found[key].members = self.sharing(found[key], members, likely=members)
        return list(found.values())

    def _only_suspect(self, nodeid: str, *, effect_is_red: bool) -> str | None:
        left = agreed(self.knowledge.places(nodeid), effect_is_red=effect_is_red)
        if len(left) == 1 and (nodeid, left) not in self.refuted:
            return left[0]
        by_state = self._by_state(nodeid, effect_is_red=effect_is_red)
        return by_state[0] if by_state else None

    def _by_state(self, nodeid: str, *, effect_is_red: bool) -> list[str]:
        """The tests that left all that was in force before a test in its red runs and in no green one.

        Or the other way round, where it is brittle. Several of them have the same effect, as far as is known.
        """
        state = suspected_state(self.in_force, self.knowledge.runs, nodeid, effect_is_red=effect_is_red)
        return [
            other
            for other in self._writers_of_any(nodeid, state)
            if self.in_force.written_by(other) & state == state
        ]

    def _writers_of_any(self, nodeid: str, state: int) -> list[str]:
        """The other tests that left some of it, but for those that were tried in vain."""
        return [
            other
            for other in self.suite
            if other != nodeid
            and self.in_force.written_by(other) & state
            and (nodeid, (other,)) not in self.refuted
        ]

    def _likely(self, nodeid: str, *, effect_is_red: bool) -> tuple[str, ...]:
        """Whom to halve: who left what was in force, or who ran and left anything, or who ran."""
        only = self._only_suspect(nodeid, effect_is_red=effect_is_red)
        if only is not None:
            return (only,)
        state = suspected_state(self.in_force, self.knowledge.runs, nodeid, effect_is_red=effect_is_red)
        by_state = tuple(self._writers_of_any(nodeid, state))
        if by_state:
            return by_state
        left = agreed(self.knowledge.places(nodeid), effect_is_red=effect_is_red)
        return tuple(each for each in left if each in self.in_force.writers) or left

    def _candidate(
        self, nodeid: str, culprits: tuple[str, ...], processes_before: int, *, effect_is_red: bool
    ) -> Candidate:
        run = self.knowledge.first_red(nodeid)
        return Candidate(
            nodeid=nodeid,
            dependence="polluted" if effect_is_red else "brittle",
            culprits=culprits,
            found_by=self.knowledge.shown_by(nodeid) or ALONE,
            processes=self._processes - processes_before,
            order=(*run.before(nodeid), nodeid) if run is not None else (nodeid,),
            failure=self.knowledge.failure(nodeid),
        )

    def further_sets(self, proof: Proof) -> None:
        """Other sets of tests that are each enough, where a recorded order shows that there are any."""
        effect_is_red = proof.dependence == "polluted"
        places = self.knowledge.places(proof.nodeid)
        culprits = proof.culprits
        while len(proof.more) + 1 < _MOST_SETS:
            if explained(places, culprits, effect_is_red=effect_is_red):
                return
            places = without(places, culprits)
            culprits = find_culprits(proof.nodeid, places, self.run, effect_is_red=effect_is_red)
            if not culprits:
                return
            proof.more.append(culprits)

    def bisect(self, nodeids: Sequence[str]) -> None:
        """Run orders that halve the suspects of all these tests at once."""
        effect_is_red = {nodeid: not self._alone_is_red(nodeid) for nodeid in nodeids}

        def suspects_now() -> dict[str, tuple[str, ...]]:
            return {
                nodeid: self._likely(nodeid, effect_is_red=is_red) for nodeid, is_red in effect_is_red.items()
            }

        def run(half: tuple[str, ...], victims: tuple[str, ...]) -> None:
            for seen in self._behind(half, victims):
                self.keep(seen)

        bisect_together(suspects_now, run)

    def sharing(self, proof: Candidate, nodeids: Sequence[str], *, likely: Collection[str]) -> list[str]:
        """The tests on which the same culprits have the same effect: one run with, one without them.

        Who is not likely to share them is tried once more with the culprits alone: another of these tests may
        have stood between.
        """
        effect_is_red = proof.dependence == "polluted"
        possible = tuple(
            nodeid
            for nodeid in nodeids
            if nodeid not in proof.culprits and self._alone_is_red(nodeid) is not effect_is_red
        )
        if not possible:
            return []
        if self.warm.forks:
            runs = self._behind(proof.culprits, possible)
            return [
                nodeid
                for nodeid in possible
                if any(place.red is effect_is_red for run in runs for place in run.places(nodeid))
            ]

        def with_effect(order: tuple[str, ...]) -> set[str]:
            seen = self.run(order)
            return {each for each in possible if (seen.red(each) if effect_is_red else seen.passed(each))}

        found = with_effect((*proof.culprits, *possible))
        if len(possible) > 1:
            # what has the effect without the culprits has it from another of these tests
            found -= with_effect(possible)
        return [
            nodeid
            for nodeid in possible
            if nodeid in found and (nodeid in likely or nodeid in with_effect((*proof.culprits, nodeid)))
        ]

    def explain(self, proof: Proof, case: Case) -> None:
        """Find the state that the polluters leak, who writes it, and a repair; fills in the proof.

        A test that fails the second time is its own polluter. A brittle one is repaired by what its setter
        does, and one that depends on its surroundings declares them: of what they lack there is no writer.
        """
        if proof.dependence == "factor":
            proof.patches = self._answered(factor_repairs(case, proof))
            return
        if proof.dependence == "brittle":
            proof.patches = self._answered(setup_repairs(case, proof.culprits))
            return
        behind = after if proof.dependence == "polluted" else _as_it_fails
        proof.leaked = self._answered(
            find_leaked_state("hunt", case, proof.experiment.baseline, proof.experiment.treated)
        )
        if proof.leaked is None:
            return
        proof.writer = self._answered(
            find_writer(case, proof.culprits, proof.experiment.baseline, proof.leaked)
        )
        if proof.writer is not None:
            proof.patches = self._answered(
                product_repair(case, proof.writer, proof.leaked, proof.culprits, proof.experiment.baseline)
            )
        if not proof.patches:
            proof.patches = self._answered(repairs_of(case, [proof.culprits], proof.leaked, behind, most=1))

    def _behind(self, common: tuple[str, ...], tests: tuple[str, ...]) -> list[SeenRun]:
        """Run each of some tests behind the common ones: apart where processes can be forked."""
        if not self.warm.forks:
            return [SeenRun.of(BISECTION, self.run((*common, *tests)))]
        if self.time_left() <= 0:
            raise BudgetSpent
        apart = Apart(here=common, first_time=self.files_last(tests))
        return self.warm.run_apart(apart).runs(BISECTION, apart)

    # -- steps ----------------------------------------------------------------------------------

    @property
    def _processes(self) -> int:
        return self.warm.processes + self.lab.spending.runs

    def _alone_is_red(self, nodeid: str) -> bool:
        known = self.knowledge.alone_is_red(nodeid)
        if known is None:
            self.keep(SeenRun.of(ALONE, self.run((nodeid,))))
            known = bool(self.knowledge.alone_is_red(nodeid))
        return known

    def _shared_suspects(
        self, nodeid: str, alike: Sequence[str], *, effect_is_red: bool
    ) -> list[frozenset[str]]:
        """The first suspects that a test shares with those that fail in the same way, if there are any."""
        shared: frozenset[str] | None = None
        for other in (nodeid, *alike[:_MOST_ALIKE]):
            first = next(suspects(self.knowledge.places(other), effect_is_red=effect_is_red), ())
            shared = frozenset(first) if shared is None else shared & frozenset(first)
        return [shared] if shared and alike else []

    def _needed_imports(self, nodeid: str) -> tuple[str, ...]:
        """The other test files whose import it needs in an interpreter of its own; empty for none."""
        if not self.knowledge.is_red_in_own_file(nodeid):
            return ()
        files = tuple(dict.fromkeys(file_of(each) for each in self.suite))
        others = tuple(path for path in files if path != file_of(nodeid))

        def importing(part: Sequence[str]) -> Setup:
            imports = tuple(path for path in files if path in part or path == file_of(nodeid))
            return Setup(nodeids=(nodeid,), imports=imports if part else (), seed=self.seed)

        alone, beside = self.lab.look(
            [Look(setup=importing(part), why="does it need the imports of others?") for part in ((), others)]
        )
        if not (alone.red(nodeid) and beside.passed(nodeid)):
            return ()
        return self._answered(
            minimise(
                others, importing, lambda seen: seen.passed(nodeid), "fewer test files imported", width=1
            )
        )

    def _known_culprits(
        self, nodeid: str, known: Sequence[Proof | Candidate], *, effect_is_red: bool
    ) -> tuple[str, ...]:
        wanted = "polluted" if effect_is_red else "brittle"
        places = self.knowledge.places(nodeid)
        tried: set[tuple[str, ...]] = set()
        for proof in known:
            culprits = proof.culprits
            if proof.dependence != wanted or proof.is_by_import or nodeid in culprits or culprits in tried:
                continue
            if not explained(places, culprits, effect_is_red=effect_is_red):
                continue
            tried.add(culprits)
            seen = self.run((*culprits, nodeid))
            if seen.red(nodeid) if effect_is_red else seen.passed(nodeid):
                return culprits
        return ()

    def _answered(self, steps: Generator[tuple[Step, ...], tuple[Answer, ...], R]) -> R:
        """Let the laboratory answer a probe's steps."""
        try:
            asked = next(steps)
            while True:
                asked = steps.send(self.lab.answer(asked))
        except StopIteration as end:
            result: R = end.value
            return result


def _as_it_fails(case: Case, _polluters: Sequence[str]) -> Setup:
    """The setup of a test that is its own polluter: it runs there twice."""
    return case.base
