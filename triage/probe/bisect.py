"""Where a history turned bad: asked where the answer tells most, also where answers are noisy.

Every place has a weight: how likely the first bad commit is there. A look is taken where it halves the weight
(a plain bisection where all weigh alike); what it shows multiplies the weights (Bayes), so a bad commit that
passes by luck misleads nobody for good, and no walk back in search of a good commit is needed first. Hopes
steer where to look, and are no evidence: what a hidden commit may have done stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

_SURE = 0.98
_NEVER = 0.1
"""Share of the weight for: it never passed, as far back as the history goes."""
_OLDER_THAN_IT = 0.05
"""What is left for places behind a commit that fails otherwise: mostly the thing under test is younger."""
_MISTRUST = 0.02
"""What is left for places behind a commit that was seen to pass in another run."""


class Search:
    """Places 0 (newest, bad) to n - 1 (oldest). Place k wins where k is bad and k + 1 is good."""

    def __init__(self, relevance: Sequence[float], known_good: int | None = None) -> None:
        """`relevance` weighs the commits, recent ones weigh more, what is behind a known good one little."""
        count = len(relevance)
        recent = sum(1 / (place + 1) for place in range(count))
        self._weights = [
            weight * (0.5 / count + 0.5 / recent / (place + 1)) for place, weight in enumerate(relevance)
        ]
        self._weights[-1] = _NEVER * (sum(self._weights) or 1.0)
        self._hopes = [1.0] * count
        if known_good is not None:
            self._hopes[known_good:] = [_MISTRUST] * (count - known_good)
        self._blind: set[int] = set()

    def failed(self, place: int) -> None:
        """It is bad there: so is all that is newer."""
        self._scale(lambda other: other < place, 0.0)

    def passed(self, place: int, luck: float) -> None:
        """It passed there; a bad commit does that with probability `luck`."""
        self._scale(lambda other: other >= place, luck)

    def cannot_tell(self, place: int) -> None:
        """It neither passed nor failed as it does today: no evidence, but a hint where to look next."""
        self._blind.add(place)
        self._hopes[place:] = [hope * _OLDER_THAN_IT for hope in self._hopes[place:]]

    def best_place(self) -> int | None:
        """Where a look tells most; None where enough is known, or nothing more can be."""
        total = sum(self._weights)
        if not total or max(self._weights) >= _SURE * total:
            return None
        seen = list(accumulate(self._weights, initial=0.0))
        hoped = [weight * hope for weight, hope in zip(self._weights, self._hopes, strict=True)]
        newer = list(accumulate(hoped, initial=0.0))
        telling = [
            place
            for place in range(1, len(self._weights))
            if place not in self._blind and 1e-9 * total < seen[place] < (1 - 1e-9) * total
        ]
        return min(telling, key=lambda place: abs(newer[place] - newer[-1] / 2), default=None)

    def span(self) -> tuple[int, int]:
        """The newest and the oldest place that may still be the first bad one."""
        least = (1 - _SURE) * sum(self._weights)
        left = [place for place, weight in enumerate(self._weights) if weight > least]
        return (left[0], left[-1]) if left else (0, len(self._weights) - 1)

    def _scale(self, where: Callable[[int], bool], factor: float) -> None:
        self._weights = [
            weight * factor if where(place) else weight for place, weight in enumerate(self._weights)
        ]
