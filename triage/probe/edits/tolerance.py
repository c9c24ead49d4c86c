"""Read a plain comparison of numbers from a failed assertion, and give it more slack in the source."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence

import libcst as cst
from libcst.metadata import PositionProvider

from triage.model.base import Value
from triage.model.failure import Failure
from triage.probe.edits.imports import with_import
from triage.probe.sources import wrapped
from triage.text.pattern import pattern

_NUMBER = r"""
    (?: np\.float64\( | tensor\( )?
    ( [-+]? (?: \d+\.?\d* | \.\d+ ) (?: [eE][-+]?\d+ )? )
    (?: ,[ ]dtype=[a-z.0-9]+ )? \)?
"""
_SHOWN_COMPARISON = pattern(
    rf"^assert [ ] {_NUMBER} [ ] (==|<=|<|>=|>) [ ] {_NUMBER} $",
    matches=[
        "assert 0.25 < 1e-06",
        "assert np.float64(0.1) == 0.2",
        "assert tensor(1.5, dtype=torch.float64) < 1",
    ],
    rejects=["assert x < 1", "assert 1 < 2 < 3"],
    flags=re.MULTILINE,
)
"""What pytest shows of an assertion whose two sides are numbers."""
_FLOAT = pattern(
    r"(?<! [\w.] ) \d+\.\d | (?<! [\w.] ) \d+e-\d",
    matches=["x == 0.5", "[1e-3]"],
    rejects=["x == 5", "version2.5"],
)
_DISTANCE = re.compile(r"abs|norm|diff|err|dist|delta|dev|resid|max|rel", re.IGNORECASE)
"""Words of expressions that are small where two results agree."""
_ROUNDING = 1e-9
"""Relative differences up to here are what the arithmetic of doubles explains."""
_NEARLY_EQUAL = 1e-6
_LARGEST_LIMIT = 1e-2
"""A larger number is no tolerance."""
_MARGIN = 1.01
"""What was measured is not quite what the next run measures."""
_WIDTH = 88
"""Columns of a line with a comment: what most formatters leave as it is."""
_ONE_POWER = 10.0
"""Slack is a power of ten: the next one above what is missed by."""


class Comparison(Value):
    """A comparison that failed, with the numbers that pytest showed."""

    path: str
    line: int
    left: float
    operator: str
    right: float
    slack: float
    """How many times as wide the limit has to be."""
    shown: str

    @property
    def limit(self) -> float:
        """The smaller of the two numbers: what the larger should have stayed below."""
        return 0.0 if self.operator == "==" else min(abs(self.left), abs(self.right))

    @property
    def measured(self) -> float:
        """The larger of the two numbers: how far apart the results were."""
        return max(abs(self.left), abs(self.right))

    @property
    def rounding(self) -> bool:
        """Whether the two sides differ by no more than arithmetic explains: a wrong result misses by more."""
        largest = max(abs(self.left), abs(self.right))
        if self.operator == "==":
            return abs(self.left - self.right) <= _ROUNDING * largest
        return largest <= _ROUNDING

    def near(self, most: float) -> bool:
        """Whether it missed by little: a few times a small limit, or the last digits of equal floats."""
        small, large = sorted((abs(self.left), abs(self.right)))
        if self.operator == "==":
            return large > 0 and 0 < abs(self.left - self.right) <= _NEARLY_EQUAL * large
        return small > 0 and large / small <= most and small <= _LARGEST_LIMIT


def comparisons(failure: Failure, frames: Sequence[tuple[str, int]]) -> Iterator[Comparison]:
    """What the assertion's message shows, at the innermost line of the author's."""
    if not frames:
        return
    path, line = frames[0]
    for match in _SHOWN_COMPARISON.finditer(failure.message):
        left, operator, right = float(match[1]), match[2], float(match[3])
        if left.is_integer() and right.is_integer() and "." not in match[0]:
            continue  # counts, not measurements
        shown = match[0].removeprefix("assert ")
        slack = _ONE_POWER if operator == "==" else _slack(left, right)
        yield Comparison(
            path=path, line=line, left=left, operator=operator, right=right, slack=slack, shown=shown
        )


def _power_above(value: float) -> float:
    """The next power of ten above a number, one per cent of it kept free."""
    return 10.0 ** math.ceil(math.log10(value * _MARGIN))


def _slack(left: float, right: float) -> float:
    smallest = 1e-300  # keeps the quotient finite
    ratio = max(abs(left), abs(right)) / max(min(abs(left), abs(right)), smallest)
    return 10.0 ** max(1, math.ceil(math.log10(ratio * _MARGIN)))


def equality(source: str, frames: Sequence[tuple[str, int]]) -> Comparison | None:
    """Floats compared with `==` at the line that failed, where the message shows no numbers."""
    if not frames:
        return None
    path, line = frames[0]
    lines = source.splitlines()
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    if "==" not in text or not _FLOAT.search(text):
        return None
    # The values are not known: taken as equal but for rounding, so that no more than that is allowed.
    return Comparison(
        path=path, line=line, left=1.0, operator="==", right=1.0 + 1e-12, slack=_ONE_POWER, shown=text
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


def with_measured_limit(source: str, found: Comparison) -> str | None:
    """The same as a person writes it: `pytest.approx`, or a limit that follows from the measured distance.

    A literal limit becomes the next power of ten above what was measured, which a comment says; another limit
    is multiplied. None where `loosened` gives none.
    """
    wrapper = wrapped(source)
    if wrapper is None:
        return None
    editor = _Loosen(found, is_measured=True)
    changed = wrapper.visit(editor)
    if not editor.done:
        return None
    if found.operator == "==":
        return with_import(changed, "pytest").code
    lines = changed.code.splitlines(keepends=True)
    line = lines[found.line - 1].rstrip("\n")
    comment = f"  # measured {found.measured:.2g}, so the next power of ten"
    if "#" not in line and len(line + comment) <= _WIDTH:
        lines[found.line - 1] = f"{line}{comment}\n"
    return "".join(lines)


class _Loosen(cst.CSTTransformer):
    """Rewrite `a == b` as `a == approx(b)`, and `distance < limit` as `distance < limit * slack`."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, found: Comparison, *, is_measured: bool = False) -> None:
        super().__init__()
        self._found = found
        self._is_measured = is_measured
        self.done = False

    def leave_Comparison(
        self, original_node: cst.Comparison, updated_node: cst.Comparison
    ) -> cst.BaseExpression:
        place = self.get_metadata(PositionProvider, original_node)
        spans_line = place.start.line <= self._found.line <= place.end.line
        if self.done or not spans_line or len(updated_node.comparisons) != 1:
            return updated_node
        (target,) = updated_node.comparisons
        if isinstance(target.operator, cst.Equal) and self._found.operator == "==":
            looser = self._approx(target.comparator)
        elif isinstance(target.operator, cst.LessThan | cst.LessThanEqual) and _is_distance(
            original_node.left
        ):
            looser = self._limit(target.comparator)
        else:
            return updated_node
        self.done = True
        return updated_node.with_changes(comparisons=[target.with_changes(comparator=looser)])

    def _limit(self, limit: cst.BaseExpression) -> cst.BaseExpression:
        if self._is_measured and isinstance(limit, cst.Float | cst.Integer):
            return cst.parse_expression(f"{_power_above(self._found.measured):g}")
        return _times(limit, self._found.slack)

    def _approx(self, expected: cst.BaseExpression) -> cst.BaseExpression:
        relative = f", rel={_ROUNDING:g}" if self._found.rounding else ""
        # where lines are compared with those of the failing run an import would move them
        pytest = "pytest" if self._is_measured else '__import__("pytest")'
        call = cst.parse_expression(f"{pytest}.approx(0{relative})")
        assert isinstance(call, cst.Call)
        first, *others = call.args
        return call.with_changes(args=[first.with_changes(value=expected), *others])


def _is_distance(node: cst.BaseExpression) -> bool:
    text = cst.Module([]).code_for_node(node)
    return "-" in text or _DISTANCE.search(text) is not None


def _times(node: cst.BaseExpression, factor: float) -> cst.BaseExpression:
    atom = cst.Name | cst.Float | cst.Integer | cst.Call | cst.Attribute | cst.Subscript
    if not isinstance(node, atom):
        node = node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    # `:g` would round a large factor to six digits.
    text = f"{factor:g}" if factor < 1e6 else f"{factor!r}"
    return cst.BinaryOperation(left=node, operator=cst.Multiply(), right=cst.parse_expression(text))
