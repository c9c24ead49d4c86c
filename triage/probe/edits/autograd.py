"""Edits of one line: a graph put together again, a root kept from zero, a number that gives a signal."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from triage.probe.sources import tree_of

Edit = tuple[str, str]
"""What was done, and the whole text with it."""
_DROPPED = frozenset(
    [
        "detach",
        "item",
        "cpu",
        "numpy",
        "tolist",
        "detach_",
        "long",
        "int",
        "short",
        "round",
        "floor",
        "ceil",
        "trunc",
        "sign",
        "requires_grad_",
    ]
)
_WRAPPERS = frozenset(
    [
        "tensor",
        "as_tensor",
        "from_numpy",
        "float",
        "int",
        "asarray",
        "array",
        "FloatTensor",
        "DoubleTensor",
        "round",
        "floor",
        "ceil",
        "trunc",
        "sign",
    ]
)
_ROOTS = frozenset(
    [
        "exp",
        "expm1",
        "sinh",
        "cosh",
        "sqrt",
        "rsqrt",
        "log",
        "log2",
        "log10",
        "norm",
        "reciprocal",
        "div",
        "true_divide",
        "pow",
        "acos",
        "asin",
        "atan2",
        "acosh",
        "vector_norm",
        "normalize",
        "__truediv__",
        "__pow__",
        "rdiv",
        "cosine_similarity",
        "__rtruediv__",
        "xlogy",
        "logit",
        "std",
        "arccos",
        "arcsin",
    ]
)
_EPSILON = "1e-12"


def reconnected(source: str, line: int, op: str) -> Iterator[Edit]:
    """Without what breaks the graph at this line: conversions, `detach`, `.data`, a `no_grad` around it."""
    yield from _edited(source, _Reconnect(line), f"{op} taken out")
    first, last = _function_around(source, line)
    if last > first:
        yield from _edited(
            source, _Reconnect(first, last), f"{op} and its like in the whole function taken out"
        )
    yield from _edited(source, _EnableGrad(line), "no_grad taken away")


def guarded(source: str, line: int, op: str) -> Iterator[Edit]:
    """With arguments kept away from where the derivative of a root, logarithm or quotient is not finite."""
    yield from _edited(source, _Guard(line), f"{_EPSILON} added inside {op}")
    first, last = _function_around(source, line)
    if last > first:
        yield from _edited(source, _Guard(first, last), f"{_EPSILON} added to the whole function's roots")
    yield from _edited(source, _Guard(line, clamp=True), f"{op} clamped")


def livened(source: str, nodeid: str) -> Iterator[tuple[int, str, str, str]]:
    """Each number of the test's own code changed: line, old, new, whole text. Zeros first, then negatives."""
    function = nodeid.partition("[")[0].rpartition("::")[2]
    tree = tree_of(source)
    if tree is None:
        return
    found: list[tuple[int, ast.AST, float, str, Sequence[str]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.name == function or _is_fixture(node)):
            found += list(_numbers(node))
    lines = source.splitlines(keepends=True)
    for _, place, _, old, replacements in sorted(
        found, key=lambda entry: (entry[2] != 0, entry[2] > 0, entry[0])
    ):
        for new in replacements:
            yield place.lineno, old, new, _replaced(lines, place, new)  # type: ignore[attr-defined]


def _is_fixture(node: ast.FunctionDef) -> bool:
    return any("fixture" in ast.dump(decorator) for decorator in node.decorator_list)


def _numbers(function: ast.FunctionDef) -> Iterator[tuple[int, ast.AST, float, str, Sequence[str]]]:
    """Numbers outside of assertions: those are the test's demands, not its input. `zeros` counts as one."""
    demands = {
        id(inner) for node in ast.walk(function) if isinstance(node, ast.Assert) for inner in ast.walk(node)
    }
    for number, node in enumerate(ast.walk(function)):
        if id(node) in demands:
            continue
        if (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
        ):
            value = node.operand.value
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield number, node, -float(value), ast.unparse(node), (repr(value), repr(value / 100))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, int | float)
            and not isinstance(node.value, bool)
        ):
            value = float(node.value)
            new: Sequence[str] = ("1.0", "0.5") if value == 0 else (repr(node.value / 100), repr(-node.value))
            if isinstance(node.value, int):
                new = ("1",) if value == 0 else ()
            yield number, node, value, ast.unparse(node), new
        elif isinstance(node, ast.Attribute) and node.attr in ("zeros", "zeros_like"):
            yield number, node, 0.0, ast.unparse(node), (ast.unparse(node).replace("zeros", "ones"),)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield number, node, 0.5, repr(node.value), (repr(not node.value),)


def _replaced(lines: Sequence[str], node: Any, new: str) -> str:
    if node.lineno != node.end_lineno:
        return "".join(lines)
    line = lines[node.lineno - 1].encode()
    edited = line[: node.col_offset] + new.encode() + line[node.end_col_offset :]
    return "".join((*lines[: node.lineno - 1], edited.decode(), *lines[node.lineno :]))


def _edited(source: str, editor: Any, title: str) -> Iterator[Edit]:
    try:
        wrapper = MetadataWrapper(cst.parse_module(source))
        changed = wrapper.visit(editor).code
        ast.parse(changed)
    except (
        cst.ParserSyntaxError,
        SyntaxError,
        ValueError,
        TypeError,
        RecursionError,
        cst.CSTValidationError,
    ):
        return
    if changed != source:
        yield title, changed


class _AtLine(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, line: int, last: int | None = None) -> None:
        super().__init__()
        self._first, self._last = line, line if last is None else last

    def _here(self, node: cst.CSTNode) -> bool:
        place = self.get_metadata(PositionProvider, node)
        return bool(place.start.line <= self._last and place.end.line >= self._first)


def _function_around(source: str, line: int) -> tuple[int, int]:
    """First and last line of the innermost function around a line; the line itself where there is none."""
    tree = tree_of(source)
    if tree is None:
        return line, line
    spans = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    around = [span for span in spans if span[0] <= line <= span[1]]
    return min(around, key=lambda span: span[1] - span[0], default=(line, line))


def _parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    simple = cst.Name | cst.Call | cst.Attribute | cst.Subscript | cst.Integer | cst.Float
    if isinstance(node, simple) or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _unwrapped(node: cst.BaseExpression) -> cst.BaseExpression:
    """What a conversion was given; a list of tensors is stacked: a conversion would lose the graph."""
    if isinstance(node, cst.List | cst.Tuple | cst.ListComp):
        call = cst.parse_expression("torch.stack(0)")
        assert isinstance(call, cst.Call)
        return call.with_changes(args=[cst.Arg(node)])
    return _parenthesised(node)


class _Reconnect(_AtLine):
    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if not self._here(original_node):
            return updated_node
        function = updated_node.func
        if isinstance(function, cst.Attribute):
            name, owner = function.attr.value, function.value
            module = isinstance(owner, cst.Name) and owner.value in ("torch", "np", "numpy", "math")
            if name in _DROPPED and not module:
                return _parenthesised(owner)
            if module and name in _WRAPPERS and updated_node.args:
                return _unwrapped(updated_node.args[0].value)
            if module and isinstance(owner, cst.Name) and owner.value in ("np", "numpy", "math"):
                return updated_node.with_changes(func=function.with_changes(value=cst.Name("torch")))
        elif (
            isinstance(function, cst.Name)
            and function.value in ("float", "int", "round")
            and updated_node.args
        ):
            return _parenthesised(updated_node.args[0].value)
        return updated_node

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        if self._here(original_node) and updated_node.attr.value == "data":
            return updated_node.value
        return updated_node


class _EnableGrad(_AtLine):
    """`no_grad` and `inference_mode` around the line, as a block or as a decorator."""

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> cst.With:
        if not self._here(original_node):
            return updated_node
        items = [item.with_changes(item=_enabling(item.item)) for item in updated_node.items]
        return updated_node.with_changes(items=items)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if not self._here(original_node):
            return updated_node
        kept = [
            d for d in updated_node.decorators if _name_of(d.decorator) not in ("no_grad", "inference_mode")
        ]
        return updated_node.with_changes(decorators=kept)


def _enabling(node: cst.BaseExpression) -> cst.BaseExpression:
    name = _name_of(node)
    if name in ("no_grad", "inference_mode"):
        return cst.parse_expression("torch.enable_grad()")
    if name == "set_grad_enabled":
        return cst.parse_expression("torch.set_grad_enabled(True)")
    return node


def _name_of(node: cst.BaseExpression) -> str:
    target = node.func if isinstance(node, cst.Call) else node
    if isinstance(target, cst.Attribute):
        return target.attr.value
    return target.value if isinstance(target, cst.Name) else ""


class _Guard(_AtLine):
    def __init__(self, line: int, last: int | None = None, *, clamp: bool = False) -> None:
        super().__init__(line, last)
        self._clamp = clamp

    def _kept_away(self, node: cst.BaseExpression, name: str) -> cst.BaseExpression:
        if name in ("acos", "asin", "arccos", "arcsin", "logit"):
            scaled = cst.parse_expression("(0) * (1 - 1e-7)")
            assert isinstance(scaled, cst.BinaryOperation)
            return scaled.with_changes(left=_parenthesised(node))
        if name in ("exp", "expm1", "sinh", "cosh"):
            call = cst.parse_expression("(0).clamp(max=80.0)")
            assert isinstance(call, cst.Call)
            assert isinstance(call.func, cst.Attribute)
            return call.with_changes(func=call.func.with_changes(value=_parenthesised(node)))
        if self._clamp:
            call = cst.parse_expression(f"(0).clamp(min={_EPSILON})")
            assert isinstance(call, cst.Call)
            assert isinstance(call.func, cst.Attribute)
            return call.with_changes(func=call.func.with_changes(value=_parenthesised(node)))
        added = cst.parse_expression(f"(0 + {_EPSILON})")
        assert isinstance(added, cst.BinaryOperation)
        return added.with_changes(left=_parenthesised(node))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        name = _name_of(updated_node)
        if not self._here(original_node) or name not in _ROOTS:
            return updated_node
        function = updated_node.func
        module = isinstance(function, cst.Attribute) and _is_module(function.value)
        if isinstance(function, cst.Attribute) and not module:
            changed = self._kept_away(function.value, name)
            return updated_node.with_changes(func=function.with_changes(value=_parenthesised(changed)))
        if updated_node.args:
            number = 1 if name in ("div", "true_divide", "atan2") and len(updated_node.args) > 1 else 0
            args = list(updated_node.args)
            args[number] = args[number].with_changes(value=self._kept_away(args[number].value, name))
            return updated_node.with_changes(args=args)
        return updated_node

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        if not self._here(original_node):
            return updated_node
        if isinstance(updated_node.operator, cst.Divide):
            return updated_node.with_changes(right=self._kept_away(updated_node.right, "div"))
        if isinstance(updated_node.operator, cst.Power):
            return updated_node.with_changes(left=self._kept_away(updated_node.left, "pow"))
        return updated_node


def _is_module(node: cst.BaseExpression) -> bool:
    text = cst.Module([]).code_for_node(node)
    return text in (
        "torch",
        "torch.linalg",
        "np",
        "numpy",
        "math",
        "F",
        "torch.nn.functional",
        "torch.special",
    )
