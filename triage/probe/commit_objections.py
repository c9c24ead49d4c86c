"""Say what speaks against a change of the code as the cause: it may only have uncovered an older fault.

A bisection shows since when a test fails. The fault lies in the change only where the change itself computes
what is wrong. Three things speak against that: the change made the tests ask for more, it took away something
that the product copes without, or it only decides (by a value, a name, a file, a line taken out) which older
lines of the product run.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from triage.lab.protocol import Answer, Experiment, Step
from triage.model.failure import is_test
from triage.probe.api import Case, look
from triage.probe.reverts import CHANGES
from triage.probe.sources import tree_of
from triage.probe.symptoms import message_of
from triage.text.hunks import ChangedText
from triage.text.pattern import pattern

_WORD = re.compile(r"[A-Za-z_][\w-]{2,}")
"""What an error may name of lines that were taken out."""
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_PATIENCE = pattern(
    r"""
    (?: seed | retr(?:y|ies) | tries | attempts | timeout | sleep | delay | pause | patience | wait
      | tol(?:erance)? | atol | rtol | eps(?:ilon)? )
    [\w"' ]* [=:(] [ ]* [-+.\d]
    """,
    matches=["SEED = 7", "retries: 3", "time.sleep(0.1)", "atol=1e-6", '"max_attempts": 5'],
    rejects=["rate = 0.19", "total(3)"],
    flags=re.IGNORECASE,
)
"""Numbers whose change is no repair and no fault."""
_DATA = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".csv", ".tsv", ".txt", ".xml", ".env")
"""Files that the product reads; what ends otherwise (a template, a query) is code of it."""
_ASSERTS = frozenset({"AssertionError", "Failed"})
"""Errors that tests raise: they tell that a value is wrong, and not what the product lacks."""

_Objections = Generator[tuple[Step, ...], tuple[Answer, ...], dict[str, Any]]


def objections_to_change(
    case: Case, between: str, proof: Experiment, taken_back: Mapping[str, str | None]
) -> _Objections:
    """Fields of a finding (`against`, `beside`) for a change that a confirmed experiment names.

    `between` is its key among the case's differences, `taken_back` today's files with the fewest of its hunks
    taken back, with which the subject was seen to pass; empty where that is not known.
    """
    against: list[str] = []
    if not case.flaky and (yield from _fails_before_with_todays_tests(case, between, proof)):
        against.append("with today's tests it fails before that change too, so the tests ask for more since")
    for path, before in taken_back.items():
        objection = _to_data(path, before, case.source(path))
        if objection and not _error_names(case, path, before):
            against.append(objection)
        against += _to_patience(path, before, case.source(path))
    chooses = bool(taken_back) and all(
        only_chooses(path, before, case.source(path), may_remove=_is_assertion(case))
        for path, before in taken_back.items()
    )
    beside = case.base.plus(edits=dict(taken_back)) if chooses and not case.flaky else None
    return {"against": tuple(against), "beside": beside}


def _fails_before_with_todays_tests(
    case: Case, between: str, proof: Experiment
) -> Generator[tuple[Step, ...], tuple[Answer, ...], bool]:
    """Whether the product as it was before fails the tests that the change left, with the same message."""
    changes: Mapping[str, Sequence[ChangedText]] = case.facts.get(CHANGES, {})
    changed = changes.get(between, ())
    tests = {each.path: each.after for each in changed if is_test(each.path)}
    if not tests:
        return False
    setup = proof.treated.plus(nodeids=proof.baseline.nodeids, edits={**proof.treated.edits, **tests})
    (run,) = yield from look(setup, why="the product before the change, with the tests behind it")
    failure = run.failures.get(setup.nodeids[-1])
    if failure is None or failure.exception != case.failure.exception:
        return False
    # another message: what the change did to the product matters too
    return failure.message == case.failure.message or len(tests) == len(changed)


def only_chooses(path: str, before: str | None, after: str | None, *, may_remove: bool) -> bool:
    """Whether a change gives the product other values, names or data, and adds no code to it.

    Then what runs since is older than the change. With `may_remove` that includes lines taken out.
    `before` and `after` are the texts of a file; None where there is none.
    """
    if path.endswith(_DATA):
        return True
    if not path.endswith(".py"):
        return False
    if before is None or after is None:
        return False
    old, new = tree_of(before), tree_of(after)
    if old is None or new is None:
        return False
    return _shape(old) == _shape(new) or (may_remove and _only_removes(before, after))


def _only_removes(before: str, after: str) -> bool:
    """Whether the later text is the earlier one without some of its lines."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return {kind for kind, *_ in matcher.get_opcodes()} == {"equal", "delete"}


def _shape(tree: ast.AST) -> str:
    """The code without what chooses among ways that are there.

    That is constants, names, keywords with a constant, imports, decorators, and statements that only call.
    What decides a branch (a comparison, the test of an `if`) is code: there a constant is a limit, no switch.
    """
    return ast.dump(_Blank().visit(tree))


class _Blank(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(value=0)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        operand = self.visit(node.operand)
        return operand if isinstance(operand, ast.Constant) else ast.UnaryOp(op=node.op, operand=operand)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(id="name", ctx=node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Attribute(value=self.visit(node.value), attr="name", ctx=node.ctx)

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Call) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = []
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        test = ast.Constant(value=0) if isinstance(node.test, ast.Constant) else node.test
        body, orelse = (
            [made for each in block if (made := self.visit(each)) is not None]
            for block in (node.body, node.orelse)
        )
        return ast.If(test=test, body=body, orelse=orelse)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        kept = [each for each in node.keywords if not isinstance(each.value, ast.Constant)]
        return self.generic_visit(ast.Call(func=node.func, args=node.args, keywords=kept))


def _to_data(path: str, before: str | None, after: str | None) -> str:
    """What speaks against a change of data as the cause, as a clause; empty for a change of numbers alone.

    Another number in its place is a wrong number. What has another form may be right, and the product wrong
    that does not take it.
    """
    if not path.endswith(_DATA) or before is None:
        return ""
    if after is None or _only_removes(before, after):
        return f"what the change took out of {path} is nothing that the product asks for"
    if _NUMBER.sub("0", before) == _NUMBER.sub("0", after):
        return ""
    return f"what the change put into {path} may be right, and the product has to take it"


def _to_patience(path: str, before: str | None, after: str | None) -> list[str]:
    """That only a seed, or a number of tries, seconds or slack was changed; nothing where anything else was.

    Another seed is another input; more tries, time or slack hide a fault and never mend it.
    """
    if before is None or after is None:
        return []
    old, new = before.splitlines(), after.splitlines()
    changed = [line for line in new if line not in set(old)]
    alike = _NUMBER.sub("0", before) == _NUMBER.sub("0", after)
    if not alike or not changed or not all(_PATIENCE.search(line) for line in changed):
        return []
    return [f"the change gave {path} only another seed, or another number of tries, seconds or slack"]


def _error_names(case: Case, path: str, before: str | None) -> bool:
    """Whether the failure is an error of the product that names the file, or a word of its missing lines."""
    if _is_assertion(case):
        return False
    said = message_of(case)
    if path in said or path.rpartition("/")[2] in said:
        return True
    named = set(_WORD.findall(case.failure.message))
    return any(word in named for word in _words_taken_out(before or "", case.source(path) or ""))


def _is_assertion(case: Case) -> bool:
    """Whether a value is wrong; any other error may be that a guard was taken out, which is a cause."""
    return case.failure.exception.rpartition(".")[2] in _ASSERTS


def _words_taken_out(before: str, after: str) -> Iterator[str]:
    left = set(after.splitlines())
    for line in before.splitlines():
        if line not in left:
            yield from _WORD.findall(line)


def lines_added(path: str, edits: Mapping[str, str | None], source: str | None) -> frozenset[int]:
    """Lines of today's file that the edits take out or replace: the change's own, and no older code."""
    if path not in edits:
        return frozenset()
    old, new = (source or "").splitlines(), (edits[path] or "").splitlines()
    own: set[int] = set()
    for kind, start, end, *_ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind in ("delete", "replace"):
            own.update(range(start + 1, end + 1))
    return frozenset(own)
