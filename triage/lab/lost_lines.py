"""Find the product lines that a failing run executed and a passing one does not.

A change that makes a test pass by keeping product code from running has shown a condition and no cause: the
fault may lie in the very lines that are skipped. What an error leads to by itself is no such line: the block
that raised it, the handlers that it went through, the code of its own class.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from triage.lab.protocol import Observation
from triage.model.failure import Failure

Lines = Mapping[str, frozenset[int]]
"""Executed lines of product files, by path relative to the suite's root."""
_MOST_SHOWN = 12
"""Ranges of lines that a report lists."""


@dataclass(frozen=True)
class LostLines:
    """Lines of one arm that the other does not run, as ranges `path:first-last`."""

    no_longer_run: tuple[str, ...] = ()
    """Of the failing arm."""
    newly_run: tuple[str, ...] = ()
    """Of the treated arm."""

    def __bool__(self) -> bool:
        """Whether anything of the failing arm is lost."""
        return bool(self.no_longer_run)

    @property
    def only_skips(self) -> bool:
        """Whether nothing runs in place of what is lost."""
        return bool(self.no_longer_run) and not self.newly_run


def executed_lines(run: Observation, *nodeids: str) -> Lines:
    """The product lines that these tests executed in a run under the meter `lines`."""
    found: dict[str, set[int]] = {}
    for record in run.lines("lines", "executed"):
        if record.get("nodeid") in nodeids:
            for file, line in record.get("lines", ()):
                found.setdefault(str(record["files"][file]), set()).add(int(line))
    return {path: frozenset(lines) for path, lines in found.items()}


def lost_lines(
    failing: Lines,
    treated: Lines,
    failure: Failure,
    source: Callable[[str], str | None],
    edits: Mapping[str, str | None],
) -> LostLines:
    """Compare the lines of both arms.

    `source` gives the text of a file as the failing arm ran it, `edits` the files that the treatment changes.
    Lines of an edited file are matched by its diff; a line that the edit replaced is neither lost nor new.
    """
    lost: list[str] = []
    new: list[str] = []
    for path in sorted({*failing, *treated}):
        text = source(path)
        before, after = failing.get(path, frozenset()), treated.get(path, frozenset())
        if path in edits:
            before, after = _in_one_numbering(before, after, text or "", edits[path] or "")
        ignored = _consequences(text, path, failure)
        lost += ranges_of(path, before - after - ignored, text)
        new += ranges_of(path, after - before, text)
    return LostLines(tuple(lost[:_MOST_SHOWN]), tuple(new[:_MOST_SHOWN]))


def _in_one_numbering(
    before: frozenset[int], after: frozenset[int], old: str, new: str
) -> tuple[frozenset[int], frozenset[int]]:
    """Lines of both arms by the numbers of the old text; those of replaced lines are left out.

    A deleted line stays: it ran before, and the edit keeps it from running.
    """
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    replaced: set[int] = set()
    number_in_old: dict[int, int] = {}
    for kind, start, end, new_start, _ in matcher.get_opcodes():
        # lines of an insertion have no number in the old text, and lines of a deletion none in the new one
        if kind == "equal":
            for offset in range(1, end - start + 1):
                number_in_old[new_start + offset] = start + offset
        elif kind == "replace":
            replaced.update(range(start + 1, end + 1))
    mapped = frozenset(number_in_old[line] for line in after if line in number_in_old)
    return before - replaced, mapped


def _consequences(text: str | None, path: str, failure: Failure) -> frozenset[int]:
    """Lines that run only because this very error was raised."""
    try:
        tree = ast.parse(text or "")
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    frames = [frame for raised in failure.chain for frame in raised.frames]
    passed = {frame.lineno for frame in frames if frame.path == path and frame.lineno}
    types = {raised.type.rpartition(".")[2] for raised in failure.chain}
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in types:
            found |= _lines_of([node])
        if isinstance(node, ast.Try) and passed & _lines_of(node.body):
            found |= _lines_of([*node.handlers, *node.finalbody])
        for block in _blocks(node):
            raising = [part for part in block if isinstance(part, ast.Raise | ast.Assert)]
            if passed & _lines_of(raising):
                found |= _lines_of(block)
    return frozenset(found)


def _blocks(node: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    """The blocks of a branch; the body of a function is more than what leads to its last line."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        return
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def _lines_of(parts: Sequence[ast.stmt | ast.excepthandler]) -> set[int]:
    """The lines from the first to the last of each part."""
    found: set[int] = set()
    for part in parts:
        last = part.end_lineno or part.lineno
        found.update(range(part.lineno, last + 1))
    return found


def ranges_of(path: str, lines: frozenset[int], text: str | None) -> list[str]:
    """Lines as `path:4` and `path:7-9`; what lies between two lines of a range is blank or a comment."""
    numbers = sorted(lines)
    if not numbers:
        return []
    blank = _blank_lines(text)
    groups = [[numbers[0], numbers[0]]]
    for previous, line in pairwise(numbers):
        if all(between in blank for between in range(previous + 1, line)):
            groups[-1][1] = line
        else:
            groups.append([line, line])
    return [f"{path}:{first}" if first == last else f"{path}:{first}-{last}" for first, last in groups]


def _blank_lines(text: str | None) -> set[int]:
    found = set()
    for number, line in enumerate((text or "").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            found.add(number)
    return found
