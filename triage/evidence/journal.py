"""The append-only record of decisions: one JSON event a line, safe to append from many processes.

Two branches' journals merge by union of their lines, so a line may arrive twice and out of order:
the same id counts once, and reading sorts by `at`, then `id`. A last line without an end is what a
killed writer left: it is reported and never overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from triage.errors import UsageError
from triage.evidence.atomic import append_lines, disk_error
from triage.model.journal import EVENT, Event

_CONFLICT_MARKS = ("<<<<<<< ", "=======", ">>>>>>> ", "||||||| ")


class Journal:
    """The journal at `path`; a journal that is not there yet is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Event, ...]:
        """All events, each once, oldest first.

        Raises `UsageError` (bad-journal) that names the first line that is no event.
        """
        found: dict[str, tuple[int, Event]] = {}
        for number, line in enumerate(self._lines(), start=1):
            if line.strip():
                event = self._event(number, line)
                first_line, first = found.setdefault(event.id, (number, event))
                if first != event:
                    raise self._error(number, f"has the id of line {first_line} and says something else")
        return tuple(sorted((event for _, event in found.values()), key=lambda event: (event.at, event.id)))

    def append(self, events: Iterable[Event]) -> None:
        """Add the events in one write, under a lock, flushed to the disk; all of them or none."""
        append_lines(self.path, [event.model_dump_json(exclude_none=True) for event in events])

    def _lines(self) -> list[str]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise disk_error(error, self.path) from error
        return data.decode("utf-8", "surrogateescape").split("\n")

    def _event(self, number: int, line: str) -> Event:
        if line.startswith(_CONFLICT_MARKS):
            raise self._error(number, "is a conflict mark of git")
        try:
            return EVENT.validate_json(line.encode("utf-8", "surrogateescape"))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise self._error(
                number, f"is no event: {where + ': ' if where else ''}{problem['msg']}"
            ) from None

    def _error(self, number: int, what: str) -> UsageError:
        return UsageError(
            "bad-journal",
            f"{self.path} line {number} {what}",
            "mend or remove that line; `git log` shows who wrote it",
        )
