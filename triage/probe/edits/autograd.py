"""Edit one line, or one function, of code with gradients: reconnect a graph, or keep a root from zero."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from triage.probe.sources import tree_of

Edit = tuple[str, str]
"""What was done, and the whole text with it."""

_DROPPED_METHODS = frozenset(
    {
        "detach", "detach_", "item", "tolist", "cpu", "numpy", "requires_grad_", "long", "int", "short",
        "round", "floor", "ceil", "trunc", "sign",
    }
)  # fmt: skip
"""Methods of a tensor after which there is no graph, or one whose gradient is zero: `x.detach()` to `x`."""
_DROPPED_FUNCTIONS = frozenset(
    {
        "tensor", "as_tensor", "from_numpy", "asarray", "array", "FloatTensor", "DoubleTensor", "float",
        "int", "round", "floor", "ceil", "trunc", "sign",
    }
)  # fmt: skip
"""Functions of torch or numpy that copy a value without its graph: `torch.tensor(x)` to `x`."""
_DROPPED_BUILTINS = ("float", "int", "round")
_NUMERIC_MODULES = ("np", "numpy", "math")
_GRAD_DISABLING = ("no_grad", "inference_mode")

_UNSAFE_FUNCTIONS = frozenset(
    {
        "sqrt", "rsqrt", "norm", "vector_norm", "normalize", "std", "cosine_similarity", "pow", "__pow__",
        "reciprocal", "div", "true_divide", "__truediv__", "rdiv", "__rtruediv__", "log", "log2", "log10",
        "logit", "xlogy", "exp", "expm1", "sinh", "cosh", "acosh", "acos", "asin", "arccos", "arcsin",
        "atan2",
    }
)  # fmt: skip
"""Functions whose derivative is not finite somewhere: at zero, at one, or where they overflow."""
_UNSAFE_AT_ONE = ("acos", "asin", "arccos", "arcsin", "logit")
_OVERFLOWING = ("exp", "expm1", "sinh", "cosh")
_DIVISIONS = ("div", "true_divide", "atan2")
"""Functions of which the second argument must not be zero."""
_MODULES = ("torch", "torch.linalg", "torch.special", "torch.nn.functional", "F", "np", "numpy", "math")
"""What stands before the dot of a function; anything else is the tensor of a method."""
_EPSILON = "1e-12"
"""Far below what a float32 keeps beside one, and far above its smallest number."""
_BELOW_ONE = "1 - 1e-7"
_LARGEST_EXPONENT = "80.0"
"""exp(89) is beyond a float32."""


def reconnected(source: str, line: int, op: str) -> Iterator[Edit]:
    """Remove what breaks the graph at this line: conversions, `detach`, `.data`, a `no_grad` around it."""
    yield from _edited(source, _Reconnect(line, line), f"{op} taken out")
    first, last = _function_around(source, line)
    if last > first:
        title = f"{op} and its like in the whole function taken out"
        yield from _edited(source, _Reconnect(first, last), title)
    yield from _edited(source, _EnableGrad(line, line), "no_grad taken away")


def guarded(source: str, line: int, op: str) -> Iterator[Edit]:
    """Keep arguments away from where the derivative of a root, logarithm or quotient is not finite."""
    yield from _edited(source, _Guard(line, line), f"{_EPSILON} added inside {op}")
    first, last = _function_around(source, line)
    if last > first:
        yield from _edited(source, _Guard(first, last), f"{_EPSILON} added to the whole function's roots")
    yield from _edited(source, _Guard(line, line, clamp=True), f"{op} clamped")


def _edited(source: str, editor: _InLines, title: str) -> Iterator[Edit]:
    """The edit, where it changes something and the result is Python."""
    try:
        changed = MetadataWrapper(cst.parse_module(source)).visit(editor).code
        ast.parse(changed)
    except (cst.ParserSyntaxError, cst.CSTValidationError):
        return
    except (SyntaxError, ValueError, TypeError, RecursionError):
        return
    if changed != source:
        yield title, changed


def _function_around(source: str, line: int) -> tuple[int, int]:
    """First and last line of the innermost function around a line; the line itself where there is none."""
    tree = tree_of(source)
    if tree is None:
        return line, line
    around: list[tuple[int, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            if node.lineno <= line <= last:
                around.append((node.lineno, last))
    return min(around, key=lambda span: span[1] - span[0], default=(line, line))


class _InLines(cst.CSTTransformer):
    """Base of the editors: what lies in the lines from `first` to `last` is edited."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self._first, self._last = first, last

    def _is_inside(self, node: cst.CSTNode) -> bool:
        place = self.get_metadata(PositionProvider, node)
        return bool(place.start.line <= self._last and place.end.line >= self._first)


class _Reconnect(_InLines):
    """Replace conversions that lose the graph by what they were given."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if not self._is_inside(original_node):
            return updated_node
        function = updated_node.func
        if isinstance(function, cst.Name) and function.value in _DROPPED_BUILTINS and updated_node.args:
            return _parenthesised(updated_node.args[0].value)
        if not isinstance(function, cst.Attribute):
            return updated_node
        name, owner = function.attr.value, function.value
        module = owner.value if isinstance(owner, cst.Name) else ""
        if module != "torch" and module not in _NUMERIC_MODULES:
            return _parenthesised(owner) if name in _DROPPED_METHODS else updated_node
        if name in _DROPPED_FUNCTIONS and updated_node.args:
            return _first_argument(updated_node)
        if module in _NUMERIC_MODULES:
            # math.sqrt(x) and numpy.sqrt(x) leave the graph; torch.sqrt(x) stays in it.
            return updated_node.with_changes(func=function.with_changes(value=cst.Name("torch")))
        return updated_node

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        if self._is_inside(original_node) and updated_node.attr.value == "data":
            return updated_node.value
        return updated_node


def _first_argument(call: cst.Call) -> cst.BaseExpression:
    """What a conversion was given; a list of tensors is stacked, for a conversion would lose the graph."""
    argument = call.args[0].value
    if isinstance(argument, cst.List | cst.Tuple | cst.ListComp):
        return cst.Call(func=_dotted("torch", "stack"), args=[cst.Arg(argument)])
    return _parenthesised(argument)


class _EnableGrad(_InLines):
    """Take away `no_grad` and `inference_mode` around the line, as a block or as a decorator."""

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> cst.With:
        if not self._is_inside(original_node):
            return updated_node
        items = [item.with_changes(item=_enabling(item.item)) for item in updated_node.items]
        return updated_node.with_changes(items=items)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if not self._is_inside(original_node):
            return updated_node
        kept = [d for d in updated_node.decorators if _last_name(d.decorator) not in _GRAD_DISABLING]
        return updated_node.with_changes(decorators=kept)


def _enabling(context: cst.BaseExpression) -> cst.BaseExpression:
    name = _last_name(context)
    if name in _GRAD_DISABLING:
        return cst.parse_expression("torch.enable_grad()")
    if name == "set_grad_enabled":
        return cst.parse_expression("torch.set_grad_enabled(True)")
    return context


class _Guard(_InLines):
    """Move the arguments of unsafe functions, divisors and bases of powers away from the unsafe point."""

    def __init__(self, first: int, last: int, *, clamp: bool = False) -> None:
        super().__init__(first, last)
        self._clamp = clamp

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        name = _last_name(updated_node)
        if name not in _UNSAFE_FUNCTIONS or not self._is_inside(original_node):
            return updated_node
        function = updated_node.func
        if isinstance(function, cst.Attribute) and not _is_module(function.value):
            owner = _parenthesised(self._moved_away(function.value, name))
            return updated_node.with_changes(func=function.with_changes(value=owner))
        if not updated_node.args:
            return updated_node
        arguments = list(updated_node.args)
        unsafe = 1 if name in _DIVISIONS and len(arguments) > 1 else 0
        moved = self._moved_away(arguments[unsafe].value, name)
        arguments[unsafe] = arguments[unsafe].with_changes(value=moved)
        return updated_node.with_changes(args=arguments)

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        if not self._is_inside(original_node):
            return updated_node
        if isinstance(updated_node.operator, cst.Divide):
            return updated_node.with_changes(right=self._moved_away(updated_node.right, "div"))
        if isinstance(updated_node.operator, cst.Power):
            return updated_node.with_changes(left=self._moved_away(updated_node.left, "pow"))
        return updated_node

    def _moved_away(self, argument: cst.BaseExpression, function: str) -> cst.BaseExpression:
        """The argument, away from where the derivative of the function is not finite."""
        if function in _UNSAFE_AT_ONE:
            return _operation(argument, cst.Multiply(), f"({_BELOW_ONE})")
        if function in _OVERFLOWING:
            return _clamped(argument, "max", _LARGEST_EXPONENT)
        if self._clamp:
            return _clamped(argument, "min", _EPSILON)
        added = _operation(argument, cst.Add(), _EPSILON)
        return added.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _operation(left: cst.BaseExpression, operator: cst.BaseBinaryOp, right: str) -> cst.BinaryOperation:
    return cst.BinaryOperation(
        left=_parenthesised(left), operator=operator, right=cst.parse_expression(right)
    )


def _clamped(argument: cst.BaseExpression, keyword: str, limit: str) -> cst.Call:
    """`argument.clamp(keyword=limit)`"""
    bound = cst.Arg(
        keyword=cst.Name(keyword),
        value=cst.parse_expression(limit),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    method = cst.Attribute(value=_parenthesised(argument), attr=cst.Name("clamp"))
    return cst.Call(func=method, args=[bound])


def _dotted(owner: str, name: str) -> cst.Attribute:
    return cst.Attribute(value=cst.Name(owner), attr=cst.Name(name))


def _parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression in parentheses, unless it binds tighter than any operator."""
    atom = cst.Name | cst.Call | cst.Attribute | cst.Subscript | cst.Integer | cst.Float
    if isinstance(node, atom) or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _last_name(node: cst.BaseExpression) -> str:
    """The name after the last dot of a function or of a call of it; empty for other expressions."""
    target = node.func if isinstance(node, cst.Call) else node
    if isinstance(target, cst.Attribute):
        return target.attr.value
    return target.value if isinstance(target, cst.Name) else ""


def _is_module(node: cst.BaseExpression) -> bool:
    return cst.Module([]).code_for_node(node) in _MODULES
