"""Measure how much a test asserts, and find the note in its docstring, from its source."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import libcst as cst

from triage.model.nodeid import file_of, names_within
from triage.model.strength import Strength
from triage.text.source_style import BYTE_ORDER_MARK

_ASSERTING = frozenset({"raises", "warns", "gradcheck", "gradgradcheck"})
"""Functions that assert for a test, beside those whose name begins with `assert`."""
_SKIPPING = frozenset({"skip", "skipif", "xfail", "skipTest", "importorskip", "expectedFailure"})
_TOLERANCES = frozenset(
    {
        "rel",
        "abs",
        "rtol",
        "atol",
        "rel_tol",
        "abs_tol",
        "places",
        "delta",
        "decimal",
        "significant",
        "eps",
        "tol",
    }
)
"""Keywords that say how far two numbers may be apart."""
_WAITING = frozenset({"sleep", "flaky", "rerun", "reruns", "retry", "retries", "tenacity", "backoff"})
_REFLEXIVE = (ast.Eq, ast.Is, ast.LtE, ast.GtE)
"""Comparisons that hold between a thing and itself."""
_NOTE = re.compile(r"\bnotes?\b", re.IGNORECASE)


def compare(pairs: Iterable[tuple[str | None, str | None]]) -> Strength:
    """The strength of test files given as (text before, text after)."""
    trees = [(_tree(before), _tree(after)) for before, after in pairs]
    before = Counter(_spelled(node) for tree, _ in trees for node in _assertions(tree))
    after = Counter(_spelled(node) for _, tree in trees for node in _assertions(tree))
    return Strength(
        before=before.total(),
        after=after.total(),
        changed=(before - after).total(),
        tautologies=_more(trees, _tautologies),
        skips=_more(trees, _skips),
        swallows=_more(trees, _swallows),
        loosened=sum(_loosened(before, after) for before, after in trees),
        waits=_more(trees, _waits),
    )


def without_other_tests(text: str | None, kept: Iterable[str]) -> str | None:
    """Return the source of a test file without the tests that are not named: helpers and fixtures stay.

    `kept` are names as in node ids, `Class::test`. A text that is no Python is returned as it is.
    """
    try:
        tree = ast.parse((text or "").removeprefix(BYTE_ORDER_MARK))
    except (SyntaxError, ValueError, RecursionError):
        return text
    tree.body = _without_tests(tree.body, "", frozenset(kept))
    return ast.unparse(tree)


def _without_tests(body: list[ast.stmt], prefix: str, kept: frozenset[str]) -> list[ast.stmt]:
    left = []
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            inner = _without_tests(statement.body, f"{prefix}{statement.name}::", kept)
            statement.body = inner or [ast.Pass()]
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            is_other_test = statement.name.startswith("test") and prefix + statement.name not in kept
            if is_other_test:
                continue
        left.append(statement)
    return left


def _more(trees: list[tuple[ast.AST, ast.AST]], count: Callable[[ast.AST], int]) -> int:
    return max(0, sum(count(after) - count(before) for before, after in trees))


def _assertions(tree: ast.AST) -> Iterator[ast.AST]:
    """Assert statements, and the calls that assert for a test."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name.startswith("assert") or name in _ASSERTING:
                yield node


def _spelled(node: ast.AST) -> str:
    return ast.unparse(node.test if isinstance(node, ast.Assert) else node)


def _tautologies(tree: ast.AST) -> int:
    return sum(isinstance(node, ast.Assert) and _always(node.test) for node in ast.walk(tree))


def _always(node: ast.expr) -> bool:
    """Whether an expression is true whatever the code under test does."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts)
    if isinstance(node, ast.BoolOp):
        several = any if isinstance(node.op, ast.Or) else all
        return several(_always(value) for value in node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return isinstance(node.operand, ast.Constant) and not node.operand.value
    if isinstance(node, ast.Compare) and all(isinstance(op, _REFLEXIVE) for op in node.ops):
        called = any(isinstance(inner, ast.Call) for inner in ast.walk(node))
        return not called and all(ast.dump(other) == ast.dump(node.left) for other in node.comparators)
    return False


def _skips(tree: ast.AST) -> int:
    names = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return sum(name in _SKIPPING for name in names)


def _loosened(before: ast.AST, after: ast.AST) -> int:
    """Assertions that are another one afterwards, and the same but for limits and tolerances."""
    had, have = (Counter(_spelled(node) for node in _assertions(tree)) for tree in (before, after))
    lost, new = had - have, have - had
    without_limits = Counter(_without_limits(text) for text in new.elements())
    return (Counter(_without_limits(text) for text in lost.elements()) & without_limits).total()


def _without_limits(text: str) -> str:
    """An assertion with every tolerance taken out, and every limit that a number may exceed."""
    tree = ast.parse(text, mode="eval")
    return ast.unparse(ast.fix_missing_locations(_Unlimited().visit(tree)))


class _Unlimited(ast.NodeTransformer):
    """Leave out what says how far two numbers may be apart."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if all(isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for operator in node.ops):
            return node.left
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = ast.unparse(node.func).rpartition(".")[2]
        if name == "approx" and node.args:
            return node.args[0]
        node.keywords = [keyword for keyword in node.keywords if keyword.arg not in _TOLERANCES]
        return node


def _waits(tree: ast.AST) -> int:
    """Calls that sleep, and marks and loops that try again."""
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            found += name in _WAITING
    return found


def _swallows(tree: ast.AST) -> int:
    """Handlers that do not raise again, and `suppress`."""
    found = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            found += not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
        elif isinstance(node, ast.Call):
            found += ast.unparse(node.func).rpartition(".")[2] == "suppress"
    return found


def _tree(text: str | None) -> ast.AST:
    try:
        return ast.parse((text or "").removeprefix(BYTE_ORDER_MARK))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def missing_note(root: Path, nodeid: str, words: Sequence[str]) -> str | None:
    """What is wrong with the docstring of a test; None where it has a note that names one of the words."""
    name, parts = file_of(nodeid), names_within(nodeid)
    path = root / name
    try:
        module = cst.parse_module(path.read_bytes())
    except OSError as error:
        return f"{name} cannot be read: {error.strerror}"
    except (cst.ParserSyntaxError, UnicodeDecodeError, RecursionError) as error:
        return f"{name} cannot be parsed: {str(error).splitlines()[0]}"
    function = _find(module, parts)
    if function is None:
        return f"{nodeid} is not in {name}"
    text = function.get_docstring() or ""
    if not text:
        return f"{nodeid} has no docstring"
    if not _NOTE.search(text):
        return f"the docstring of {nodeid} has no note"
    if not any(re.search(rf"\b{re.escape(word)}\b", text) for word in words):
        return f"the docstring of {nodeid} names none of {', '.join(words)}"
    return None


def _find(node: cst.Module | cst.ClassDef, parts: Sequence[str]) -> cst.FunctionDef | None:
    """The function that a node id names: classes, then the function, wherever conditions put them."""
    if not parts:
        return None
    for definition in _definitions(node):
        if definition.name.value != parts[0]:
            continue
        if isinstance(definition, cst.FunctionDef):
            return definition if len(parts) == 1 else None
        found = _find(definition, parts[1:])
        if found is not None:
            return found
    return None


def _definitions(node: cst.CSTNode) -> list[cst.ClassDef | cst.FunctionDef]:
    """Classes and functions in a body, those inside `if` and `try` included."""
    found: list[cst.ClassDef | cst.FunctionDef] = []
    for child in node.children:
        if isinstance(child, cst.ClassDef | cst.FunctionDef):
            found.append(child)
        else:
            found.extend(_definitions(child))
    return found
