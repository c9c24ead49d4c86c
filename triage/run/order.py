"""The order of a run as `--order` spells it: a file, reversed, shuffled, or as a plugin shuffles. Pure.

An order is a sequence of one process: what preceded a test may be what broke it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from triage.errors import UsageError

Plugin = Literal["randomly", "random-order"]
"""Shuffling plugins whose order a run can repeat: pytest-randomly and pytest-random-order."""
DISTRIBUTIONS: dict[Plugin, str] = {"randomly": "pytest-randomly", "random-order": "pytest-random-order"}
_SEEDED = re.compile(r"(random|randomly|random-order):(.*)", re.DOTALL)
_SEED_OPTIONS: dict[str, Plugin] = {"--randomly-seed": "randomly", "--random-order-seed": "random-order"}
_LARGEST_SEED = 2**63


@dataclass(frozen=True)
class Order:
    """One way to order the tests of a suite; exactly one of the first three is given."""

    path: str | None = None
    """A file with the node ids, one a line."""
    is_reversed: bool = False
    seed: int | None = None
    plugin: Plugin | None = None
    """The plugin that shuffles with the seed; None: this module does."""

    @property
    def kept_by(self) -> str | None:
        """What the recorder is told to let shuffle: `randomly:123`; None where no plugin does."""
        return f"{self.plugin}:{self.seed}" if self.plugin is not None else None


def parse_order(text: str) -> Order:
    """The order that `--order` names. Raises `UsageError` for a seed that is none."""
    if text == "reversed":
        return Order(is_reversed=True)
    match = _SEEDED.fullmatch(text)
    if match is None:
        return Order(path=text)
    shuffler, seed = match.groups()
    if not re.fullmatch(r"[0-9]{1,19}", seed) or int(seed) >= _LARGEST_SEED:
        raise UsageError("bad-order", f"--order {text!r} has no number as its seed", f"write {shuffler}:123")
    if shuffler == "random":
        return Order(seed=int(seed))
    return Order(seed=int(seed), plugin="randomly" if shuffler == "randomly" else "random-order")


def order_of_arguments(arguments: Sequence[str]) -> str | None:
    """The order that arguments ask a plugin of pytest for, as `--order` spells it; None where they do not."""
    if "--randomly-dont-reorganize" in arguments:
        return None
    for number, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        plugin = _SEED_OPTIONS.get(name)
        if plugin is None:
            continue
        seed = value if equals else next(iter(arguments[number + 1 :]), "")
        if seed.isdecimal():
            return f"{plugin}:{int(seed)}"
    return None


def shuffled(files: Sequence[str], seed: int) -> list[int]:
    """The places of the items in a random order: files in random order, in each its tests.

    `files` has the file of each item. One seed gives one order on every machine and version of Python.
    """
    by_file: dict[str, list[int]] = {}
    for index, file in enumerate(files):
        by_file.setdefault(file, []).append(index)
    groups = list(by_file.values())
    chance = random.Random(seed)
    chance.shuffle(groups)
    for group in groups:
        chance.shuffle(group)
    return [index for group in groups for index in group]


def listed_ids(text: str) -> list[str]:
    """The node ids, files or folders of an order's file: one a line, or a JSON list; `#` begins a comment.

    Raises `UsageError` where there is none.
    """
    if text.lstrip().startswith("["):
        try:
            names = json.loads(text)
        except ValueError:
            names = None
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return [str(name) for name in names]
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise UsageError("bad-order", "the order's file names no test", "write one node id a line")
    return found
