"""Sum up experiments: what each factor did to failing tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from triage.cluster.context import Flip

_UNSPECIFIC = (
    # another company: whatever leaked, it is not there
    "alone:", "order:company",
    # chance, patience and speed
    "repeat:", "seed:", "env:PYTHONHASHSEED", "workers:", "limit:", "clock:passing",
    # another test, another state of the code, another precision
    "parameter:", "commit:", "dtype:",
)  # fmt: skip
"""Beginnings of factors that make failures of many causes pass at once; they prove no common one."""


def is_specific(factor: str) -> bool:
    """Whether failures that pass with this factor have that in common."""
    return not factor.startswith(_UNSPECIFIC)


@dataclass(frozen=True)
class Tried:
    """What one factor did to the tests of one cluster, or of one run."""

    moved: frozenset[str] = frozenset()
    """Tests that passed with it."""
    stayed: frozenset[str] = frozenset()
    """Tests that failed with it too."""
    evidence: tuple[str, ...] = ()
    said: str = ""
    """What the first of the experiments with a sentence says."""

    def plus(self, flip: Flip) -> Tried:
        """With one more experiment on the same factor."""
        evidence = self.evidence
        if flip.evidence and flip.evidence not in evidence:
            evidence = (*evidence, flip.evidence)
        said = self.said or flip.said
        return Tried(self.moved | flip.flipped, self.stayed | flip.unmoved, evidence, said)

    def among(self, nodeids: Iterable[str]) -> Tried:
        """The part that concerns these tests."""
        named = frozenset(nodeids)
        return Tried(self.moved & named, self.stayed & named, self.evidence, self.said)

    @property
    def place(self) -> str:
        """The evidence in parentheses, to stand behind a sentence; empty where there is none."""
        return f" ({', '.join(self.evidence)})" if self.evidence else ""


def tried_factors(flips: Iterable[Flip]) -> dict[str, Tried]:
    """Each factor, in order, with what it did in all these experiments together."""
    found: dict[str, Tried] = {}
    for flip in sorted(flips, key=lambda flip: (flip.factor, flip.evidence)):
        found[flip.factor] = found.get(flip.factor, Tried()).plus(flip)
    return found
