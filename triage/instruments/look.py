"""Look at tests while they run: what they execute of the product, and what led to a failure.

Loaded by the recorder for the traced run of red tests. A red test is followed call by call, a green one only
until each function and line was seen once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from triage.instruments.call_history import CallHistory, Return
from triage.instruments.differences import difference
from triage.instruments.executed import MAX_BYTES, Executed, ExecutedCode
from triage.instruments.failing_values import Place, compared_by_library, failing_place, operands

_LONGEST_VALUE = 2000
"""Characters of a value's representation."""
_LONGEST_CONTEXT = 64_000
"""Characters of a whole value, in which the recorder looks for secrets."""
_MOST_IN_CHAIN = 6
_TRIVIAL_NUMBERS = range(-1, 11)
"""Numbers that two functions return by chance."""
_LEAST_TEXT = 3


class Look:
    """Looks at one test after another; a plugin of pytest."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Take the settings.

        `closely`: the [id, nth] of tests to follow call by call; `only_closely`: the others are not looked
        at; `max_bytes`: the limit of one test's record.
        """
        self._root = os.getcwd()
        self._closely = {(nodeid, nth) for nodeid, nth in settings.get("closely", ())}
        self._only_closely = bool(settings.get("only_closely", False))
        self._is_looking = False
        self._max_bytes = int(settings.get("max_bytes", MAX_BYTES))
        self._code: ExecutedCode | None = None
        self._history: CallHistory | None = None
        self._executed: Executed | None = None
        self._failure: dict[str, Any] | None = None
        self._compared: tuple[Any, Any] | None = None
        """The sides of the latest comparison that pytest explained."""

    def begin(self, nodeid: str, nth: int) -> None:
        """Begin with one test."""
        closely = (nodeid, nth) in self._closely
        self._is_looking = closely or not self._only_closely
        if not self._is_looking:
            return
        self._history = CallHistory(self._root) if closely else None
        self._executed = self._failure = self._compared = None
        self._code = ExecutedCode(self._root, max_bytes=self._max_bytes, calls=self._history)
        self._code.start()

    def end(self) -> dict[str, Any] | None:
        """End with the test; returns what was seen, as JSON; None where nobody looked."""
        if not self._is_looking:
            return None
        self._is_looking = False
        executed = self._stop()
        self._history = self._compared = None
        return {"executed": executed.as_json(), "failure": self._failure}

    def _stop(self) -> Executed:
        if self._executed is None:
            assert self._code is not None
            self._executed = self._code.stop()
        return self._executed

    def pytest_assertrepr_compare(self, left: object, right: object) -> None:
        """Remember what a failing comparison compared; the explanation is left to others."""
        if self._history is not None and self._failure is None:
            self._compared = (left, right)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """Take the failure apart, before the report shows values and exceptions by the product's own code."""
        error = call.excinfo
        # pytest puts what unittest caught aside, and in its place only after this hook
        for caught in getattr(item, "_excinfo", None) or ():
            error = error or caught
        self._take_apart(error)

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        """Take a failure apart that came by another way: of subtests, say."""
        self._take_apart(call.excinfo)

    def _take_apart(self, error: pytest.ExceptionInfo[BaseException] | None) -> None:
        if self._history is None or self._failure is not None or error is None:
            return
        if isinstance(error.value, pytest.skip.Exception):
            return
        # what values and their comparisons run of the product is not the test's doing
        self._stop()
        try:
            self._failure = self._seen_of(error.value)
        except Exception as problem:
            self._failure = {"trouble": f"the failure could not be taken apart: {type(problem).__name__}"}
        self._compared = None

    def _seen_of(self, error: BaseException) -> dict[str, Any]:
        history = self._history
        assert history is not None
        place = failing_place(self._root, error.__traceback__)
        if place is None:
            return {}
        if place.in_product:
            return {"how": "raised", "suspects": _numbers(history.unwound_last)}
        found: dict[str, Any] = {}
        compared = compared_by_library(place)
        if compared is None and isinstance(error, AssertionError):
            compared = self._compared
        if compared is not None:
            compared = _got_first(*compared, history)
            found.update(_shown(*compared))
        found.update(_origin(place, compared, history))
        return found


def _shown(got: object, due: object) -> dict[str, Any]:
    if type(due).__name__.startswith("Approx"):
        due = getattr(due, "expected", due)  # pytest.approx
    shown = [_repr(value) for value in (got, due)]
    contexts = [value if isinstance(value, str) else _repr(value) for value in (got, due)]
    return {
        "got": _cut(shown[0]),
        "due": _cut(shown[1]),
        "difference": difference(got, due),
        # what a piece of the difference stood in: by itself a part of a secret looks like any word
        "contexts": [context[:_LONGEST_CONTEXT] for context in contexts],
    }


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    half = _LONGEST_VALUE // 2
    return f"{text[:half]} ... {text[-half:]}"


def _got_first(one: object, other: object, history: CallHistory) -> tuple[object, object]:
    """Authors write either side first: what a product function returned was got."""
    if not any(True for _ in _givers(one, history)) and any(True for _ in _givers(other, history)):
        return other, one
    return one, other


def _givers(value: object, history: CallHistory) -> Iterable[Return]:
    """The calls that returned this value, newest first; none for a value that anything returns."""
    if not _tells(value):
        return ()
    return (call for call in history.newest() if call.gave(value))


def _tells(value: object) -> bool:
    """Whether a value is special enough to know it again."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return value not in _TRIVIAL_NUMBERS
    if isinstance(value, str | bytes):
        return len(value) >= _LEAST_TEXT
    return value not in ((), frozenset()) if isinstance(value, tuple | frozenset) else True


def _origin(place: Place, compared: tuple[object, object] | None, history: CallHistory) -> dict[str, Any]:
    """Which product calls led to the failing assertion: the surest way that gives an answer."""
    worked_with = list(operands(place))
    latest = [next(iter(_givers(value, history)), None) for value in worked_with]
    given = [call for call in latest if call is not None]
    if compared is not None:
        got, _ = compared
        givers = list(_givers(got, history))
        if givers:
            # the outermost call that passed the value on returned last; what else returned it may be chance
            newest = givers[0]
            within = [call for call in givers[1:] if not call.beneath & ~newest.beneath]
            return _calls("value", [newest, *within], given)
    by_test = [call for call in history.newest() if call.is_outermost]
    on_line = [call for call in by_test if _is_on_line(call, place)]
    if on_line:
        return _calls("line", on_line, given)
    if given:
        return _calls("operand", given)
    # anything returns None or True, but what the test called last and works with now is no chance
    last = by_test[:1]
    if last and any(last[0].gave(value) for value in (*(compared or ())[:1], *worked_with)):
        return _calls("operand", last)
    return _calls("last", last)


def _is_on_line(call: Return, place: Place) -> bool:
    if call.caller is None:
        return False
    path, line = call.caller
    return path == place.path and place.first_line <= line <= place.last_line


def _calls(how: str, calls: Sequence[Return], before: Sequence[Return] = ()) -> dict[str, Any]:
    """The functions that returned, newest first, and what ran beneath these calls and those `before` them.

    `before` gave the objects that the failing line works with: they may have been wrong already.
    """
    chain = list(dict.fromkeys(call.function for call in calls))[:_MOST_IN_CHAIN]
    beneath = 0
    for call in (*calls, *before):
        beneath |= call.beneath
    return {"how": how, "chain": chain, "suspects": _numbers(beneath)}


def _numbers(bits: int) -> list[int]:
    """The numbers of the set bits, lowest first."""
    found = []
    number = 0
    while bits:
        if bits & 1:
            found.append(number)
        bits >>= 1
        number += 1
    return found
