"""Take a test off the calendar: dates that count from today, or a clock that stands at one day."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import libcst as cst

from triage.probe.edits.imports import with_import, with_name_from
from triage.probe.edits.one_test import OneTestEditor
from triage.probe.edits.used_fixture import with_used_fixture
from triage.probe.sources import module_of, tree_of

_CLASSES = {"today": "date", "now": "datetime", "utcnow": "datetime"}
"""Methods that ask for the present, and the class that they belong to; `today` is one of both."""
_MOST_DAYS = 400
"""Days between a date and the present beyond which it is no date that was near when it was written."""
_FIXED = {
    "date": """\
    class FixedDate({owner}date):
        @classmethod
        def today(cls):
            return cls({day})

""",
    "datetime": """\
    class FixedDatetime({owner}datetime):
        @classmethod
        def now(cls, tz=None):
            return cls({moment}, tzinfo=tz)

""",
}
"""Classes whose present is one moment."""


@dataclass(frozen=True)
class ClockRead:
    """Where a module finds what tells it the time: what `monkeypatch` has to replace."""

    target: str
    """`shop.loans.date`, `datetime.datetime`"""
    kind: str
    """date, datetime or time"""


def clock_reads(source: str, module: str, lines: Collection[int]) -> tuple[ClockRead, ...]:
    """What a module asks for the present in these lines."""
    tree = tree_of(source) or ast.Module([], [])
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found: dict[ClockRead, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno in lines:
            read = _read_by(node.func, origins, module)
            if read is not None:
                found[read] = None
    return tuple(found)


def _read_by(function: ast.expr, origins: dict[str, str], module: str) -> ClockRead | None:
    names = ast.unparse(function).split(".")
    origin = ".".join([origins.get(names[0], ""), *names[1:]])
    if origin == "time.time":
        return ClockRead("time.time" if len(names) > 1 else f"{module}.{names[0]}", "time")
    owner, _, method = origin.rpartition(".")
    if method not in _CLASSES or owner not in ("datetime.date", "datetime.datetime"):
        return None
    target = f"{module}.{names[0]}" if len(names) == 2 else owner
    return ClockRead(target, owner.rpartition(".")[2])


def with_fixed_clock(
    source: str, names: Sequence[str], reads: Sequence[ClockRead], moment: datetime, own: Collection[str]
) -> str | None:
    """The file with a fixture for which it is that moment, and the test, which uses it."""
    module = module_of(source)
    if module is None or not reads:
        return None
    day = f"{moment.year}, {moment.month}, {moment.day}"
    # where the file imports classes from the module, the module's name may stand for one of them
    imports_classes = re.search(r"^from datetime import ", source, re.MULTILINE) is not None
    owner = "" if imports_classes else "datetime."
    values = {"day": day, "moment": f"{day}, {moment.hour}, {moment.minute}", "owner": owner}
    kinds = [kind for kind in _FIXED if any(read.kind == kind for read in reads)]
    if imports_classes:
        for kind in kinds:
            module = with_name_from(module, "datetime", kind)
    lines = [_FIXED[kind].format(**values) for kind in kinds]
    calls = {"date": "FixedDate", "datetime": "FixedDatetime", "time": f"lambda: {moment.timestamp():.1f}"}
    patched = [f'    monkeypatch.setattr("{read.target}", {calls[read.kind]})\n' for read in reads]
    # a class stands apart from what is above it
    body = "".join(["\n" if kinds else "", *lines, *patched])
    fixture = (
        f"@pytest.fixture\ndef fixed_clock(monkeypatch):\n"
        f'    """Let it be {moment:%Y-%m-%d} for the test."""\n{body}'
    )
    needed = ["datetime"] if kinds and not imports_classes else []
    return with_used_fixture(module, names, fixture, needed, own)


def with_decorator(source: str, names: Sequence[str], tool: str, moment: datetime) -> str | None:
    """The file where a library stops the clock for the test: `freezegun` or `time_machine`."""
    module = module_of(source)
    if module is None:
        return None
    has_name = re.search(r"^from freezegun import .*\bfreeze_time\b", source, re.MULTILINE) is not None
    call = {
        "freezegun": "freeze_time" if has_name else "freezegun.freeze_time",
        "time_machine": "time_machine.travel",
    }[tool]
    editor = _Decorated(names, f'{call}("{moment:%Y-%m-%d}")')
    edited = module.visit(editor)
    if not editor.done:
        return None
    return edited.code if has_name and tool == "freezegun" else with_import(edited, tool).code


class _Decorated(OneTestEditor):
    def __init__(self, names: Sequence[str], call: str) -> None:
        super().__init__(names)
        self._decorator = cst.Decorator(cst.parse_expression(call))
        self.done = False

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        self.done = True
        return function.with_changes(decorators=[self._decorator, *function.decorators])


def counted_from_today(source: str, names: Sequence[str], today: date) -> str | None:
    """The file in which the dates of a test are so many days from the day on which it runs.

    `today` is a day on which the test passes. None where it has none near that day, or where one of them is
    no plain `date(YEAR, MONTH, DAY)`.
    """
    module = module_of(source)
    if module is None or "today" in {
        node.id for node in ast.walk(tree_of(source) or ast.Module([], [])) if isinstance(node, ast.Name)
    }:
        return None
    editor = _Counted(names, today)
    edited = module.visit(editor)
    if not editor.prefixes or len(editor.prefixes) > 1:
        return None
    if editor.prefixes == {""}:
        edited = with_name_from(edited, "datetime", "timedelta")
    return edited.code


class _Counted(OneTestEditor):
    def __init__(self, names: Sequence[str], today: date) -> None:
        super().__init__(names)
        self._today = today
        self.prefixes: set[str] = set()
        """How the dates are spelled: `` for `date(...)`, `datetime.` for `datetime.date(...)`."""

    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        dates = _Dates(self._today)
        counted = function.visit(dates)
        assert isinstance(counted, cst.FunctionDef)
        if len(dates.prefixes) != 1 or not isinstance(counted.body, cst.IndentedBlock):
            return function
        self.prefixes = dates.prefixes
        (prefix,) = dates.prefixes
        place = 1 if function.get_docstring() is not None else 0
        statement = cst.parse_statement(f"today = {prefix}date.today()\n")
        body = [*counted.body.body[:place], statement, *counted.body.body[place:]]
        return counted.with_changes(body=counted.body.with_changes(body=body))


class _Dates(cst.CSTTransformer):
    """Turns each near date of a function into a sum of today and days."""

    def __init__(self, today: date) -> None:
        super().__init__()
        self._today = today
        self.prefixes: set[str] = set()

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        name = cst.Module([]).code_for_node(updated_node.func)
        numbers = [arg.value.value for arg in updated_node.args if isinstance(arg.value, cst.Integer)]
        is_date = name in ("date", "datetime.date", "dt.date")
        if not is_date or len(numbers) != 3 or len(updated_node.args) != 3:
            return updated_node
        try:
            days = (date(*(int(number) for number in numbers)) - self._today).days
        except ValueError:
            return updated_node
        if abs(days) > _MOST_DAYS:
            return updated_node
        prefix = name.removesuffix("date")
        self.prefixes.add(prefix)
        if days == 0:
            return cst.Name("today")
        sign = "-" if days < 0 else "+"
        return cst.parse_expression(f"today {sign} {prefix}timedelta(days={abs(days)})")
