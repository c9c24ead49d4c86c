"""The algorithms of other tools on the same suites, in the same forks: what they find, and what it takes.

iPFlakies: shuffles, then for each victim every other test alone before it. pytest-randomly with a bisection:
shuffles, then halving the red order in front of the victim. detect-test-pollution: told the victim and one
red order, halves it. A bisection knows polluters alone; iPFlakies finds the setters of brittle tests too.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from tests.planted.latent.plants import Latent
from triage.cli import wiring
from triage.cli.context import App
from triage.hunt.orders import by_file
from triage.hunt.warm import WarmSuite
from triage.lab.environment import environment_of
from triage.lab.session import workspace

_SHUFFLES = 10
"""iPFlakies makes a hundred; ten find most of what a hundred find."""
_MOST_SECONDS = 240.0
"""For one algorithm on one suite; what it has not found by then it has not found."""
Result = tuple[int, int, int, int, float]
"""Planted, found, with the right culprits, test executions, seconds."""


class _Peer:
    """Counts what it runs."""

    def __init__(self, warm: WarmSuite, tests: Sequence[str]) -> None:
        self.warm, self.tests = warm, tuple(tests)
        self.began, self.before = time.monotonic(), warm.executions
        self.red: dict[str, tuple[str, ...]] = {}
        """Victim to what ran before it in a red order."""

    @property
    def has_time(self) -> bool:
        return time.monotonic() - self.began < _MOST_SECONDS

    def is_red(self, order: Sequence[str], nodeid: str) -> bool:
        return self.warm.run(tuple(order)).red(nodeid)

    def shuffle(self, chance: random.Random) -> None:
        files = list(by_file(self.tests).values())
        chance.shuffle(files)
        order: list[str] = []
        for file in files:
            order += chance.sample(file, len(file))
        seen = self.warm.run(tuple(order))
        for number, nodeid in enumerate(order):
            if seen.red(nodeid):
                self.red.setdefault(nodeid, tuple(order[:number]))

    def halved(self, nodeid: str, before: Sequence[str]) -> tuple[str, ...]:
        """One polluter by halving; empty where several are needed, or none."""
        kept = list(before)
        if self.is_red([nodeid], nodeid) or not self.is_red([*kept, nodeid], nodeid):
            return ()
        while len(kept) > 1 and self.has_time:
            half = kept[: len(kept) // 2]
            rest = kept[len(kept) // 2 :]
            kept = half if self.is_red([*half, nodeid], nodeid) else rest
        return tuple(kept) if kept and self.is_red([*kept, nodeid], nodeid) else ()

    def each_alone(self, nodeid: str) -> tuple[str, ...]:
        """The first test that makes a victim red, or a brittle test green, alone before it."""
        alone = self.is_red([nodeid], nodeid)
        for other in self.tests:
            if not self.has_time:
                return ()
            if other != nodeid and self.is_red([other, nodeid], nodeid) is not alone:
                return (other,)
        return ()

    def result(self, plants: Sequence[Latent], named: dict[str, tuple[str, ...]]) -> Result:
        right = sum(
            any(parts <= set(named.get(plant.subject, ())) for parts in plant.culprits) for plant in plants
        )
        found = sum(plant.subject in self.red for plant in plants)
        executions = self.warm.executions - self.before
        return len(plants), found, right, executions, time.monotonic() - self.began


def compared(root: Path, plants: Sequence[Latent]) -> dict[str, Result]:
    """Each algorithm on one suite; `plants` are those that depend on the order."""
    services = wiring.services(App(str(root)))
    results: dict[str, Result] = {}
    with workspace(root) as place:
        warm = WarmSuite(
            place,
            environment_of(services),
            services.settings.limits,
            selectors=(),
            seed=1,
            workers=1,
            is_warm=True,
        )
        tests = tuple(nodeid for nodeid, _ in warm.collect().keys)
        subjects = {plant.subject for plant in plants}
        peer = _shuffled(warm, tests)
        named = {nodeid: peer.each_alone(nodeid) for nodeid in subjects & peer.red.keys()}
        results["iPFlakies"] = peer.result(plants, named)
        peer = _shuffled(warm, tests)
        named = {nodeid: peer.halved(nodeid, peer.red[nodeid]) for nodeid in subjects & peer.red.keys()}
        results["pytest-randomly + bisection"] = peer.result(plants, named)
        red = peer.red
        peer = _Peer(warm, tests)
        peer.red = red
        named = {nodeid: peer.halved(nodeid, red[nodeid]) for nodeid in subjects & red.keys()}
        results["detect-test-pollution (told whom)"] = peer.result(plants, named)
    services.executor.close()
    return results


def _shuffled(warm: WarmSuite, tests: Sequence[str]) -> _Peer:
    peer, chance = _Peer(warm, tests), random.Random(7)
    for _ in range(_SHUFFLES):
        peer.shuffle(chance)
    return peer
