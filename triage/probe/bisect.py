"""Bisect a history whose runs are noisy: run where the answer tells most, and weigh each answer (Bayes).

Every position in the history has a weight: how likely the first bad commit is there. A run is made where it
halves the weight (a plain bisection where all weigh alike), and its outcome multiplies the weights, so a bad
commit that passes by luck misleads nobody for good, and no good commit has to be searched first. A second
factor steers where to run next and is no evidence: what a commit that cannot be run may have done stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

_SURE = 0.98
"""Share of all weight at one position that ends the search."""
_NEVER = 0.1
"""Share of the weight for: it never passed, as far back as the history goes."""
_BEHIND_UNTESTABLE = 0.05
"""Steering factor behind a commit that fails otherwise: mostly the thing under test is younger than that."""
_BEHIND_KNOWN_GOOD = 0.02
"""Steering factor behind a commit that passed in another run."""
_NEGLIGIBLE = 1e-9
"""Share of the weight on one side of a position below which a run there tells nothing."""


class Search:
    """Positions 0 (newest, bad) to n - 1 (oldest); k is the answer where k is bad and k + 1 is good."""

    def __init__(self, relevance: Sequence[float], known_good: int | None = None) -> None:
        """`relevance` weighs the commits, beside their age; those behind `known_good` are run last."""
        count = len(relevance)
        harmonic = sum(1 / (position + 1) for position in range(count))
        # Half of the prior is even, half of it falls with age.
        self._weights = [
            weight * (0.5 / count + 0.5 / harmonic / (position + 1))
            for position, weight in enumerate(relevance)
        ]
        self._weights[-1] = _NEVER * (sum(self._weights) or 1.0)
        self._steering = [1.0] * count
        if known_good is not None:
            self._steering[known_good:] = [_BEHIND_KNOWN_GOOD] * (count - known_good)
        self._untestable: set[int] = set()

    def failed(self, position: int) -> None:
        """It is bad there: so is all that is newer."""
        self._multiply(lambda other: other < position, 0.0)

    def passed(self, position: int, luck: float) -> None:
        """It passed there; a bad commit does that with probability `luck`."""
        self._multiply(lambda other: other >= position, luck)

    def cannot_tell(self, position: int) -> None:
        """It neither passed nor failed as it does today: no evidence, but a hint where to run next."""
        self._untestable.add(position)
        behind = self._steering[position:]
        self._steering[position:] = [factor * _BEHIND_UNTESTABLE for factor in behind]

    def best_position(self) -> int | None:
        """Where a run tells most; None where enough is known, or nothing more can be."""
        total = sum(self._weights)
        if not total or max(self._weights) >= _SURE * total:
            return None
        newer = list(accumulate(self._weights, initial=0.0))
        steered = [weight * factor for weight, factor in zip(self._weights, self._steering, strict=True)]
        newer_steered = list(accumulate(steered, initial=0.0))
        half = newer_steered[-1] / 2
        telling = []
        for position in range(1, len(self._weights)):
            both_sides = _NEGLIGIBLE * total < newer[position] < (1 - _NEGLIGIBLE) * total
            if both_sides and position not in self._untestable:
                telling.append(position)
        return min(telling, key=lambda position: abs(newer_steered[position] - half), default=None)

    def span(self) -> tuple[int, int]:
        """The newest and the oldest position that may still be the first bad one."""
        least = (1 - _SURE) * sum(self._weights)
        left = [position for position, weight in enumerate(self._weights) if weight > least]
        return (left[0], left[-1]) if left else (0, len(self._weights) - 1)

    def _multiply(self, where: Callable[[int], bool], factor: float) -> None:
        for position in range(len(self._weights)):
            if where(position):
                self._weights[position] *= factor
