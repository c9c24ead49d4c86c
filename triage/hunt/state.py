"""A hunt while it goes on: what it was asked, what it knows, how much time is left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from triage.campaign.services import Services
from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.hunt.coverage import OrderedPairs
from triage.hunt.document import RUNS, ArmDone, Coverage, Suspected
from triage.hunt.earlier import Earlier
from triage.hunt.factors import Surroundings
from triage.hunt.in_force import InForce
from triage.hunt.plan import Arm, Pace, SuiteCosts
from triage.hunt.proof import Proof
from triage.hunt.purposes import Counters, Purposes
from triage.hunt.readers import Readers
from triage.hunt.seen import Knowledge, SeenRun
from triage.hunt.warm import WarmSuite
from triage.hunt.writers import Changes
from triage.lab.lab import Lab
from triage.lab.session import Workspace
from triage.model.failure import Failure

SQUARE = "square"
"""First word of the arms that are rows of squares; their number follows."""


WORKING = 0.95
"""Part of the budget in which something new begins; what has begun ends with the budget, and then the report
is written."""
ORDER = "order"
GROUPS = (ORDER, "environment", "time", "chance", "numbers")
"""What a hunt can be narrowed to."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for."""

    selectors: tuple[str, ...] = ()
    budget: float | None = None
    """Seconds; None is twice the suite's time and two minutes."""
    seed: int = 1
    resume: bool = False
    workers: int = 2
    only: tuple[str, ...] = ()
    """Some of `GROUPS`; empty is all of them."""
    began: float | None = None
    """The moment of the world's monotonic clock from which the budget counts; None: when the hunt begins."""
    subject: str | None = None
    """Only this test is proven, whatever else is red."""


@dataclass(kw_only=True)
class Hunt:
    """One hunt; the steps of `flow.hunt` fill it in."""

    services: Services
    request: Request
    folder: EvidenceFolder
    place: Workspace
    warm: WarmSuite
    lab: Lab
    started: float
    fingerprint: str
    """Of the suite's files."""
    earlier: Earlier = field(default_factory=Earlier)
    collected: tuple[str, ...] = ()
    """Every test, in file order."""
    knowledge: Knowledge = field(default_factory=lambda: Knowledge(()))
    red_already: tuple[str, ...] = ()
    red_in_place: frozenset[str] = frozenset()
    """Red in file order and green alone: they hang on an order, and are no matter of a factor."""
    by_chance: tuple[str, ...] = ()
    """Red in one of two equal runs."""
    red_when_fresh: frozenset[str] = frozenset()
    """Red as they stand in a new interpreter: no matter of a factor."""
    are_forks_tried: bool = False
    """Whether the laboratory has seen that its forks give what new interpreters give."""
    budget: float = 0.0
    costs: SuiteCosts = field(default_factory=lambda: SuiteCosts(0, 0.0, 0.0, 1))
    factors: dict[str, Surroundings] = field(default_factory=dict)
    """By the name of their arm."""
    arms: list[ArmDone] = field(default_factory=list)
    not_tried: list[Arm] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    red_with: dict[str, Mapping[str, Failure]] = field(default_factory=dict)
    """Arm of a factor to the tests that were red with it."""
    twice_red: Mapping[str, Failure] = field(default_factory=dict)
    """Tests that were red the second time."""
    files_twice_red: Mapping[str, Failure] = field(default_factory=dict)
    """Tests that were red the second time that their file ran."""
    twice_done: int = 0
    red_behind_itself: set[str] = field(default_factory=set)
    """Tests that no others make red, and that were red behind others and their own first run."""
    refuted: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    """Tests with culprits that were assumed of them and did not have the effect."""
    changes: Changes = field(default_factory=lambda: Changes({}, ()))
    """What each test leaves behind, as far as that was seen in file order."""
    readers: Readers = field(default_factory=lambda: Readers({}, {}))
    """What each test may read, as far as that was seen in file order."""
    proofs: list[Proof] = field(default_factory=list)
    suspected: list[Suspected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    purposes: Purposes = field(init=False)
    """What was run for what."""

    def __post_init__(self) -> None:
        """Nothing was run yet."""
        self.purposes = Purposes(self._counters)

    def _counters(self) -> Counters:
        return Counters(
            executions=self.warm.executions + self.lab.executions,
            processes=self.warm.processes + self.lab.spending.runs,
            seconds=self.seconds,
        )

    @property
    def seconds(self) -> float:
        """Seconds since the hunt began."""
        return self.services.world.monotonic() - self.started

    @property
    def seconds_left(self) -> float:
        """Seconds in which something new may begin."""
        return WORKING * self.budget - self.seconds

    def keep(self, run: SeenRun) -> None:
        """Add a run to what is known, and to the disk, from which a hunt that was cut short goes on."""
        self.knowledge.add(run)
        self._write(run)

    def keep_second(self, run: SeenRun) -> None:
        """Take in how tests ended the second time that they ran; it says nothing of an order."""
        if run.order:
            self.twice_red = {**self.twice_red, **self.new_reds(run)}
            self.twice_done += len(run.order)
            self._write(run.model_copy(update={"apart": 0}))

    def _write(self, run: SeenRun) -> None:
        index = {nodeid: number for number, nodeid in enumerate(self.collected)}
        line = run.model_dump(mode="json") | {"order": [index.get(nodeid, -1) for nodeid in run.order]}
        atomic.append_line(self.folder.path / RUNS, self.folder.redact(json.dumps(line)))

    def in_force(self) -> InForce:
        """What was in force before tests, by what they leave and may read."""
        return InForce(self.changes, self.readers)

    def files_last(self, nodeids: Iterable[str]) -> tuple[str, ...]:
        """Tests of children that share a working copy: those that leave files behind all others."""
        return tuple(sorted(nodeids, key=lambda nodeid: nodeid in self.changes.leaving_files))

    def new_reds(self, run: SeenRun) -> dict[str, Failure]:
        """The tests that are green as they stand and red in a run."""
        green = set(self.knowledge.tests) - self.red_in_place - self.red_when_fresh
        return {nodeid: failure for nodeid, failure in run.failures.items() if nodeid in green}

    def signature(self, failure: Failure | None) -> str:
        """What a failure looks like once the accidental is masked; empty for none."""
        return self.services.signer(failure)[0].id if failure is not None else ""

    def coverage(self) -> Coverage:
        """What this hunt has tried, and earlier ones on the same files."""
        pairs = OrderedPairs(self.collected)
        for run in self.earlier.runs:
            pairs.add(run.order, run.apart)
        alone = set(self.earlier.alone)
        for run in self.knowledge.runs:
            pairs.add(run.order, run.apart)
            if len(run.order) == 1:
                alone |= set(run.order)
        squares = [int(arm.name.split()[1]) + 1 for arm in self.arms if arm.name.startswith(SQUARE)]
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
