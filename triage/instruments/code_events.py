"""Follow the code of chosen files while it runs: entered, left, and each line the first time that it runs.

Two ways with one interface. `sys.monitoring` (Python 3.12 and later) lets several tools work side by side,
and a line that was seen costs nothing any more. Before 3.12 there is `sys.settrace`: one tracer a thread, so
a debugger or coverage that owns it keeps it, and nothing is followed.

Callbacks run inside the program under test. They must not raise, and they hold no value of the program: an
object that lives longer than it should can change what a test sees. No exception is caught in them: what a
signal handler raises (pytest-timeout) passes through a callback and is the program's own.
"""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Protocol


class Observer(Protocol):
    """What is told of the program; the number that `number_of` gave names the code in all other calls."""

    follows_calls: bool
    """Whether every entry and exit is wanted, or only the first entry of each code."""

    def number_of(self, code: CodeType) -> int | None:
        """Whether the code is to be followed; asked for at its first entry, and maybe again."""

    def line(self, number: int, line: int) -> None:
        """A line runs for the first time."""

    def entered(self, number: int) -> None:
        """A call begins, or a generator goes on."""

    def left(self, number: int, value: Any) -> None:
        """A call returns, or a generator yields."""

    def unwound(self, number: int) -> None:
        """An exception leaves the call."""


class Busy(Exception):
    """Somebody else owns the tracer; the text says who."""


class Events(Protocol):
    """A source of events, which tells one observer."""

    def start(self) -> None:
        """Begin; raises `Busy`."""

    def stop(self) -> str | None:
        """End and leave no trace; returns what went wrong meanwhile, if anything did."""

    def forget_lines(self) -> None:
        """Tell no more lines: there are too many."""


def events_for(observer: Observer) -> Events:
    """Return the best source of events of this interpreter."""
    if sys.version_info >= (3, 12):
        return _MonitoringEvents(observer)
    return _TraceEvents(observer)


class _MonitoringEvents:
    """Events of `sys.monitoring`; lines are switched on for the followed code alone."""

    _FREE_TOOLS = (4, 3)
    """Numbers that are kept for no kind of tool: 0 is for debuggers, 1 for coverage, 2 for profilers."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self._tool: int | None = None
        self._numbers: dict[CodeType, int | None] = {}
        self._wants_lines = True

    def start(self) -> None:
        monitoring = self._monitoring
        free = [tool for tool in self._FREE_TOOLS if monitoring.get_tool(tool) is None]
        if not free:
            raise Busy("other tools hold all free numbers of sys.monitoring")
        self._tool = free[0]
        monitoring.use_tool_id(self._tool, "triage")
        events = monitoring.events
        callbacks: dict[int, Callable[..., object]] = {
            events.PY_START: self._on_start,
            events.LINE: self._on_line,
        }
        if self._observer.follows_calls:
            callbacks[events.PY_RESUME] = self._on_entry
            callbacks[events.PY_THROW] = self._on_throw
            callbacks[events.PY_RETURN] = callbacks[events.PY_YIELD] = self._on_exit
            callbacks[events.PY_UNWIND] = self._on_unwind
        for event, callback in callbacks.items():
            monitoring.register_callback(self._tool, event, callback)
        # what an earlier test of this process switched off is wanted again
        monitoring.restart_events()
        # lines and exits of libraries are nobody's business: they are switched on for each followed code
        everywhere = events.PY_START
        if self._observer.follows_calls:
            everywhere |= events.PY_UNWIND | events.PY_THROW  # these two exist for all code or for none
        monitoring.set_events(self._tool, everywhere)

    def stop(self) -> str | None:
        monitoring, tool = self._monitoring, self._tool
        if tool is None:
            return None
        self._tool = None
        monitoring.set_events(tool, 0)
        for code, number in self._numbers.items():
            if number is not None:
                monitoring.set_local_events(tool, code, 0)
        events = monitoring.events
        for event in (
            events.PY_START, events.PY_RESUME, events.PY_THROW, events.LINE,
            events.PY_RETURN, events.PY_YIELD, events.PY_UNWIND,
        ):  # fmt: skip
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)
        return None

    def forget_lines(self) -> None:
        self._wants_lines = False  # each line tells itself once more, and is switched off then

    def _on_start(self, code: CodeType, _offset: int) -> object:
        if code not in self._numbers:
            self._follow(code)
        number = self._numbers[code]
        if number is None:
            return self._monitoring.DISABLE
        self._observer.entered(number)
        return None if self._observer.follows_calls else self._monitoring.DISABLE

    def _follow(self, code: CodeType) -> None:
        number = self._observer.number_of(code)
        self._numbers[code] = number
        if number is None or self._tool is None:
            return
        events = self._monitoring.events
        wanted = events.LINE if self._wants_lines else 0
        if self._observer.follows_calls:
            wanted |= events.PY_RESUME | events.PY_RETURN | events.PY_YIELD
        self._monitoring.set_local_events(self._tool, code, wanted)

    def _on_line(self, code: CodeType, line: int) -> object:
        number = self._numbers.get(code)
        if number is not None and self._wants_lines:
            self._observer.line(number, line)
        return self._monitoring.DISABLE

    def _on_entry(self, code: CodeType, _offset: int) -> None:
        number = self._numbers.get(code)
        if number is not None:
            self._observer.entered(number)

    def _on_throw(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        self._on_entry(code, 0)

    def _on_exit(self, code: CodeType, _offset: int, value: object) -> None:
        number = self._numbers.get(code)
        if number is not None:
            self._observer.left(number, value)

    def _on_unwind(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        number = self._numbers.get(code)
        if number is not None:
            self._observer.unwound(number)


_RETURNING = frozenset(
    dis.opmap[name] for name in ("RETURN_VALUE", "YIELD_VALUE", "RETURN_GENERATOR") if name in dis.opmap
)
"""Operations by which a frame is left in the ordinary way."""


class _TraceEvents:
    """Events of `sys.settrace`; a frame is followed line by line only while lines of its code are unseen."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._numbers: dict[CodeType, int | None] = {}
        self._unseen: dict[CodeType, set[int]] = {}
        """Lines of followed code that have not run yet."""
        self._raising: set[FrameType] = set()
        """Frames in which an exception is on its way: it may be caught yet."""
        self._running = False
        self._wants_lines = True

    def start(self) -> None:
        owner = sys.gettrace()
        if owner is not None:
            raise Busy(f"{type(owner).__module__}.{type(owner).__qualname__} traces already")
        self._before_in_threads = threading.gettrace()
        self._running = True
        # a bound method is a new object each time; to find out later who owns the tracer one is kept
        self._tracer = self._on_call
        threading.settrace(self._tracer)
        sys.settrace(self._tracer)

    def stop(self) -> str | None:
        if not self._running:
            return None
        self._running = False  # threads that go on have this tracer until they end
        self._raising.clear()
        trouble = None
        if sys.gettrace() is self._tracer:
            sys.settrace(None)
        else:
            trouble = "the test replaced the tracer: what ran afterwards is not known"
        if threading.gettrace() is self._tracer:
            threading.settrace(self._before_in_threads)
        return trouble

    def forget_lines(self) -> None:
        self._wants_lines = False

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if not self._running:
            return None
        code = frame.f_code
        if code not in self._numbers:
            self._unseen[code] = {line for _, _, line in code.co_lines() if line is not None}
            self._numbers[code] = self._observer.number_of(code)  # last: another thread may ask now
        number = self._numbers[code]
        if number is None:
            return None
        self._observer.entered(number)
        unseen = self._unseen[code] if self._wants_lines else None
        if not unseen and not self._observer.follows_calls:
            return None
        frame.f_trace_lines = bool(unseen)
        return self._on_event

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._running:
            return None
        code = frame.f_code
        if event == "line":
            unseen = self._unseen[code]
            if frame.f_lineno in unseen and self._wants_lines:
                unseen.discard(frame.f_lineno)
                self._observer.line(self._number(code), frame.f_lineno)
        elif self._observer.follows_calls:
            self._on_exit(frame, event, argument)
        return self._on_event

    def _on_exit(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "exception":
            self._raising.add(frame)
        elif event == "return":
            number = self._number(frame.f_code)
            was_raising = frame in self._raising
            self._raising.discard(frame)
            # a frame that an exception leaves "returns" None, from an operation that does not return
            if was_raising and argument is None and frame.f_code.co_code[frame.f_lasti] not in _RETURNING:
                self._observer.unwound(number)
            else:
                self._observer.left(number, argument)

    def _number(self, code: CodeType) -> int:
        number = self._numbers[code]
        assert number is not None  # only followed code has this tracer
        return number
