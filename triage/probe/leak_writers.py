"""Say whose code leaks: trace the write of the state that a polluting test leaves behind.

A test that changes something and does not put it back is at fault itself. A product that changes it on the
way, or restores it only where nothing goes wrong, is a defect of the product; the polluting test is its
witness. A function of the product whose job is to set a value is the test's own hand, and so is one whose
effect the product offers to take back. A cache that gives one caller the answer of another is wrong however
often it is cleared.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.lab.protocol import Answer, Setup, Step
from triage.model.failure import is_test
from triage.model.nodeid import file_of, function_of
from triage.probe.api import Case, look
from triage.probe.edits.always_restore import restoring_always
from triage.probe.leaked_state import LeakedState
from triage.probe.polluter_repairs import resets_of
from triage.probe.shared_objects import is_within_shared_object, shared_by_accident
from triage.probe.sources import function_at, spans, tree_of

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
    fills_cache: bool = False
    """Whether the line keeps an answer that the same function gives again later."""

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
        if self.fills_cache:
            return (
                f"it is a cache, which the product fills at {self.place} ({self.function}): what it keeps "
                f"for {self.polluter} it gives to others too, so its key leaves something out, or the entry "
                "is out of date; clearing it would only hide that"
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
    """Run the polluters under the meter of writes; None where no line was seen to write.

    Nor is one named where the meter had to stop early, because the state is too large to be compared so
    often: what it saw last need not be the last write.
    """
    told = {"writes": {"keys": list(leaked.keys), "during": list(polluters)}}
    (run,) = yield from look(polluted.plus(instruments=told), why="which line writes what leaks")
    writes = run.lines("writes", "write")
    if not writes or run.lines("writes", "stopped"):
        return None
    last = writes[-1]
    place, function, key = str(last["where"]), str(last["function"]), str(last["key"])
    called = function
    if is_within_shared_object(key):
        # what a setter of the object does is the test's own hand only where the test itself calls it
        called = _entered_by_test(function, last.get("callers", ()))
    fills_cache = _fills_cache(case, place)
    return LeakWriter(
        place=place,
        function=function,
        polluter=str(last["nodeid"]),
        at_fault="product" if fills_cache else _whose(case, place, called, key),
        fills_cache=fills_cache,
    )


def _whose(case: Case, place: str, function: str, key: str) -> Literal["product", "test"]:
    path, _, line = place.rpartition(":")
    if is_test(path):
        return "test"
    if shared_by_accident(case, key, place):
        return "product"
    source = case.source(path)
    node = function_at(source, int(line))
    if source is None or node is None or _is_manager(source, node):
        return "product"
    if restoring_always(source, int(line)) is not None:
        return "product"  # it means to restore, and does not get there
    is_offered_back = any(True for _ in resets_of(case, key))
    return "test" if is_offered_back or _SETS.match(function.rpartition(".")[2]) else "product"


def _entered_by_test(function: str, callers: Iterable[Sequence[str]]) -> str:
    """The product's function that the test called, on the way to the line that wrote."""
    for caller_place, caller in callers:
        if is_test(caller_place.rpartition(":")[0]):
            break
        function = caller
    return function


def _fills_cache(case: Case, place: str) -> bool:
    """Whether the line is the `X[key] = answer` of a function of the product that also returns `X[key]`."""
    path, _, line = place.rpartition(":")
    node = function_at(case.source(path), int(line)) if not is_test(path) else None
    if node is None:
        return False
    filled = {
        ast.unparse(target)
        for statement in ast.walk(node)
        if isinstance(statement, ast.Assign) and spans(statement, int(line))
        for target in statement.targets
        if isinstance(target, ast.Subscript)
    }
    return bool(filled & set(_answers(node)))


def _answers(function: _Function) -> Iterator[str]:
    """Every `X[key]` that a function returns, `X.get(key)` and what goes by a name for a while too."""
    given = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    names = {value.id for value in given if isinstance(value, ast.Name)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id in names for t in node.targets
        ):
            given.append(node.value)
    for value in given:
        match value:
            case ast.Subscript():
                yield ast.unparse(value)
            case ast.Call(func=ast.Attribute(value=kept, attr="get"), args=[key, *_]):
                yield f"{ast.unparse(kept)}[{ast.unparse(key)}]"


def _is_manager(source: str | None, node: _Function) -> bool:
    """Whether a function promises to restore: it yields, or its class can be entered."""
    if any(isinstance(inner, ast.Yield) for inner in ast.walk(node)):
        return True
    for owner in ast.walk(tree_of(source) or ast.Module([], [])):
        if isinstance(owner, ast.ClassDef) and node in owner.body:
            names = {part.name for part in owner.body if isinstance(part, _Function)}
            return bool(names & {"__exit__", "__aexit__"})
    return False
