"""Meter: record the names in the code that each test runs, as the upper bound of what it reads.

Settings: {"seconds": limit}: to follow calls makes them slower; where tests have used that much of a
processor the others are not followed. The code of a test is each function that was entered while it ran, in
any thread: its own, the project's, and that of libraries. To read a piece of state somebody has to name it.

    inside   names: of the project's modules, and what they define
    code     number, function, inside (of the project), names (of variables and attributes), texts (that
             may name some), file
    fixture  number, codes: the set-up of a fixture that several tests may share
    test     nodeid, codes, fixtures
    unknown  nodeid, why: somebody else owns the tracer, or took it away

Code of pytest and of triage is left out; what else runs for every test is for the reader to leave out.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, beneath, settings
from triage.instruments.code_events import Busy, Events, events_for

_SETTINGS = settings("references")
_WRITER = Writer("references")
_ROOT = os.getcwd()
_processor_seconds = time.process_time
"""Kept: tests replace the functions of `time`."""
_MACHINERY = ("_pytest", "pluggy", "triage", "pytest_asyncio", "xdist", "anyio")
"""Packages that run tests."""
_FROZEN = "<frozen "
"""Beginning of the file names of modules that are part of the interpreter: os, abc, posixpath."""
_MOST_TEXT = 200
"""Characters of a text that may hold names: `setattr("shop.MODE", ...)` has one."""
_PLAIN = (bool, int, float, complex, str, bytes, list, dict, set, frozenset, tuple, type(None))


class _Entered:
    """The codes that were entered since the start; asked once for each."""

    follows_calls = False

    def __init__(self) -> None:
        self.codes: dict[CodeType, None] = {}

    def number_of(self, code: CodeType) -> int | None:
        """Take it; none is followed further."""
        self.codes[code] = None
        return None

    def line(self, number: int, line: int) -> None:
        """Nothing is followed."""

    def entered(self, number: int) -> None:
        """Nothing is followed."""

    def left(self, number: int, value: Any) -> None:
        """Nothing is followed."""

    def unwound(self, number: int) -> None:
        """Nothing is followed."""


class _Recorder:
    """Follows one test after the other; the set-up of wider fixtures is kept apart."""

    def __init__(self, seconds: float) -> None:
        self._seconds_left = seconds
        self._numbers: dict[CodeType, int | None] = {}
        self._fixtures: dict[int, int] = {}
        """Number by the identity of a fixture's definition, which lives as long as the session."""
        self._taken: list[dict[CodeType, None]] = []
        """Codes of the test and of the fixtures that are being set up in it, the innermost last."""
        self._events: Events | None = None
        self._entered = _Entered()
        self._trouble: str | None = None
        self._begun = 0.0

    def begin(self) -> None:
        """Follow a test."""
        if not self._taken:
            _WRITER.write("inside", names=sorted(_names_of_the_project()))
        self._begun, self._trouble = _processor_seconds(), None
        self._taken = [{}]
        if self._seconds_left <= 0:
            self._trouble = "no time was left to follow it"
        else:
            self._resume()

    def end(self, item: Any) -> None:
        """Write down what it ran."""
        self._pause()
        self._seconds_left -= _processor_seconds() - self._begun
        if self._trouble is not None:
            _WRITER.write("unknown", nodeid=item.nodeid, why=self._trouble)
            return
        definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
        every = [definition for several in definitions.values() for definition in several]
        fixtures = [self._fixtures[id(each)] for each in every if id(each) in self._fixtures]
        _WRITER.write("test", nodeid=item.nodeid, codes=self._numbered(self._taken[0]), fixtures=fixtures)

    def begin_fixture(self) -> bool:
        """Keep apart what runs from now on; whether a test is followed."""
        if self._events is None:
            return False
        self._pause()
        self._taken.append({})
        self._resume()
        return True

    def end_fixture(self, definition: Any) -> None:
        """The set-up is over: other tests use its value, too."""
        self._pause()
        codes = self._taken.pop()
        self._taken[-1].update(codes)
        number = self._fixtures[id(definition)] = len(self._fixtures)
        _WRITER.write("fixture", number=number, codes=self._numbered(codes))
        self._resume()

    def _resume(self) -> None:
        if self._trouble is not None:
            return
        self._entered = _Entered()
        self._events = events_for(self._entered)
        try:
            self._events.start()
        except Busy as busy:
            self._trouble, self._events = str(busy), None

    def _pause(self) -> None:
        if self._events is None:
            return
        self._trouble = self._trouble or self._events.stop()
        self._events = None
        self._taken[-1].update(self._entered.codes)

    def _numbered(self, codes: dict[CodeType, None]) -> list[int]:
        numbers = (self._number(code) for code in codes)
        return [number for number in numbers if number is not None]

    def _number(self, code: CodeType) -> int | None:
        if code not in self._numbers:
            is_machinery = _package_of(code.co_filename) in _MACHINERY
            self._numbers[code] = None if is_machinery else len(self._numbers)
            if not is_machinery:
                _WRITER.write(
                    "code",
                    number=self._numbers[code],
                    function=code.co_name,
                    inside=_is_inside(code.co_filename),
                    names=sorted(set(code.co_names)),
                    texts=sorted(_names_in_texts(code.co_consts)),
                    file=_short(code.co_filename),
                )
        return self._numbers[code]


def _names_of_the_project() -> set[str]:
    """Names of its modules, and those in them for what is its own: functions, classes, plain values."""
    found: set[str] = set()
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(module, ModuleType) or not isinstance(path, str) or not _is_inside(path):
            continue
        found.update(name.split("."))
        found.update(each for each, value in list(vars(module).items()) if _is_own(value))
    return found


def _is_own(value: object) -> bool:
    if isinstance(value, _PLAIN):
        return True
    kind = value if isinstance(value, type | FunctionType) else type(value)
    module = sys.modules.get(getattr(kind, "__module__", None) or "")
    path = getattr(module, "__file__", None)
    return isinstance(path, str) and _is_inside(path)


def _is_inside(path: str) -> bool:
    # code that was made from a text (doctests, dataclasses) may be anybody's: it counts as the project's
    if path.startswith("<"):
        return not path.startswith(_FROZEN)
    return beneath(_ROOT, os.path.abspath(path)) is not None


def _package_of(path: str) -> str:
    """The folder below `site-packages`, or that of triage in its own tree."""
    parts = path.split(os.sep)
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    return "triage" if path.startswith(_OWN) else ""


_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep


def _short(path: str) -> str:
    """The last folder and the name: `logging/__init__.py`."""
    return "/".join(path.split(os.sep)[-2:])


def _names_in_texts(constants: tuple[Any, ...]) -> set[str]:
    """Texts that are names, or names with dots: `getattr(shop, "MODE")` reads what it names."""
    found: set[str] = set()
    for each in constants:
        if isinstance(each, str) and len(each) <= _MOST_TEXT:
            found |= {part for part in each.split(".") if part.isidentifier()}
        elif isinstance(each, tuple | frozenset):
            found |= _names_in_texts(tuple(each))
    return found


_recorder = _Recorder(_SETTINGS["seconds"]) if "seconds" in _SETTINGS else None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_protocol(item: Any) -> Generator[None, object, object]:
    """Around the test with its set-up and teardown."""
    if _recorder is None:
        return (yield)
    _recorder.begin()
    try:
        return (yield)
    finally:
        _recorder.end(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: Any) -> Generator[None, object, object]:
    """Around the set-up of each fixture that tests may share."""
    if _recorder is None or fixturedef.scope == "function" or not _recorder.begin_fixture():
        return (yield)
    try:
        return (yield)
    finally:
        _recorder.end_fixture(fixturedef)
