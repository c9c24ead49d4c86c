"""Locate an error in the project: the last product frame, else the test's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage.model.failure import Frame

_LONGEST_LINE = 300


@dataclass(frozen=True)
class Location:
    """A function of the project, without line numbers, which move."""

    path: str
    function: str
    code: str
    """The failing source line, white space folded."""
    is_product: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.function}" if self.is_product else self.path


def location_of(frames: Sequence[Frame], test_file: str) -> Location:
    """The last frame in product code; where there is none the test's file, with its last code line.

    A frame of unknown origin (an absolute path, no root known) counts as product by its last three parts.
    """
    for frame in reversed(frames):
        unknown = frame.origin == "unknown" and frame.path.startswith("/")
        if frame.origin == "product" or unknown:
            path = "/".join(frame.path.split("/")[-3:]) if unknown else frame.path
            return Location(path, _own_name(frame.function), _one_line(frame.code), is_product=True)
    for frame in reversed(frames):
        if frame.origin == "test":
            return Location(test_file, _own_name(frame.function), _one_line(frame.code), is_product=False)
    return Location(test_file, "", "", is_product=False)


def _one_line(code: str | None) -> str:
    return " ".join((code or "").split())[:_LONGEST_LINE]


def _own_name(function: str | None) -> str:
    """A function's own name: classes and enclosing functions may move."""
    return (function or "?").replace("<locals>.", "").rpartition(".")[2] or "?"
