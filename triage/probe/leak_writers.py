"""Say whose code leaks: trace the write of the state that a polluting test leaves behind.

A test that changes something and does not put it back is at fault itself. A product that changes it on the
way, or restores it only where nothing goes wrong, is a defect of the product; the polluting test is its
witness. A function of the product whose job is to set a value is the test's own hand.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from triage.lab.protocol import Answer, Setup, Step
from triage.model.experiment import Patch
from triage.model.failure import is_test
from triage.probe.api import Case, look
from triage.probe.edits.statements import patch_of
from triage.probe.leaked_state import LeakedState
from triage.probe.sources import spans, tree_of

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
        if self.at_fault == "test":
            return (
                f"{self.place} ({self.function}) changes it for {self.polluter}, which does not put it back"
            )
        return (
            f"the product itself changes it at {self.place} ({self.function}) and does not put it back: "
            f"a product defect, of which {self.polluter} is the witness"
        )


Writing = Generator[tuple[Step, ...], tuple[Answer, ...], LeakWriter | None]
Repairing = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]


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
        place=place, function=function, polluter=str(last["nodeid"]), at_fault=_whose(case, place, function)
    )


def product_repair(case: Case, writer: LeakWriter, polluters: Sequence[str], polluted: Setup) -> Repairing:
    """The product's own restore made sure of, where it has one and an error or a return leads past it."""
    path, _, line = writer.place.rpartition(":")
    source = case.source(path)
    if writer.at_fault != "product" or source is None:
        return ()
    text = restoring_always(source, int(line))
    if text is None:
        return ()
    (run,) = yield from look(polluted.plus(edits={path: text}), why="with a restore that always runs")
    if not run.passed(case.nodeid) or any(run.red(nodeid) for nodeid in polluters):
        return ()
    title = f"{writer.function} restores what it changes, whatever happens ({path})"
    return (patch_of(path, source, text, title, writer.sentence),)


def _whose(case: Case, place: str, function: str) -> Literal["product", "test"]:
    path, _, line = place.rpartition(":")
    if is_test(path):
        return "test"
    node = _function_at(case.source(path), int(line))
    if node is None or _is_manager(case.source(path), node):
        return "product"
    return "test" if _SETS.match(function.rpartition(".")[2]) else "product"


def _function_at(source: str | None, line: int) -> _Function | None:
    """The innermost function around a line."""
    tree = tree_of(source)
    around = [node for node in ast.walk(tree or ast.Module([], [])) if isinstance(node, _Function)]
    around = [node for node in around if spans(node, line)]
    return max(around, key=lambda node: node.lineno, default=None)


def _is_manager(source: str | None, node: _Function) -> bool:
    """Whether a function promises to restore: it yields, or its class can be entered."""
    if any(isinstance(inner, ast.Yield) for inner in ast.walk(node)):
        return True
    for owner in ast.walk(tree_of(source) or ast.Module([], [])):
        if isinstance(owner, ast.ClassDef) and node in owner.body:
            names = {part.name for part in owner.body if isinstance(part, _Function)}
            return bool(names & {"__exit__", "__aexit__"})
    return False


def restoring_always(source: str, line: int) -> str | None:
    """The source with what follows the `yield` of the function at this line in a `finally`.

    None where there is no such function, or nothing follows.
    """
    node = _function_at(source, line)
    if node is None:
        return None
    for number, part in enumerate(node.body):
        if _yields(part) and node.body[number + 1 :]:
            return _with_finally(source, part, node.body[number + 1 :])
    return None


def _yields(part: ast.stmt) -> bool:
    value = part.value if isinstance(part, ast.Expr | ast.Assign) else None
    return isinstance(value, ast.Yield)


def _with_finally(source: str, first: ast.stmt, rest: Sequence[ast.stmt]) -> str:
    lines = source.splitlines(keepends=True)
    start, middle = first.lineno - 1, first.end_lineno or first.lineno
    end = rest[-1].end_lineno or rest[-1].lineno
    indent = " " * first.col_offset
    step = "    "
    return "".join(
        [
            *lines[:start],
            f"{indent}try:\n",
            *_indented(lines[start:middle], step),
            f"{indent}finally:\n",
            *_indented(lines[middle:end], step),
            *lines[end:],
        ]
    )


def _indented(lines: Sequence[str], step: str) -> Iterator[str]:
    for line in lines:
        yield step + line if line.strip() else line
