"""Locate an error in the project: the last product frame, else the test's file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.model.failure import Frame
from triage.text.pattern import pattern

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


_ASSERTING_LINE = pattern(
    r"assert\b | raise[ ](?:\w+\.)*AssertionError\b | (?:pytest|self)\.fail\(",
    matches=["assert abs(a - b) < tol", "raise AssertionError(a)", "pytest.fail('no')"],
    rejects=["assertion = 3", "raise ValueError(a)"],
    how="match",
)
_NAMED_FOR_ASSERTING = pattern(
    r"""
    (?: ^ | [_.] )
    (?: assert(?:s|ions?)? | checks? | expect(?:s|ed)? | verify | should | compare | allclose | close
      | equals? | same )
    (?: $ | _ )
    """,
    flags=re.IGNORECASE,
    matches=["check", "close", "assert_prices", "_verify", "Book.expect_total", "all_equal", "assertions"],
    rejects=["net", "recheck", "closest", "matching", "sameness"],
)
"""A module or function that is called so compares and fails for tests, if an assertion failed there."""


def location_of(frames: Sequence[Frame], test_file: str) -> Location:
    """The last frame in product code; where there is none the test's file, with its last code line.

    A helper that asserts for tests is not the product, wherever it lies: its caller decides. A frame of
    unknown origin (an absolute path, no root known) counts as product by its last three parts.
    """
    frames = _without_assertion_helper(frames)
    for frame in reversed(frames):
        unknown = frame.origin == "unknown" and frame.path.startswith("/")
        if frame.origin == "product" or unknown:
            path = "/".join(frame.path.split("/")[-3:]) if unknown else frame.path
            return Location(path, _own_name(frame.function), _one_line(frame.code), is_product=True)
    for frame in reversed(frames):
        if frame.origin == "test":
            return Location(test_file, _own_name(frame.function), _one_line(frame.code), is_product=False)
    return Location(test_file, "", "", is_product=False)


def _without_assertion_helper(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames down to the caller of a helper whose only job is to compare and fail."""
    if not frames or not _asserts(frames[-1]):
        return frames
    kept = list(frames)
    while kept and kept[-1].origin in ("product", "unknown") and _is_named_for_asserting(kept[-1]):
        kept.pop()
    return kept or frames


def _asserts(frame: Frame) -> bool:
    return _ASSERTING_LINE.match(_one_line(frame.code)) is not None


def _is_named_for_asserting(frame: Frame) -> bool:
    module = frame.path.rpartition("/")[2].removesuffix(".py")
    return any(_NAMED_FOR_ASSERTING.search(name) for name in (module, frame.function or ""))


def _one_line(code: str | None) -> str:
    return " ".join((code or "").split())[:_LONGEST_LINE]


def _own_name(function: str | None) -> str:
    """A function's own name: classes and enclosing functions may move."""
    return (function or "?").replace("<locals>.", "").rpartition(".")[2] or "?"
