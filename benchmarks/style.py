"""How dense the code is written: the figures that the plan for this tree compares with other projects.

`python -m benchmarks style [FOLDER...]`; without folders it measures `triage` and `simulator` of this tree.
The figures are a mirror, not a target: none of them fails a test.

Definitions, for the Python files below a folder:

- *code files*: all but `__init__.py` (lists of names) and what lies in a folder `testing` (kits for tests).
  Everything below is measured on these, but for the shipped lines.
- *shipped lines*: physical lines of all Python files, blank ones included.
- *code line*: a line that is not blank, not only a comment, and not part of the docstring of a module, class
  or function. A line inside any other string counts.
- *syntax nodes a code line*: nodes of the syntax tree as `ast.walk` gives them (contexts, operators and
  docstrings are nodes too), over the code lines.
- *comprehensions, conditional expressions, comments a 100 lines*: list, set and dict comprehensions and
  generator expressions; `a if b else c`; comments, alone on their line or behind code; over the code lines.
- *re.compile*: calls written so; *long*: those whose pattern is a literal of more than 120 characters
  (of an f-string the parts outside of braces).
- *patterns with examples*: the same for calls of `triage.text.pattern`, which compiles a pattern together
  with texts that it must and must not match.
- *function length*: from the line of `def` to the last line of the body, the `def` line not counted; methods
  and inner functions are functions. *p90*: nine in ten are not longer.
- *module length*: physical lines of a code file.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONG_PATTERN = 120
"""Characters of a regular expression that nobody takes in at one look."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (ast.Module, ast.ClassDef, *_FUNCTIONS)


@dataclass
class Figures:
    """Counts over the files measured so far."""

    files: int = 0
    shipped_lines: int = 0
    code_lines: int = 0
    nodes: int = 0
    comprehensions: int = 0
    conditionals: int = 0
    comments: int = 0
    patterns: int = 0
    long_patterns: int = 0
    tested_patterns: int = 0
    long_tested_patterns: int = 0
    function_lengths: list[int] = field(default_factory=list)
    module_lengths: list[int] = field(default_factory=list)

    def add(self, source: str) -> None:
        """Count one code file.

        Raises:
            SyntaxError: `source` is not Python.
        """
        tree = ast.parse(source)
        lines = source.splitlines()
        self.files += 1
        self.module_lengths.append(len(lines))
        comments = list(_comments(source))
        self.comments += len(comments)
        self.code_lines += len(_code_lines(tree, lines, comments))
        for node in ast.walk(tree):
            self._add_node(node)

    def _add_node(self, node: ast.AST) -> None:
        self.nodes += 1
        if isinstance(node, _COMPREHENSIONS):
            self.comprehensions += 1
        elif isinstance(node, ast.IfExp):
            self.conditionals += 1
        elif isinstance(node, _FUNCTIONS):
            last_line = node.end_lineno or node.lineno
            self.function_lengths.append(last_line - node.lineno)
        elif isinstance(node, ast.Call):
            self._add_call(node)

    def _add_call(self, call: ast.Call) -> None:
        called = ast.unparse(call.func)
        is_long = bool(call.args) and _literal_length(call.args[0]) > LONG_PATTERN
        if called == "re.compile":
            self.patterns += 1
            self.long_patterns += is_long
        elif called == "pattern":
            self.tested_patterns += 1
            self.long_tested_patterns += is_long

    def rows(self) -> list[tuple[str, str]]:
        """Each figure with its name, as printed; empty where no code was found."""
        if not self.code_lines:
            return []
        hundreds = self.code_lines / 100
        modules = statistics.median(self.module_lengths)
        return [
            ("syntax nodes a code line", f"{self.nodes / self.code_lines:.1f}"),
            ("comprehensions / 100 lines", f"{self.comprehensions / hundreds:.1f}"),
            ("conditional expressions / 100 lines", f"{self.conditionals / hundreds:.1f}"),
            ("comments / 100 lines", f"{self.comments / hundreds:.1f}"),
            (f"re.compile (of over {LONG_PATTERN} characters)", f"{self.patterns} ({self.long_patterns})"),
            ("patterns with examples (of over ...)", f"{self.tested_patterns} ({self.long_tested_patterns})"),
            ("function length, median / p90", _median_and_p90(self.function_lengths)),
            ("module length, median", f"{modules:.0f}"),
            ("code files", f"{self.files}"),
            ("code lines", f"{self.code_lines}"),
            ("shipped lines", f"{self.shipped_lines}"),
        ]


def measure(folder: Path) -> Figures:
    """Measure the Python files below a folder."""
    figures = Figures()
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        figures.shipped_lines += len(source.splitlines())
        below = path.relative_to(folder)
        if below.name != "__init__.py" and "testing" not in below.parts:
            figures.add(source)
    return figures


def _comments(source: str) -> Iterator[tokenize.TokenInfo]:
    """Each comment of a file; a `#` inside a string is none."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token


def _code_lines(tree: ast.Module, lines: Sequence[str], comments: Sequence[tokenize.TokenInfo]) -> set[int]:
    """Numbers of the lines (from 1) that hold code."""
    code = {number for number, line in enumerate(lines, start=1) if line.strip()}
    for comment in comments:
        line_number, column = comment.start
        before = comment.line[:column]
        if not before.strip():
            code.discard(line_number)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            last_line = docstring.end_lineno or docstring.lineno
            code -= set(range(docstring.lineno, last_line + 1))
    return code


def _literal_length(pattern: ast.expr) -> int:
    """Characters of a pattern as far as it is written in the call; 0 for a name."""
    if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str | bytes):
        return len(pattern.value)
    if isinstance(pattern, ast.JoinedStr):
        return sum(_literal_length(part) for part in pattern.values)
    if isinstance(pattern, ast.BinOp):
        return _literal_length(pattern.left) + _literal_length(pattern.right)
    return 0


def _median_and_p90(lengths: Sequence[int]) -> str:
    if not lengths:
        return "-"
    ordered = sorted(lengths)
    p90 = ordered[min(len(ordered) - 1, len(ordered) * 9 // 10)]
    return f"{statistics.median(ordered):.0f} / {p90}"


def main(arguments: list[str]) -> int:
    """Print the figures of folders side by side."""
    folders = [Path(argument) for argument in arguments] or [ROOT / "triage", ROOT / "simulator"]
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        print(f"no folder {missing[0]}", file=sys.stderr)
        return 2
    columns = [measure(folder).rows() for folder in folders]
    if not all(columns):
        print(f"no Python code below {folders[columns.index([])]}", file=sys.stderr)
        return 2
    print(" " * 38, *(f"{folder.name:>12}" for folder in folders))
    for row in zip(*columns, strict=True):
        name = row[0][0]
        print(f"{name:38}", *(f"{figure:>12}" for _, figure in row))
    return 0
