"""Facts: evidence as templates see it, each value knowing where it comes from.

A template navigates facts as if they were the JSON that they stand for. A fact cannot be turned into
text or calculated with behind the engine's back: it is shown by the engine, which records a claim,
and derived by a filter, which keeps its basis.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from triage.model.claim import Basis, Ref, child


class Fact:
    """A value and its basis."""

    __slots__ = ("basis", "value")

    def __init__(self, value: Any, basis: Basis) -> None:
        self.value = value
        self.basis = basis

    def member(self, token: Any) -> Fact | None:
        """The member of that name or index; None where there is none, or nothing to enter."""
        name = unwrap(token)
        if not isinstance(self.basis, Ref):
            return None
        if isinstance(self.value, dict) and isinstance(name, str) and name in self.value:
            return self._at(name, self.value[name])
        if isinstance(self.value, list) and isinstance(name, int) and 0 <= name < len(self.value):
            return self._at(name, self.value[name])
        return None

    def members(self) -> list[Fact]:
        """The items of a list or the values of an object, in order."""
        if isinstance(self.value, dict):
            return [self._at(name, item) for name, item in self.value.items()]
        if isinstance(self.value, list):
            return [self._at(index, item) for index, item in enumerate(self.value)]
        raise TypeError(f"{type(self.value).__name__} has no members")

    def _at(self, token: str | int, value: Any) -> Fact:
        if not isinstance(self.basis, Ref):
            raise TypeError("a derived value has no members")
        return Fact(value, Ref(source=self.basis.source, pointer=child(self.basis.pointer, token)))

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.members())

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == unwrap(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < unwrap(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= unwrap(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > unwrap(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= unwrap(other))

    def __contains__(self, item: Any) -> bool:
        return unwrap(item) in self.value

    def __str__(self) -> NoReturn:
        raise TypeError("a fact is shown by {{ }} or by a filter that shows, and by nothing else")

    def __repr__(self) -> str:
        return f"Fact({self.value!r}, {self.basis!r})"


def unwrap(value: Any) -> Any:
    """The plain value of a fact; anything else as it is."""
    return value.value if isinstance(value, Fact) else value
