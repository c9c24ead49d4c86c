"""A suite as a function: which tests are red in an order, by planted dependences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from triage.hunt.apart import Apart, Observed
from triage.hunt.seen import Knowledge, SeenRun
from triage.lab.protocol import Observation
from triage.model.outcome import Outcome

Rule = Callable[[Sequence[str]], bool]
"""Whether a test is red behind these tests."""


@dataclass
class World:
    """Runs orders, and counts them."""

    tests: tuple[str, ...]
    rules: dict[str, Rule]
    runs: int = 0
    executions: int = 0
    orders: list[tuple[str, ...]] = field(default_factory=list)
    forks: bool = False

    @property
    def processes(self) -> int:
        return self.runs

    def run_apart(self, apart: Apart) -> Observed:
        """Each test behind the common ones alone; the common ones themselves are not looked at."""
        self.runs += 1
        self.executions += len(apart.here) + len(apart.first_time)
        ended = {
            nodeid: Outcome.FAILED if self._is_red(nodeid, apart.here) else Outcome.PASSED
            for nodeid in apart.first_time
        }
        first = Observation(
            outcomes={**dict.fromkeys(apart.here, Outcome.PASSED), **ended},
            order=(*apart.here, *apart.first_time),
        )
        return Observed(first, Observation(outcomes={}), left_files=False)

    def _is_red(self, nodeid: str, before: Sequence[str]) -> bool:
        rule = self.rules.get(nodeid)
        return rule is not None and rule(before)

    def run(self, order: tuple[str, ...]) -> Observation:
        self.runs += 1
        self.executions += len(order)
        outcomes = {}
        for number, nodeid in enumerate(order):
            is_red = self._is_red(nodeid, order[:number])
            outcomes[nodeid] = Outcome.FAILED if is_red else Outcome.PASSED
        return Observation(outcomes=outcomes, order=tuple(order))

    def knowledge(self, orders: Sequence[tuple[str, ...]]) -> Knowledge:
        known = Knowledge(self.tests)
        for number, order in enumerate(orders):
            known.add(SeenRun.of(f"order {number}", self.run(order)))
        return known


def after(*polluters: str) -> Rule:
    """Red behind any of these."""
    return lambda before: any(each in before for each in polluters)


def after_all(*polluters: str) -> Rule:
    """Red behind all of these together."""
    return lambda before: all(each in before for each in polluters)


def without(*setters: str) -> Rule:
    """Brittle: red where none of these ran before it."""
    return lambda before: not any(each in before for each in setters)


def without_chain(*setters: str) -> Rule:
    """Brittle: red unless these ran before it, in this order."""

    def is_red(before: Sequence[str]) -> bool:
        places = [list(before).index(each) for each in setters if each in before]
        return len(places) < len(setters) or places != sorted(places)

    return is_red


def after_unless(polluter: str, cleaner: str) -> Rule:
    """Red behind the polluter, unless the cleaner has run since."""

    def is_red(before: Sequence[str]) -> bool:
        order = list(before)
        return polluter in order and (cleaner not in order or order.index(cleaner) < order.index(polluter))

    return is_red
