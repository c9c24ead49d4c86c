"""What the record of one process says, as it comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from triage.model.run import Key
from triage.recorder.events import LineBuffer, Opener


class Seen:
    """The state that the events of one process add up to."""

    def __init__(self, key: bytes, tell: Callable[[bytes, Any], None]) -> None:
        """`tell` gets each valid line and its event, for the run's own record and for progress."""
        self._opener, self._lines, self._tell = Opener(key), LineBuffer(), tell
        self.begin: dict[str, Any] = {}
        self.collected: dict[str, Any] | None = None
        self.keys: list[Key] = []
        self.ready = False
        """Collection came to its end, and no plugin or selector failed in it."""
        self.collecting: dict[str, Any] | None = None
        self.collect_errors: list[dict[str, Any]] = []
        self.running: int | None = None
        self.tearing_down = False
        """The last item is done, the wider fixtures of the suite are not."""
        self.cut: dict[str, Any] | None = None
        self.finished: dict[Key, dict[str, Any]] = {}
        self.started: set[Key] = set()
        self.notes: list[str] = []
        self.end: dict[str, Any] | None = None

    @property
    def foreign(self) -> int:
        """Lines that the recorder did not write."""
        return self._opener.foreign

    @property
    def culprit(self) -> Key | None:
        """The item that was started and not finished."""
        return None if self.running is None else self.key(self.running)

    def key(self, index: int) -> Key:
        """The item that the process calls `index`."""
        return self.keys[index] if index < len(self.keys) else (f"<item {index}>", 0)

    def feed(self, block: bytes) -> None:
        """Further bytes of the record."""
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
            self._tell(payload, event)

    def take(self, event: dict[str, Any]) -> None:
        """One event in its order."""
        handler = getattr(self, "_on_" + str(event.get("e")), None)
        if handler is not None:
            handler(event)

    def _on_begin(self, event: dict[str, Any]) -> None:
        self.begin = event
        self.notes += event.get("notes", [])

    def _on_collecting(self, event: dict[str, Any]) -> None:
        self.collecting = event

    def _on_collect_error(self, event: dict[str, Any]) -> None:
        self.collect_errors.append(event)

    def _on_collected(self, event: dict[str, Any]) -> None:
        self.collected, self.collecting = event, None
        numbers = event.get("nth") or [0] * len(event["ids"])
        self.keys = list(zip(event["ids"], numbers, strict=True))

    def _on_ready(self, _event: dict[str, Any]) -> None:
        self.ready = True

    def _on_start(self, event: dict[str, Any]) -> None:
        self.running = event["i"]
        self.started.add(self.key(event["i"]))

    def _on_ran(self, event: dict[str, Any]) -> None:
        self.finished[self.key(event["i"])] = event
        self.running = None
        self.tearing_down = True

    def _on_finish(self, event: dict[str, Any]) -> None:
        self.finished[self.key(event["i"])] = event
        self.running = None
        self.tearing_down = False

    def _on_cut(self, event: dict[str, Any]) -> None:
        self.cut = event

    def _on_note(self, event: dict[str, Any]) -> None:
        self.notes.append(event["text"])

    def _on_end(self, event: dict[str, Any]) -> None:
        self.end = event
