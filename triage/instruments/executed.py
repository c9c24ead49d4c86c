"""Record the product's functions and lines that run between start and stop, in order of first execution.

    executed = ExecutedCode(root)
    executed.start()
    ...                      # run the test
    found = executed.stop()
    found.functions[0]       # Function(path='shop/price.py', name='net', line=12)

The record is bounded: where the lines would take more than the limit it holds functions only, and where those
do too, their number. What a test does is never changed by it: see `code_events`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import CodeType
from typing import Any, NamedTuple

from triage.instruments.code_events import Busy, Events, events_for
from triage.instruments.product_files import product_path

MAX_BYTES = 2_000_000
"""Of one test's record, as JSON: some 200,000 lines of the product."""
_LINE_BYTES = 14
"""One line in JSON: its own number, those of its file and function, commas and brackets."""
_FUNCTION_BYTES = 20
"""One function in JSON, without its name."""


class Function(NamedTuple):
    """A function of the product; a module's and a class's own code count as one each."""

    path: str
    """Relative to the root, posix."""
    name: str
    """Qualified: `Basket.total`; `<module>` for the code of a file."""
    line: int
    """The first line of its definition, decorators included."""


class Detail(Enum):
    """How much a record holds."""

    LINES = "lines"
    """Functions and lines."""
    FUNCTIONS = "functions"
    """Functions only: lines were not wanted, or there were too many."""
    COUNTS = "counts"
    """How many functions and lines; there were too many to name."""
    NOTHING = "nothing"
    """Nothing could be recorded; `trouble` says why."""


@dataclass(frozen=True)
class Executed:
    """What ran; in order of first execution."""

    detail: Detail
    functions: tuple[Function, ...] = ()
    lines: tuple[tuple[str, int], ...] = ()
    """(path, line)."""
    owners: tuple[int, ...] = ()
    """For each line the function (an index) in which it ran first: functions lie within functions."""
    function_count: int = 0
    line_count: int = 0
    trouble: str | None = None
    """Why the record is empty or incomplete."""

    def as_json(self) -> dict[str, Any]:
        """A compact document: files by number."""
        paths = dict.fromkeys(
            [function.path for function in self.functions] + [path for path, _ in self.lines]
        )
        number = {path: index for index, path in enumerate(paths)}
        return {
            "detail": self.detail.value,
            "files": list(paths),
            "functions": [[number[path], name, line] for path, name, line in self.functions],
            "lines": [[number[path], line] for path, line in self.lines],
            "owners": list(self.owners),
            "function_count": self.function_count,
            "line_count": self.line_count,
            "trouble": self.trouble,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Executed:
        """The inverse of `as_json`."""
        files = document["files"]
        return cls(
            detail=Detail(document["detail"]),
            functions=tuple(Function(files[file], name, line) for file, name, line in document["functions"]),
            lines=tuple((files[file], line) for file, line in document["lines"]),
            owners=tuple(document["owners"]),
            function_count=document["function_count"],
            line_count=document["line_count"],
            trouble=document["trouble"],
        )


class CallListener:
    """Hears of each call of a product function; the base class is deaf."""

    def ignores_new_code(self) -> bool:
        """Whether a function that is entered for the first time now is to be left out altogether."""
        return False

    @property
    def ignores_lines(self) -> bool:
        """Whether lines that run now are to be left out."""
        return False

    def entered(self, number: int) -> None:
        """Function `number` (an index into `Executed.functions`) is entered or resumed."""

    def left(self, number: int, value: Any) -> None:
        """It returns or yields a value, which must not be kept: how long it lives is the test's business."""

    def unwound(self, number: int) -> None:
        """An exception leaves it."""


@dataclass
class ExecutedCode:
    """Records what runs in all threads, from `start` to `stop`; may be started again for the next test."""

    root: str
    lines: bool = True
    """Whether lines are wanted too."""
    max_bytes: int = MAX_BYTES
    calls: CallListener | None = None
    """Who wants to hear of every call; the record itself needs only the first."""
    is_product: Callable[[str, str], str | None] = product_path
    """From root and file to the path that names a product file; None for all other code."""
    _recording: _Recording | None = field(default=None, init=False)
    _events: Events | None = field(default=None, init=False)
    _trouble: str | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin a new record; gives way where a debugger or coverage owns the tracer."""
        self._trouble = None
        recording = _Recording(self)
        events = events_for(recording)
        recording.events = events
        if not self.lines:
            events.forget_lines()
        try:
            events.start()
        except Busy as busy:
            self._trouble = str(busy)
            return
        self._recording, self._events = recording, events

    def stop(self) -> Executed:
        """End the record."""
        if self._recording is None or self._events is None:
            return Executed(Detail.NOTHING, trouble=self._trouble or "it was not started")
        trouble = self._events.stop()
        found = self._recording.found(trouble)
        self._recording = self._events = None
        return found


class _Recording:
    """The growing record of one test: told by `code_events`, in whichever thread."""

    def __init__(self, owner: ExecutedCode) -> None:
        self._owner = owner
        self._listener = owner.calls
        self.follows_calls = owner.calls is not None
        self.events: Events
        self._first_sight = threading.Lock()
        self._numbers: dict[CodeType, int] = {}
        self._functions: list[Function] = []
        self._lines: list[tuple[str, int]] = []
        self._owners: list[int] = []
        self._seen_lines: set[tuple[str, int]] = set()
        self._size = 0
        self._names_size = 0
        self._detail = Detail.LINES if owner.lines else Detail.FUNCTIONS
        self._line_count = 0

    def number_of(self, code: CodeType) -> int | None:
        path = self._owner.is_product(self._owner.root, code.co_filename)
        if path is None:
            return None
        if self._listener is not None and self._listener.ignores_new_code():
            return None
        with self._first_sight:
            if code in self._numbers:
                return self._numbers[code]
            number = self._numbers[code] = len(self._numbers)
            if self._detail is not Detail.COUNTS:
                function = Function(path, code.co_qualname, code.co_firstlineno)
                self._functions.append(function)
                self._names_size += _FUNCTION_BYTES + len(function.name)
                self._check_size()
        return number

    def line(self, number: int, line: int) -> None:
        if self._listener is not None and self._listener.ignores_lines:
            return
        if self._detail is not Detail.LINES:
            self._line_count += 1
            return
        place = (self._functions[number].path, line)
        # one line may be told several times: by a loop's two branches, by a lambda and the code around it
        if place not in self._seen_lines:
            self._seen_lines.add(place)
            self._lines.append(place)
            self._owners.append(number)
            self._line_count += 1
            self._size += _LINE_BYTES
            self._check_size()

    def _check_size(self) -> None:
        if self._detail is Detail.LINES and self._size + self._names_size > self._owner.max_bytes:
            self._detail = Detail.FUNCTIONS
            self._lines, self._owners, self._seen_lines, self._size = [], [], set(), 0
        if self._detail is Detail.FUNCTIONS and self._names_size > self._owner.max_bytes:
            self._detail = Detail.COUNTS
            self._functions = []

    def entered(self, number: int) -> None:
        if self._listener is not None:
            self._listener.entered(number)

    def left(self, number: int, value: Any) -> None:
        if self._listener is not None:
            self._listener.left(number, value)

    def unwound(self, number: int) -> None:
        if self._listener is not None:
            self._listener.unwound(number)

    def found(self, trouble: str | None) -> Executed:
        return Executed(
            detail=self._detail,
            functions=tuple(self._functions),
            lines=tuple(self._lines),
            owners=tuple(self._owners),
            function_count=len(self._numbers),
            line_count=self._line_count,
            trouble=trouble,
        )
