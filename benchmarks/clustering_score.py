"""Pairwise precision, recall and F1 of a clustering against labels, pooled over runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass
class Score:
    """Counts of pairs; `add` pools another run."""

    together: int = 0
    """Pairs that the clustering joins."""
    alike: int = 0
    """Pairs that have one label."""
    both: int = 0

    def add(self, found: Sequence[Hashable], labels: Sequence[Hashable]) -> None:
        """One run: cluster and label of each failure, in the same order."""
        self.together += _pairs(Counter(found))
        self.alike += _pairs(Counter(labels))
        self.both += _pairs(Counter(zip(found, labels, strict=True)))

    @property
    def precision(self) -> float:
        """Of the pairs joined, how many have one label."""
        return self.both / self.together if self.together else 1.0

    @property
    def recall(self) -> float:
        """Of the pairs with one label, how many are joined."""
        return self.both / self.alike if self.alike else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def __str__(self) -> str:
        return f"P {self.precision:.4f}  R {self.recall:.4f}  F1 {self.f1:.4f}"


def _pairs(sizes: Counter[Hashable]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())
