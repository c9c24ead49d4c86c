"""Orders in which a hunt runs the suite: reversed, and rows of Tuscan squares. Pure.

A test that depends on the order shows it where another test runs before it that does not in file order. The
orders beyond the reversed ones are rows of a Tuscan square: in the n rows of a square over n tests every
ordered pair of tests stands side by side exactly once. Rows of squares over the files and over the tests of
each file keep files together, as pytest does. (Li, Khosravi, Lam, Shi: Systematically Producing Test Orders
to Detect Order-Dependent Flaky Tests, ISSTA 2023; the square for an even n is that of Williams, 1949.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import gcd
from typing import TypeVar

from triage.model.nodeid import file_of

T = TypeVar("T")

_GOLDEN = 0.618
"""Share of a square that the next row lies further on: neighbouring rows are much alike."""


def by_file(tests: Sequence[str]) -> dict[str, list[str]]:
    """The tests of each file, files in the order in which they come first."""
    files: dict[str, list[str]] = {}
    for nodeid in tests:
        files.setdefault(file_of(nodeid), []).append(nodeid)
    return files


def reversed_files(tests: Sequence[str]) -> tuple[str, ...]:
    """The last file first; within a file the order stays."""
    files = list(by_file(tests).values())
    return tuple(nodeid for file in reversed(files) for nodeid in file)


def square_order(tests: Sequence[str], number: int, seed: int) -> tuple[str, ...]:
    """Order `number` (from 0) of a seed: a row of the square over files, within each a row over its tests."""
    files = by_file(tests)
    ordered: list[str] = []
    for path in _row(_relabelled([*files], f"{seed}:files"), number):
        ordered += _row(_relabelled(files[path], f"{seed}:{path}"), number)
    return tuple(ordered)


def mixed_order(tests: Sequence[str], number: int, seed: int) -> tuple[str, ...]:
    """Order `number` of a seed that keeps no file together: a row of the square over all tests."""
    return tuple(_row(_relabelled(tests, f"{seed}:mixed"), number))


def tuscan_row(size: int, row: int) -> list[int]:
    """Row `row` of a Tuscan square over 0 .. size - 1; of an odd size, of the next even one without its last.

    In the `rows_of(size)` rows every ordered pair of numbers stands side by side.
    """
    even = rows_of(size)
    zigzag = [position // 2 if position % 2 == 0 else even - 1 - position // 2 for position in range(even)]
    shifted = [(label + row) % even for label in zigzag]
    return [label for label in shifted if label < size]


def rows_of(size: int) -> int:
    """Rows of the square: as many as tests, one more where their number is odd."""
    return size + size % 2


def _row(items: Sequence[T], number: int) -> list[T]:
    if len(items) < 2:
        return list(items)
    rows = rows_of(len(items))
    return [items[label] for label in tuscan_row(len(items), number * _step(rows) % rows)]


def _step(rows: int) -> int:
    """How many rows further on the next order lies: coprime to their number, so that each row comes once."""
    step = max(1, round(rows * _GOLDEN))
    while gcd(step, rows) != 1:
        step += 1
    return step


def _relabelled(names: Sequence[str], seed: str) -> list[str]:
    """The names in an order that the seed decides, the same on every machine."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}\0{name}".encode()).digest())
