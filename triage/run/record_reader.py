"""Follow the event log of one process: what it has collected, started, finished and said so far."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from triage.model.run import Key
from triage.recorder.events import LineBuffer, Opener

OnEvent = Callable[[bytes, Any], None]
"""Called with each valid line's payload and the event parsed from it."""


def ignore_event(_payload: bytes, _event: Any) -> None:
    """For a record that nobody needs to follow."""


class RecordReader:
    """The state that the events of one process add up to; the events are listed in `recorder.events`."""

    def __init__(self, key: bytes, on_event: OnEvent = ignore_event) -> None:
        """`key` is the one that the process seals its lines with."""
        self._opener = Opener(key)
        self._lines = LineBuffer()
        self._on_event = on_event
        self.begin: dict[str, Any] = {}
        self.collected: dict[str, Any] | None = None
        self.keys: list[Key] = []
        self.ready = False
        """Collection came to its end, and no plugin or selector failed in it."""
        self._collecting: list[dict[str, Any]] = []
        """What is being collected, the innermost last."""
        self.collect_errors: list[dict[str, Any]] = []
        self.collect_skips: list[dict[str, Any]] = []
        self.conftest_error: dict[str, Any] | None = None
        """The latest conftest.py that raised; pytest starts no session where it is one of the first."""
        self._running: list[int] = []
        """Items that were started and not finished, the latest last: workers run several at once."""
        self.failing: dict[str, Any] | None = None
        """What has failed of the running item, whose teardown has begun."""
        self.tearing_down = False
        """The last item is done, the wider fixtures of the suite are not."""
        self.cut: dict[str, Any] | None = None
        """How an item ended the whole session."""
        self.finished: dict[Key, dict[str, Any]] = {}
        self.notes: list[str] = []
        self.hints: list[str] = []
        """Where the suite may behave differently than here."""
        self.end: dict[str, Any] | None = None

    @property
    def foreign_lines(self) -> int:
        """How many lines the recorder did not write."""
        return self._opener.foreign

    @property
    def collecting(self) -> dict[str, Any] | None:
        """The file, folder or class that is being collected; it is innocent of what happens between two."""
        return self._collecting[-1] if self._collecting else None

    @property
    def culprit(self) -> Key | None:
        """The item that was started and not finished; of several, the latest."""
        return self.key(self._running[-1]) if self._running else None

    def key(self, index: int) -> Key:
        """The item that the process calls `index`."""
        return self.keys[index] if index < len(self.keys) else (f"<item {index}>", 0)

    def feed(self, block: bytes) -> None:
        """Read further bytes of the record; lines that are not the recorder's are counted and left out."""
        for line in self._lines.feed(block):
            if not line:
                continue
            payload = self._opener.open(line)
            if payload is None:
                continue
            try:
                event = json.loads(payload)
            except ValueError:
                continue
            self.take(event)
            self._on_event(payload, event)

    def take(self, event: dict[str, Any]) -> None:
        """Account for one event; they come in their order. Events of a newer recorder are left out."""
        match event.get("e"):
            case "start" | "finish":
                # first: nearly all events of a large run are these
                self._take_of_test(event)
            case "begin":
                self.begin = event
                self.notes += event.get("notes", [])
            case "note":
                self.notes.append(event["text"])
            case "end":
                self.end = event
            case _ if not self._take_of_collection(event):
                self._take_of_test(event)

    def _take_of_collection(self, event: dict[str, Any]) -> bool:
        match event.get("e"):
            case "collecting":
                self._collecting.append(event)
            case "listed":
                del self._collecting[-1:]
            case "collect_error":
                self.collect_errors.append(event)
            case "collect_skip":
                self.collect_skips.append(event)
            case "conftest_error":
                self.conftest_error = event
            case "collected":
                self.collected = event
                self._collecting = []
                self.keys = collected_keys(event)
                self.hints = event.get("hints", [])
            case "ready":
                self.ready = True
            case _:
                return False
        return True

    def _take_of_test(self, event: dict[str, Any]) -> None:
        match event.get("e"):
            case "start":
                self._running.append(event["i"])
                self.failing = None
            case "failing":
                self.failing = event
            case "ran":
                self._take_finished(event)
                self.tearing_down = True
            case "finish":
                self._take_finished(event)
                self.tearing_down = False
            case "cut":
                self.cut = event

    def _take_finished(self, event: dict[str, Any]) -> None:
        self.finished[self.key(event["i"])] = event
        if event.get("worker"):
            self._running = [item for item in self._running if item != event["i"]]
        else:
            self._running = []


def collected_keys(event: dict[str, Any]) -> list[Key]:
    """The items of a `collected` event, in order; `nth` is there only where ids occur more than once."""
    numbers = event.get("nth") or [0] * len(event["ids"])
    return list(zip(event["ids"], numbers, strict=True))
