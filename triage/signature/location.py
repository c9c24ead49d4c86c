"""Where in the project an error arose: the last product frame, else the test's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.model.failure import Frame


@dataclass(frozen=True)
class Place:
    """A function of the project, without line numbers, which move."""

    path: str
    function: str
    code: str
    is_product: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.function}" if self.is_product else self.path


def place_of(frames: Sequence[Frame], test_file: str) -> Place:
    """The last frame in product code; where there is none the test's file, with its last code line.

    A frame of unknown origin (an absolute path, no root known) counts as product by its last three parts.
    """
    for frame in reversed(frames):
        if frame.origin == "product" or (frame.origin == "unknown" and frame.path.startswith("/")):
            path = frame.path if frame.origin == "product" else "/".join(frame.path.split("/")[-3:])
            return Place(path, _function(frame.function), folded(frame.code), is_product=True)
    own = next((frame for frame in reversed(frames) if frame.origin == "test"), None)
    function = _function(own.function) if own else ""
    return Place(test_file, function, folded(own.code) if own else "", is_product=False)


def folded(code: str | None) -> str:
    """A source line with its white space folded."""
    return " ".join((code or "").split())[:300]


def _function(name: str | None) -> str:
    """A function's own name: classes and enclosing functions may move."""
    return re.sub(r"<locals>\.", "", name or "?").rpartition(".")[2] or "?"
