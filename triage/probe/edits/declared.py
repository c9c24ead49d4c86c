"""Declare in the suite what a test needs of its surroundings: a variable, a time zone, a working directory.

One test declares it for itself with `monkeypatch`; a `conftest.py` declares it for every test beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import libcst as cst

from triage.model.nodeid import file_of, names_within
from triage.probe.edits.conftest import with_fixture_at_end
from triage.probe.edits.imports import with_import
from triage.probe.edits.one_test import OneTestEditor
from triage.probe.sources import module_of

_MONKEYPATCH = "monkeypatch"
_FIXTURE = '''
@pytest.fixture(autouse=True)
def {name}(monkeypatch):
    """{docstring}"""
    {call}
'''
_ZONE_FIXTURE = '''
@pytest.fixture(autouse=True)
def time_zone(monkeypatch):
    """Run every test here in the time zone {zone}, wherever that is."""
    monkeypatch.setenv("TZ", "{zone}")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
'''


def in_test(source: str, nodeid: str, call: str, *imports: str) -> str | None:
    """The source where a test begins with this call; None where it calls a fixture and the test takes none.

    A method of a class with a base takes none: the base may be `TestCase`.
    """
    module = module_of(source)
    names = names_within(nodeid)
    if module is None or not names:
        return None
    editor = _Beginning(names, call)
    edited = module.visit(editor)
    if not editor.done:
        return None
    for name in imports:
        edited = with_import(edited, name)
    return edited.code


def variable_call(name: str, value: str | None) -> str:
    """How `monkeypatch` gives a variable this value; None takes it away."""
    if value is None:
        return f"monkeypatch.delenv({quoted(name)}, raising=False)"
    return f"monkeypatch.setenv({quoted(name)}, {quoted(value)})"


def variable_in_conftest(conftest: str, name: str, value: str | None) -> str | None:
    """The text of a `conftest.py` with a fixture that gives every test beside it this value."""
    what = f"without {name}" if value is None else f"with {name}={value}"
    fixture = re.sub(r"\W+", "_", name).strip("_").lower()
    if re.search(rf"\bdef {fixture}\b", conftest) or not fixture.isidentifier():
        return None
    docstring = f"Run every test here {what}, whatever the machine has."
    text = _FIXTURE.format(name=fixture, docstring=docstring, call=variable_call(name, value))
    return with_fixture_at_end(conftest, text, "pytest")


def variable_at_import(conftest: str, name: str, value: str | None) -> str | None:
    """The text of a `conftest.py` that sets the variable before any module of the suite reads it."""
    module = module_of(conftest)
    if module is None:
        return None
    line = f"os.environ.pop({quoted(name)}, None)"
    if value is not None:
        line = f"os.environ[{quoted(name)}] = {quoted(value)}"
    text = f"# read while modules are imported, before any fixture runs\n{line}\n"
    first = next(
        (at for at, part in enumerate(module.body) if not _is_import_or_text(part)), len(module.body)
    )
    statement = cst.parse_module(text).body[0]
    assert isinstance(statement, cst.SimpleStatementLine)
    comment = cst.EmptyLine(indent=False, comment=cst.Comment(text.splitlines()[0]))
    spaced = statement.with_changes(leading_lines=[cst.EmptyLine(indent=False), comment])
    body = [*module.body[:first], spaced, *module.body[first:]]
    return with_import(module.with_changes(header=module.header, body=body), "os").code.lstrip("\n")


def variable_in_unittest(source: str, nodeid: str, name: str, value: str) -> str | None:
    """The source where a method of a `TestCase` has the variable by a decorator of `unittest.mock`.

    None of a test that can take `monkeypatch`, which is plainer.
    """
    module = module_of(source)
    names = names_within(nodeid)
    if module is None or len(names) < 2:
        return None
    call = f"unittest.mock.patch.dict(os.environ, {{{quoted(name)}: {quoted(value)}}})"
    editor = _OfTestCase(names, call)
    edited = module.visit(editor)
    if not editor.done:
        return None
    for needed in ("os", "unittest.mock"):
        edited = with_import(edited, needed)
    return edited.code


def zone_in_conftest(conftest: str, zone: str) -> str | None:
    """The text of a `conftest.py` with a fixture that runs every test beside it in this time zone."""
    if "def time_zone" in conftest:
        return None
    return with_fixture_at_end(conftest, _ZONE_FIXTURE.format(zone=zone), "time", "pytest")


def in_folder(source: str, nodeid: str, folder: str) -> str | None:
    """The source where a test goes to a folder of the suite first; None where it can take no fixture."""
    has_path = re.search(r"^from pathlib import .*\bPath\b", source, re.MULTILINE) is not None
    here = "Path(__file__)" if has_path else "pathlib.Path(__file__)"
    file = file_of(nodeid)
    root = f"{here}.parents[{file.count('/')}]"
    if folder == file.rpartition("/")[0]:
        target = f"{here}.parent"
    else:
        target = root if folder in ("", ".") else f"{root} / {quoted(folder)}"
    imports = () if has_path else ("pathlib",)
    return in_test(source, nodeid, f"monkeypatch.chdir({target})", *imports)


class _Beginning(OneTestEditor):
    """Puts one call at the beginning of a test, which takes `monkeypatch` where the call is one of its."""

    def __init__(self, names: Sequence[str], call: str) -> None:
        super().__init__(names)
        self._call = call
        self._needs_monkeypatch = call.startswith(f"{_MONKEYPATCH}.")
        self.done = False

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        body = function.body
        if self._is_of_derived_class and self._needs_monkeypatch:
            return function
        if not isinstance(body, cst.IndentedBlock):
            return function
        self.done = True
        place = 1 if function.get_docstring() is not None else 0
        statement = cst.parse_statement(f"{self._call}\n")
        body = body.with_changes(body=[*body.body[:place], statement, *body.body[place:]])
        params = function.params
        taken = {param.name.value for param in (*params.params, *params.kwonly_params)}
        if self._needs_monkeypatch and _MONKEYPATCH not in taken:
            params = params.with_changes(params=[*params.params, cst.Param(cst.Name(_MONKEYPATCH))])
        return function.with_changes(params=params, body=body)


class _OfTestCase(OneTestEditor):
    """Decorates a method of a class that has a base."""

    def __init__(self, names: Sequence[str], call: str) -> None:
        super().__init__(names)
        self._decorator = cst.Decorator(cst.parse_expression(call))
        self.done = False

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        if not self._is_of_derived_class:
            return function
        self.done = True
        return function.with_changes(decorators=[self._decorator, *function.decorators])


def _is_import_or_text(part: cst.CSTNode) -> bool:
    if not isinstance(part, cst.SimpleStatementLine):
        return False
    return all(
        isinstance(each, cst.Import | cst.ImportFrom)
        or (isinstance(each, cst.Expr) and isinstance(each.value, cst.SimpleString))
        for each in part.body
    )


def quoted(text: str) -> str:
    """A literal in double quotes, as formatters write it."""
    return '"' + repr(text)[1:-1].replace('"', '\\"').replace("\\'", "'") + '"'
