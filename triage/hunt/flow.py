"""`triage hunt` step by step: collect, run in file order twice, try the arms, prove what was red, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage.campaign.services import Services
from triage.errors import UsageError, VoidError
from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.hunt.coverage import OrderedPairs
from triage.hunt.document import RUNS, ArmDone, Coverage, Suspected
from triage.hunt.earlier import Earlier, read_cut_short, read_earlier
from triage.hunt.factors import Surroundings, every_factor, worth_trying
from triage.hunt.machine import describe_machine, libraries_of
from triage.hunt.orders import (
    by_file,
    mixed_order,
    reversed_files,
    reversed_within_files,
    square_order,
)
from triage.hunt.plan import (
    DISCOVERY_SHARE,
    SQUARES,
    Arm,
    SuiteCosts,
    chosen,
    default_budget,
    least_budget,
)
from triage.hunt.prove import Proof, Prover
from triage.hunt.seen import Knowledge, SeenRun, green_in_all
from triage.hunt.suspects import explained
from triage.hunt.warm import WarmSuite
from triage.lab.budget import Budget, BudgetSpent
from triage.lab.earlier import fingerprint
from triage.lab.environment import environment_of
from triage.lab.lab import Lab
from triage.lab.protocol import Look, Setup
from triage.lab.session import Workspace, open_lab, workspace
from triage.model.experiment import CauseKind
from triage.model.failure import Failure
from triage.probe.api import Case
from triage.probe.case_facts import files_of, source_of
from triage.text.plural import counted_noun

MOST_RUNS = 20_000
"""Processes of the laboratory in one hunt; its time ends it sooner."""
_EXPLAINED_SECONDS = 10.0
"""Time that must be left before a proof is explained: the state that leaks, its writer, a repair."""
_TOO_MANY = 0.5
"""Share of red tests with which a factor breaks the suite as such and says nothing of single tests."""
_FEW = 2
"""So many red tests are looked at whatever share they are."""
_SQUARE = "square"
_FRESH = "new interpreter"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for."""

    selectors: tuple[str, ...] = ()
    budget: float | None = None
    """Seconds; None is twice the suite's time and two minutes."""
    seed: int = 1
    resume: bool = False
    workers: int = 2
    subject: str | None = None
    """Only this test is proven, whatever else is red."""


@dataclass
class Hunt:
    """One hunt while it goes on; `flow.hunt` reads as its table of contents."""

    services: Services
    request: Request
    folder: EvidenceFolder
    place: Workspace
    warm: WarmSuite
    lab: Lab
    started: float
    fingerprint: str
    earlier: Earlier
    collected: tuple[str, ...] = ()
    knowledge: Knowledge = field(default_factory=lambda: Knowledge(()))
    red_already: tuple[str, ...] = ()
    by_chance: tuple[str, ...] = ()
    budget: float = 0.0
    costs: SuiteCosts = field(default_factory=lambda: SuiteCosts(0, 0.0, 0.0, 1))
    arms: list[ArmDone] = field(default_factory=list)
    not_tried: list[Arm] = field(default_factory=list)
    planned_seconds: float = 0.0
    proofs: list[Proof] = field(default_factory=list)
    suspected: list[Suspected] = field(default_factory=list)
    red_with: dict[str, dict[str, Failure]] = field(default_factory=dict)
    """Factor to the tests that were red with it."""
    factors: dict[str, Surroundings] = field(default_factory=dict)
    twice_red: dict[str, Failure] = field(default_factory=dict)
    twice_done: int = 0
    notes: list[str] = field(default_factory=list)

    # -- time -----------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Seconds since the hunt began."""
        return self.services.world.monotonic() - self.started

    @property
    def seconds_left(self) -> float:
        """Seconds until the budget is spent."""
        return self.budget - self.seconds

    # -- the suite as it stands -----------------------------------------------------------------

    def look_at_suite(self) -> None:
        """Collect, run file order twice, and find out what is green as it stands.

        Raises `VoidError` where nothing is green, `UsageError` where the budget is too small for anything.
        """
        begun = self.services.world.monotonic()
        collected = self.warm.collect()
        start_seconds = self.services.world.monotonic() - begun
        self.collected = tuple(dict.fromkeys(nodeid for nodeid, _ in collected.keys))
        if len(collected.keys) != len(self.collected):
            self.notes.append("several tests have one id: orders name the first of them")
        for error in collected.errors:
            self.notes.append(f"{error.nodeid} cannot be collected: it is left out")
        if not self.collected:
            raise VoidError("no-tests", "no test was collected", "try `pytest --collect-only`")
        runs: list[SeenRun] = []
        self.warm.run_all(
            [self.collected, self.collected],
            lambda number, seen: runs.append(SeenRun.of(f"file order {number + 1}", seen)),
        )
        self.notes += self.warm.notes
        red = [run.red for run in runs]
        self.red_already = tuple(nodeid for nodeid in self.collected if all(nodeid in each for each in red))
        self.by_chance = tuple(
            nodeid
            for nodeid in self.collected
            if nodeid not in self.red_already and any(nodeid in each for each in red)
        )
        green = green_in_all(runs, self.collected)
        if not green:
            raise VoidError(
                "nothing-green",
                f"none of {len(self.collected)} tests passes as it stands",
                "run `triage run`",
            )
        self.knowledge = Knowledge(green)
        for run in runs:
            self._keep(run)
        seconds = sum(run.seconds for run in runs) / len(runs)
        self.costs = SuiteCosts(len(self.collected), seconds, start_seconds, self.request.workers)
        asked = self.request.budget
        self.budget = default_budget(self.costs) if asked is None else asked
        self.lab.spending.budget = Budget(seconds=self.budget, runs=MOST_RUNS)
        least = self.seconds + least_budget(self.costs)
        if self.budget < least:
            raise UsageError(
                "hunt-budget",
                f"a budget of {self.budget:g} s is spent before anything is tried: the suite takes "
                f"{seconds:.1f} s and {start_seconds:.1f} s to start",
                f"give --budget {least + 1:.0f} or more",
            )

    def _keep(self, run: SeenRun) -> None:
        """Add a run to what is known, and to the disk, from which a hunt that was cut short goes on."""
        self.knowledge.add(run)
        index = {nodeid: number for number, nodeid in enumerate(self.collected)}
        line = run.model_dump(mode="json") | {"order": [index.get(nodeid, -1) for nodeid in run.order]}
        atomic.append_line(self.folder.path / RUNS, self.folder.redact(json.dumps(line)))

    # -- trying ---------------------------------------------------------------------------------

    def try_arms(self) -> None:
        """Run what fits into the share of the budget for trying, best value first."""
        arms = self._every_arm()
        self.planned_seconds = sum(arm.seconds for arm in arms)
        limit = self.budget * DISCOVERY_SHARE
        taken, self.not_tried = chosen(arms, max(0.0, limit - self.seconds))
        self.services.progress.start(len(taken), f"hunting in {counted_noun(len(self.collected), 'test')}")
        batches = self._batches(taken)
        for number, batch in enumerate(batches):
            if self.seconds > limit and number > 0:
                self.not_tried += [arm for left in batches[number:] for arm in left]
                break
            if batch[0].name in self.factors:
                self._try_factors([self.factors[arm.name] for arm in batch])
            else:
                self._try(batch[0], limit)
            for arm in batch:
                self.services.progress.step(arm.name)
        self.services.progress.finish()

    def _batches(self, arms: Sequence[Arm]) -> list[list[Arm]]:
        """The arms in their order; factors, each of them one process, as many at once as workers."""
        batches: list[list[Arm]] = []
        waiting: list[Arm] = []
        for arm in arms:
            if arm.name not in self.factors:
                batches.append([arm])
                continue
            waiting.append(arm)
            if len(waiting) == self.request.workers:
                batches.append(waiting)
                waiting = []
        return [*batches, waiting] if waiting else batches

    def _every_arm(self) -> list[Arm]:
        """What has not been tried on this very suite before; the worth of orders as on real suites."""
        costs = self.costs
        arms = [
            Arm("reversed", costs.orders(), 12.0),
            Arm("reversed files", costs.orders(), 6.0),
            Arm("reversed within files", costs.orders(), 5.0),
            Arm("twice", costs.fresh(2.0), 4.0),
            Arm("alone", costs.alone, 5.0),
        ]
        first = self.earlier.next_square
        arms += [Arm(f"{_SQUARE} {first + n}", costs.orders(), 8.0 / (n + 1)) for n in range(SQUARES)]
        files = len(by_file(self.collected))
        if files > 1:
            arms.append(Arm("each file alone", files * costs.fresh(1.0 / files), 1.0))
        machine = describe_machine(self.services, self.place.temporary)
        libraries = libraries_of(self.services.root)
        for factor in worth_trying(every_factor(machine), libraries):
            self.factors[factor.name] = factor
            arms.append(Arm(factor.name, costs.fresh(), 0.5 * factor.worth))
        return [arm for arm in arms if arm.name not in self.earlier.arms]

    def _try(self, arm: Arm, limit: float) -> None:
        begun, before = self.seconds, set(self.knowledge.victims())
        runs = 1
        red = 0
        if arm.name == "twice":
            red = self._try_twice()
        elif arm.name == "each file alone":
            runs = self._try_files()
        else:
            orders = self._orders_of(arm.name)
            runs = self._try_orders(arm.name, orders, limit)
        red += len(set(self.knowledge.victims()) - before)
        self.arms.append(ArmDone(name=arm.name, runs=runs, red=red, seconds=round(self.seconds - begun, 3)))

    def _orders_of(self, arm: str) -> list[tuple[str, ...]]:
        tests, seed = self.collected, self.request.seed
        match arm.partition(" ")[0], arm:
            case _, "reversed":
                return [tests[::-1]]
            case _, "reversed files":
                return [reversed_files(tests)]
            case _, "reversed within files":
                return [reversed_within_files(tests)]
            case "square", _:
                number = int(arm.partition(" ")[2])
                # in every second order no file is kept together: other tests are neighbours there
                make = mixed_order if number % 2 else square_order
                return [make(tests, number // 2, seed)]
            case _:
                return [(nodeid,) for nodeid in self.knowledge.tests if nodeid not in self.earlier.alone]

    def _try_orders(self, arm: str, orders: Sequence[tuple[str, ...]], limit: float) -> int:
        """Run orders side by side, as long as there is time; the number that were run."""
        size = 4 * self.request.workers
        done = 0
        for start in range(0, len(orders), size):
            if start and self.seconds > limit:
                self.notes.append(f"{arm}: {done} of {len(orders)} were run in time")
                break
            batch = orders[start : start + size]
            self.warm.run_all(batch, lambda _number, seen: self._keep(SeenRun.of(arm, seen)))
            done += len(batch)
        return done

    def _try_twice(self) -> int:
        """Every test twice in one process; who is red the second time."""
        setup = Setup(nodeids=self.collected, instruments={"twice": {"on": True}}, seed=self.request.seed)
        (seen,) = self.lab.look([Look(setup=setup, why="each test twice in one process")])
        self.twice_red = self._new_reds(SeenRun.of("twice", seen))
        self.twice_done = len(self.knowledge.tests)
        return len(self.twice_red)

    def _try_files(self) -> int:
        """Each file in an interpreter that imports no other."""
        files = list(by_file(self.collected).values())
        looks = [
            Look(setup=Setup(nodeids=tuple(tests), seed=self.request.seed), why="this file alone")
            for tests in files
        ]
        for seen in self.lab.look(looks):
            self._keep(SeenRun.of("each file alone", seen))
        return len(files)

    def _try_factors(self, factors: Sequence[Surroundings]) -> None:
        """The whole suite with one factor each; who is red that is not so in a new interpreter without it."""
        if not any(arm.name == _FRESH for arm in self.arms):
            self._try_fresh()
        looks = []
        for factor in factors:
            changed, _ = factor.arms(Setup(nodeids=self.collected, seed=self.request.seed))
            looks.append(Look(setup=changed, why=f"the suite with {factor.name}"))
        for factor, seen in zip(factors, self.lab.look(looks), strict=True):
            red = self._new_reds(SeenRun.of(factor.name, seen))
            if len(red) > _TOO_MANY * len(self.knowledge.tests) and len(red) > _FEW:
                count = f"{len(red)} of {len(self.knowledge.tests)} tests"
                self.notes.append(f"{factor.name}: {count} are red: it breaks the suite as such")
                red = {}
            self.red_with[factor.name] = red
            done = ArmDone(name=factor.name, runs=1, red=len(red), seconds=round(seen.seconds, 3))
            self.arms.append(done)

    def _try_fresh(self) -> None:
        """The suite as it stands in a new interpreter: what is red there is no matter of a factor."""
        begun = self.seconds
        setup = Setup(nodeids=self.collected, seed=self.request.seed)
        (seen,) = self.lab.look([Look(setup=setup, why="the suite as it stands, for comparison")])
        run = SeenRun.of(_FRESH, seen)
        self.red_when_fresh = frozenset(run.red)
        self._keep(run)
        red = len(self._new_reds(run))
        self.arms.append(ArmDone(name=_FRESH, runs=1, red=red, seconds=round(self.seconds - begun, 3)))

    red_when_fresh: frozenset[str] = frozenset()

    def _new_reds(self, run: SeenRun) -> dict[str, Failure]:
        green = set(self.knowledge.tests) - self.red_when_fresh
        return {nodeid: failure for nodeid, failure in run.failures.items() if nodeid in green}

    # -- proving --------------------------------------------------------------------------------

    def prove(self) -> None:
        """Prove what was red, one test of each cause first; then explain, while time is left."""
        prover = Prover(
            lab=self.lab,
            warm=self.warm,
            knowledge=self.knowledge,
            suite=self.collected,
            seed=self.request.seed,
            time_left=lambda: self.seconds_left,
        )
        subject = self.request.subject

        def wanted(nodeids: Iterable[str]) -> list[str]:
            return [nodeid for nodeid in nodeids if subject is None or nodeid == subject]

        self._prove_orders(prover, wanted(self.knowledge.victims()))
        by_order = {nodeid for proof in self.proofs for nodeid in proof.tests}
        self._prove_each(
            "twice",
            wanted(nodeid for nodeid in self.twice_red if nodeid not in by_order),
            self.twice_red,
            prover.not_idempotent,
            joins=False,
        )
        for name, red in self.red_with.items():
            factor = self.factors[name]
            self._prove_factor(prover, factor, {nodeid: red[nodeid] for nodeid in wanted(red)})
        self._explain(prover)

    def _prove_orders(self, prover: Prover, victims: Sequence[str]) -> None:
        """One search a cause: who shares the culprits of a proven test is tried with them alone."""
        waiting = list(victims)
        while waiting:
            nodeid = waiting.pop(0)
            try:
                mine = self._signature(self.knowledge.failure(nodeid))
                alike = [other for other in waiting if self._signature(self.knowledge.failure(other)) == mine]
                proof = prover.order_dependent(nodeid, self.proofs, alike)
                if isinstance(proof, str):
                    run = self.knowledge.first_red(nodeid)
                    found_by = run.arm if run is not None else "order"
                    self.suspected.append(Suspected(nodeid=nodeid, found_by=found_by, reason=proof))
                    continue
                self.proofs.append(proof)
                self._take_failure(proof, nodeid, self.knowledge.failure(nodeid))
                prover.further_sets(proof)
                for other in self._may_share(proof, waiting):
                    if prover.shares_cause(proof, other):
                        proof.members.append(other)
                        self._take_failure(proof, other, self.knowledge.failure(other))
                        waiting.remove(other)
            except BudgetSpent:
                self._unproven([nodeid, *waiting], "an order")
                return

    def _may_share(self, proof: Proof, waiting: Sequence[str]) -> list[str]:
        """Tests that fail alike, or whose every red run can be laid to the same culprits."""
        mine = self._signature(self.knowledge.failure(proof.nodeid))
        effect_is_red = proof.dependence == "polluted"
        return [
            nodeid
            for nodeid in waiting
            if self._signature(self.knowledge.failure(nodeid)) == mine
            or explained(self.knowledge.places(nodeid), proof.culprits, effect_is_red=effect_is_red)
        ]

    def _prove_each(
        self,
        found_by: str,
        nodeids: Sequence[str],
        failures: dict[str, Failure],
        prove: Callable[[str], Proof | str],
        *,
        joins: bool,
    ) -> None:
        """One proof for each test, or (`joins`) for each signature."""
        known: dict[str, Proof] = {}
        for number, nodeid in enumerate(nodeids):
            signature = self._signature(failures[nodeid])
            if joins and signature in known:
                known[signature].members.append(nodeid)
                self._take_failure(known[signature], nodeid, failures[nodeid])
                continue
            try:
                proof = prove(nodeid)
            except BudgetSpent:
                self._unproven(nodeids[number:], found_by)
                return
            if isinstance(proof, str):
                self.suspected.append(Suspected(nodeid=nodeid, found_by=found_by, reason=proof))
                continue
            self._take_failure(proof, nodeid, failures[nodeid])
            self.proofs.append(proof)
            known[signature] = proof

    def _prove_factor(self, prover: Prover, factor: Surroundings, red: dict[str, Failure]) -> None:
        self._prove_each(
            factor.name,
            [nodeid for nodeid in red if not self._known_of_kind(nodeid, factor.kind)],
            red,
            lambda nodeid: prover.by_factor(nodeid, factor, red[nodeid]),
            joins=True,
        )

    def _known_of_kind(self, nodeid: str, kind: CauseKind) -> bool:
        """Whether another factor of this kind has been proven for the test: a second zone says no more."""
        return any(nodeid in proof.tests and proof.kind == kind for proof in self.proofs)

    def _take_failure(self, proof: Proof, nodeid: str, failure: Failure | None) -> None:
        if failure is not None:
            proof.failures[nodeid] = failure

    def _signature(self, failure: Failure | None) -> str:
        return self.services.signer(failure)[0].id if failure is not None else ""

    def _unproven(self, nodeids: Iterable[str], found_by: str) -> None:
        for nodeid in nodeids:
            reason = "no time was left to prove it: give a larger --budget"
            self.suspected.append(Suspected(nodeid=nodeid, found_by=found_by, reason=reason))

    def _explain(self, prover: Prover) -> None:
        """What leaks, who writes it, what repairs it: as long as there is time."""
        for proof in self.proofs:
            failure = proof.failures.get(proof.nodeid)
            if proof.dependence != "polluted" or failure is None:
                continue
            if self.seconds_left < _EXPLAINED_SECONDS:
                self.notes.append(f"{proof.nodeid}: no time was left to find what leaks")
                continue
            try:
                prover.explain(proof, self._case(proof, failure))
            except BudgetSpent:
                self.notes.append(f"{proof.nodeid}: the time was up before it was known what leaks")

    def _case(self, proof: Proof, failure: Failure) -> Case:
        return Case(
            nodeid=proof.nodeid,
            base=proof.red_setup,
            failure=failure,
            context="chunk",
            members=proof.tests,
            suite=self.collected,
            recorded=proof.order,
            env=environment_of(self.services).everything,
            source=source_of(self.services.root),
            files=files_of(self.services.root),
        )

    # -- what was covered -----------------------------------------------------------------------

    def coverage(self) -> Coverage:
        """Of this hunt and of earlier ones on the same files."""
        pairs = OrderedPairs(self.collected)
        for order in self.earlier.orders:
            pairs.add(order)
        alone = set(self.earlier.alone)
        for run in self.knowledge.runs:
            pairs.add(run.order)
            if len(run.order) == 1:
                alone |= set(run.order)
        squares = [int(arm.name.split()[1]) + 1 for arm in self.arms if arm.name.startswith(_SQUARE)]
        tried = [arm.name for arm in self.arms if arm.name in self.factors]
        return Coverage(
            pairs=pairs.pairs,
            covered_pairs=pairs.covered,
            file_pairs=pairs.file_pairs,
            covered_file_pairs=pairs.covered_file_pairs,
            alone=len(alone & set(self.collected)),
            twice=max(self.twice_done, self.earlier.twice),
            factors=tuple(dict.fromkeys((*self.earlier.factors, *tried))),
            next_square=max(squares, default=self.earlier.next_square),
        )


def hunt(services: Services, request: Request, make_folder: Callable[[], EvidenceFolder]) -> Hunt:
    """Look for latent flaky tests and prove each; what was found is written by `record.write_hunt`.

    Raises `UsageError` for a budget too small for anything, `VoidError` where the suite cannot be collected.
    """
    started = services.world.monotonic()
    environment = environment_of(services)
    selectors = request.selectors or services.settings.selectors
    with workspace(services.root) as place:
        print_of_files = fingerprint(place.scratch.prepare(None), environment.variables, environment.python)
        folder = make_folder()
        warm = WarmSuite(
            place,
            environment,
            services.settings.limits,
            selectors=selectors,
            seed=request.seed,
            workers=request.workers,
            is_warm=services.settings.isolation == "warm",
        )
        lab = open_lab(
            services,
            folder,
            place,
            budget=Budget(seconds=float("inf"), runs=MOST_RUNS),
            workers=request.workers,
        )
        state = Hunt(
            services=services,
            request=request,
            folder=folder,
            place=place,
            warm=warm,
            lab=lab,
            started=started,
            fingerprint=print_of_files,
            earlier=Earlier(),
        )
        try:
            state.look_at_suite()
            state.earlier = _earlier(state)
            state.try_arms()
            state.prove()
        finally:
            services.executor.close()
    return state


def _earlier(state: Hunt) -> Earlier:
    """What hunts before have covered; with --resume the runs of the one that was cut short, too."""
    output: Path = state.services.output
    earlier = read_earlier(output, state.fingerprint, state.collected)
    if state.request.resume:
        runs, name = read_cut_short(output, state.folder.path, state.collected)
        for run in runs:
            state.knowledge.add(run)
        state.notes.append(f"{counted_noun(len(runs), 'run')} taken over from {name}")
        done = {run.arm for run in runs if not run.arm.startswith(("file order", "alone", "each file"))}
        alone = {run.order[0] for run in runs if run.arm == "alone" and run.order}
        earlier = earlier.with_done(done, alone)
    return earlier
