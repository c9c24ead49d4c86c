"""Say whose code leaks: trace the write of the state that a polluting test leaves behind.

A test that changes something and does not put it back is at fault itself. A product that changes it on the
way, or restores it only where nothing goes wrong, is a defect of the product; the polluting test is its
witness. A function of the product whose job is to set a value is the test's own hand.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.lab.protocol import Answer, Setup, Step
from triage.model.failure import is_test
from triage.model.nodeid import file_of, function_of
from triage.probe.api import Case, look
from triage.probe.leaked_state import LeakedState
from triage.probe.shared_objects import shared_by_accident
from triage.probe.sources import function_at, tree_of

_SETS = re.compile(
    r"_*(?:set|configure|config|enable|disable|use|register|unregister|add|remove|install|load|update|activate"
    r"|deactivate|select|switch|init|initiali[sz]e|put|append|clear|reset|connect|login)(?:_|[A-Z]|\b)"
)
"""Beginnings of names of functions that are there to change something."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class LeakWriter:
    """The line that left the leaked value behind."""

    place: str
    """`path:line`"""
    function: str
    polluter: str
    at_fault: Literal["product", "test"]

    @property
    def sentence(self) -> str:
        """Who wrote it, as a clause."""
        if self.at_fault == "test" and self._is_of_the_polluter:
            return f"it is changed at {self.place} ({self.function}) and not put back"
        if self.at_fault == "test":
            return (
                f"it is changed at {self.place} ({self.function}) for {self.polluter}, "
                "which does not put it back"
            )
        return (
            f"the product itself changes it at {self.place} ({self.function}) and does not put it back: "
            f"a product defect, of which {self.polluter} is the witness"
        )

    @property
    def _is_of_the_polluter(self) -> bool:
        """Whether the line stands in the polluting test itself, and not in a helper or a fixture."""
        is_in_its_file = self.place.rpartition(":")[0] == file_of(self.polluter)
        return is_in_its_file and self.function == function_of(self.polluter)


Writing = Generator[tuple[Step, ...], tuple[Answer, ...], LeakWriter | None]


def find_writer(case: Case, polluters: Sequence[str], polluted: Setup, leaked: LeakedState) -> Writing:
    """Run the polluters under the meter of writes; None where no line was seen to write."""
    told = {"writes": {"keys": list(leaked.keys), "during": list(polluters)}}
    (run,) = yield from look(polluted.plus(instruments=told), why="which line writes what leaks")
    writes = run.lines("writes", "write")
    if not writes:
        return None
    last = writes[-1]
    place, function = str(last["where"]), str(last["function"])
    return LeakWriter(
        place=place,
        function=function,
        polluter=str(last["nodeid"]),
        at_fault=_whose(case, place, function, str(last["key"])),
    )


def _whose(case: Case, place: str, function: str, key: str) -> Literal["product", "test"]:
    path, _, line = place.rpartition(":")
    if is_test(path):
        return "test"
    if shared_by_accident(case, key, place):
        return "product"
    node = function_at(case.source(path), int(line))
    if node is None or _is_manager(case.source(path), node):
        return "product"
    return "test" if _SETS.match(function.rpartition(".")[2]) else "product"


def _is_manager(source: str | None, node: _Function) -> bool:
    """Whether a function promises to restore: it yields, or its class can be entered."""
    if any(isinstance(inner, ast.Yield) for inner in ast.walk(node)):
        return True
    for owner in ast.walk(tree_of(source) or ast.Module([], [])):
        if isinstance(owner, ast.ClassDef) and node in owner.body:
            names = {part.name for part in owner.body if isinstance(part, _Function)}
            return bool(names & {"__exit__", "__aexit__"})
    return False
