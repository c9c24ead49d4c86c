"""Which tests leave changed state behind, and behind which of them every other test is worth a run. Pure.

A shuffle shows a victim only where no other test undoes what its polluter did in between. Where it is known
what each test leaves, a few prefixes have all of it in force at once, and each test runs directly behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_MOST_VALUES = 4
"""Values of one piece of state that are wanted: a counter has another one behind each test."""
_FILES = ("file:", "tmp:")
"""Beginnings of the keys of files."""

Keys = Mapping[str, str]
"""Pieces of process state, each with the digest of its value; an empty one where it is gone."""


@dataclass(frozen=True)
class Changes:
    """What the tests of one run changed, in the order in which they ran."""

    at_first: Keys
    of_tests: tuple[tuple[str, Keys], ...]
    unseen_from: str | None = None
    """The first test that was not looked at any more, where looks took too long."""

    @classmethod
    def of(cls, events: Sequence[Mapping[str, Any]]) -> Changes:
        """From the lines of the meter `changes`."""
        begin: Keys = next((each["keys"] for each in events if each["event"] == "begin"), {})
        changed = tuple((each["nodeid"], each["keys"]) for each in events if each["event"] == "changed")
        stopped = next((each["nodeid"] for each in events if each["event"] == "stopped"), None)
        return cls(begin, changed, stopped)

    @property
    def are_known(self) -> bool:
        """Whether every test was looked at."""
        return bool(self.at_first) and self.unseen_from is None

    @cached_property
    def leaving_files(self) -> frozenset[str]:
        """Tests that leave, change or lose files: whoever shares a working copy with them may see it."""
        return frozenset(
            nodeid for nodeid, keys in self.of_tests if any(key.startswith(_FILES) for key in keys)
        )

    def leaves(self, keys: Keys) -> dict[str, str]:
        """Those of the changes that are no return to what was there at first."""
        return {key: digest for key, digest in keys.items() if self.at_first.get(key, "") != digest}


def prefixes(changes: Changes, most: int) -> Iterator[tuple[str, ...]]:
    """Up to so many sequences of tests behind which together every value is in force that a test leaves.

    The first has all tests that put nothing back: what several of them fill is full. What they overwrite, and
    what is left by tests that put something else back, comes in the further ones.
    """
    wanted = wanted_values(changes)
    if not wanted or most < 1:
        return
    in_force: dict[str, str] = {}
    chosen = []
    for nodeid, keys in changes.of_tests:
        if changes.leaves(keys) == dict(keys):
            chosen.append(nodeid)
            in_force.update(keys)
    if chosen:
        yield tuple(dict.fromkeys(chosen))
        wanted -= set(in_force.items())
        most -= 1
    while wanted and most > 0:
        in_force, chosen = {}, []
        for nodeid, keys in changes.of_tests:
            undoes = any(in_force.get(key, digest) != digest for key, digest in keys.items())
            if not undoes and wanted & set(keys.items()):
                chosen.append(nodeid)
                in_force.update(keys)
        yield tuple(dict.fromkeys(chosen))
        wanted -= set(in_force.items())
        most -= 1


def halves(tests: Sequence[str], most: int) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Up to so many times two halves of some tests: one runs first, and each test of the other one behind it.

    For tests that leave something: behind their own first run they may be immune to what others leave. With
    as many pairs as the number of tests has binary digits each test has run behind each other.
    """
    for digit in range(min(most, (len(tests) - 1).bit_length())):
        odd = tuple(nodeid for number, nodeid in enumerate(tests) if number >> digit & 1)
        even = tuple(nodeid for number, nodeid in enumerate(tests) if not number >> digit & 1)
        yield odd, even
        yield even, odd


def wanted_values(changes: Changes) -> set[tuple[str, str]]:
    """Each piece of state with the values that tests leave in it, up to some of each piece."""
    values: dict[str, dict[str, None]] = {}
    for _, keys in changes.of_tests:
        for key, digest in changes.leaves(keys).items():
            values.setdefault(key, {})[digest] = None
    return {(key, digest) for key, several in values.items() for digest in list(several)[:_MOST_VALUES]}
