"""Locate an error in the project: the last product frame, else the test's file. Find the project's root."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.model.failure import Failure, Frame, posix

_LONGEST_LINE = 300
_LOOKED_AT = 40_000
"""Characters of a text in which the root is looked for."""


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


def project_root(failure: Failure) -> str | None:
    """The project's absolute root, where the texts show the test's own file under it or a source file."""
    test_file = posix(failure.nodeid.partition("::")[0])
    for text in _texts(failure):
        found = re.search(r"(?P<root>/[^\s:\"']{1,500}?)/" + re.escape(test_file) + r"(?:\"|:\d)", text)
        if found:
            return found["root"]
    product = {frame.path for raised in failure.chain for frame in raised.frames if frame.origin == "product"}
    for path in sorted(product):
        for text in _texts(failure):
            found = re.search(r'"(?P<root>/[^\s:"\']{1,500}?)/' + re.escape(path) + '"', text)
            if found:
                return found["root"]
    return None


def _texts(failure: Failure) -> Iterator[str]:
    """The texts of a failure that may quote absolute paths."""
    yield failure.longrepr[:_LOOKED_AT]
    for raised in failure.chain:
        yield raised.message[:_LOOKED_AT]
    yield failure.captured.stderr[:_LOOKED_AT]


def _one_line(code: str | None) -> str:
    return " ".join((code or "").split())[:_LONGEST_LINE]


def _own_name(function: str | None) -> str:
    """A function's own name: classes and enclosing functions may move."""
    return (function or "?").replace("<locals>.", "").rpartition(".")[2] or "?"
