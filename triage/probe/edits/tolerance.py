"""Plain numeric comparisons in an assertion: what they compared, and the same with more slack."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence

import libcst as cst
from libcst.metadata import PositionProvider

from triage.model.base import Value
from triage.model.failure import Failure
from triage.probe.sources import wrapped

_NUMBER = r"(?:np\.float64\(|tensor\()?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?:, dtype=[a-z.0-9]+)?\)?"
_SHOWN = re.compile(rf"^assert {_NUMBER} (==|<=|<|>=|>) {_NUMBER}$", re.MULTILINE)
_FLOAT = re.compile(r"(?<![\w.])\d+\.\d|(?<![\w.])\d+e-\d")
_ROUNDING = 1e-9
_DISTANCE = re.compile(r"abs|norm|diff|err|dist|delta|dev|resid|max|rel", re.IGNORECASE)


class Comparison(Value):
    """A comparison that failed, with the numbers that pytest showed."""

    path: str
    line: int
    left: float
    operator: str
    right: float
    slack: float
    shown: str

    @property
    def limit(self) -> float:
        """The smaller of the two numbers: what the larger should have stayed below."""
        return 0.0 if self.operator == "==" else min(abs(self.left), abs(self.right))

    @property
    def rounding(self) -> bool:
        """Whether the two sides differ by no more than arithmetic explains: a wrong result misses by more."""
        if self.operator == "==":
            return abs(self.left - self.right) <= _ROUNDING * max(abs(self.left), abs(self.right))
        return max(abs(self.left), abs(self.right)) <= _ROUNDING

    def near(self, most: float) -> bool:
        """Whether it missed by little: a few times a small limit, or the last digits of equal floats."""
        if self.operator == "==":
            scale = max(abs(self.left), abs(self.right))
            return scale > 0 and 0 < abs(self.left - self.right) <= 1e-6 * scale
        small, large = sorted((abs(self.left), abs(self.right)))
        return small > 0 and large / small <= most and small <= 1e-2


def comparisons(failure: Failure, frames: Sequence[tuple[str, int]]) -> Iterator[Comparison]:
    """What the assertion's message shows, at the innermost line of the author's."""
    if not frames:
        return
    path, line = frames[0]
    for match in _SHOWN.finditer(failure.message):
        left, right = float(match[1]), float(match[3])
        if float(match[1]).is_integer() and float(match[3]).is_integer() and "." not in match[0]:
            continue
        ratio = max(abs(left), abs(right)) / max(min(abs(left), abs(right)), 1e-300)
        slack = 10.0 ** max(1, math.ceil(math.log10(ratio * 1.01))) if match[2] != "==" else 10.0
        yield Comparison(
            path=path, line=line, left=left, operator=match[2], right=right, slack=slack, shown=match[0][7:]
        )


def equality(source: str, frames: Sequence[tuple[str, int]]) -> Comparison | None:
    """Floats compared with `==` at the line that failed, where the message shows no numbers."""
    if not frames:
        return None
    path, line = frames[0]
    rows = source.splitlines()
    text = rows[line - 1].strip() if 0 < line <= len(rows) else ""
    if "==" not in text or not _FLOAT.search(text):
        return None
    return Comparison(
        path=path, line=line, left=1.0, operator="==", right=1.0 + 1e-12, slack=10.0, shown=text
    )


def loosened(source: str, found: Comparison) -> str | None:
    """The source with more slack in that comparison; None where it is not one of a distance with a limit."""
    wrapper = wrapped(source)
    if wrapper is None:
        return None
    editor = _Loosen(found)
    changed = wrapper.visit(editor).code
    if not editor.done:
        return None
    try:
        ast.parse(changed)
    except SyntaxError:
        return None
    return changed


class _Loosen(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, found: Comparison) -> None:
        super().__init__()
        self._found = found
        self.done = False

    def leave_Comparison(
        self, original_node: cst.Comparison, updated_node: cst.Comparison
    ) -> cst.BaseExpression:
        place = self.get_metadata(PositionProvider, original_node)
        if (
            self.done
            or len(updated_node.comparisons) != 1
            or not place.start.line <= self._found.line <= place.end.line
        ):
            return updated_node
        target = updated_node.comparisons[0]
        text = cst.Module([]).code_for_node(original_node.left)
        if isinstance(target.operator, cst.Equal) and self._found.operator == "==":
            self.done = True
            rel = f", rel={_ROUNDING:g}" if self._found.rounding else ""
            near = cst.parse_expression(f'__import__("pytest").approx(0{rel})')
            assert isinstance(near, cst.Call)
            near = near.with_changes(
                args=[near.args[0].with_changes(value=target.comparator), *near.args[1:]]
            )
            return updated_node.with_changes(comparisons=[target.with_changes(comparator=near)])
        if isinstance(target.operator, cst.LessThan | cst.LessThanEqual) and _is_distance(text):
            self.done = True
            return updated_node.with_changes(
                comparisons=[target.with_changes(comparator=_times(target.comparator, self._found.slack))]
            )
        return updated_node


def _is_distance(text: str) -> bool:
    return bool(_DISTANCE.search(text)) or "-" in text


def _times(node: cst.BaseExpression, factor: float) -> cst.BaseExpression:
    simple = isinstance(node, cst.Name | cst.Float | cst.Integer | cst.Call | cst.Attribute | cst.Subscript)
    left = node if simple else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.BinaryOperation(
        left=left,
        operator=cst.Multiply(),
        right=cst.parse_expression(f"{factor:g}" if factor < 1e6 else f"{factor!r}"),
    )
