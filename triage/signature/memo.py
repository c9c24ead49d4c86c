"""Signatures of failures that differ in their accidents alone, computed once.

A million failures have some thousand reasons. Two failures with one *likeness* have the same signatures
and the same evidence: it replaces plain numbers, addresses and temporary paths by their order of first
appearance and keeps everything else. Where digits can mean more (comparisons, lists, dates, missing
paths, the output of processes) there is no likeness, and every failure is looked at in full.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable

from triage.model.failure import Failure
from triage.model.signature import Signature

Signatures = tuple[Signature, ...]
_LARGEST = 50_000
_ACCIDENTAL = re.compile(
    r"(?=[/0-9])(?:\b0x[0-9a-f]+\b|(?<![\w.<>])/tmp/[^\s'\",;:)\]}>]*"
    r"|(?<![\w.,])(?<![eE][-+])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\da-fA-F_.x]|[,:]\d|-\d))"
)
_DIGITS_MEAN_MORE = re.compile(r"(?=[\d\[])(?:\d-\d\d|\d:\d\d|\d\.\d+\.\d|\[[-+\d.\[])")
_PLAIN_MARKS = frozenset(
    {"site", "expression", "message", "template", "cause", "subject", "state", "line", "named-cause"}
)


class Memo:
    """A bounded memory in front of an algorithm; what it returns is what the algorithm returns."""

    def __init__(self, sign: Callable[[Failure], Signatures]) -> None:
        self._sign = sign
        self._known: dict[Hashable, Signatures | None] = {}

    def __call__(self, failure: Failure) -> Signatures:
        """The signatures of the failure."""
        key = likeness(failure)
        known = self._known.get(key) if key is not None else None
        if known is not None:
            return known
        found = self._sign(failure)
        if key is not None and key not in self._known and len(self._known) < _LARGEST:
            self._known[key] = found if is_plain(failure, found) else None
        return found


def is_plain(failure: Failure, signatures: Signatures) -> bool:
    """Whether nothing in the signatures came from digits or from what the test printed."""
    current = signatures[0]
    compares = current.fields.keys() & {"kind", "decade", "dtypes"}
    return not compares and current.marks.keys() <= _PLAIN_MARKS and not current.fields.get("said")


def likeness(failure: Failure) -> Hashable:
    """Equal for failures that differ in accidents alone; None where that cannot be told cheaply."""
    if len(failure.chain) != 1:
        return None
    raised = failure.chain[0]
    message = raised.message
    if len(message) > 4000 or "assert " in message or "±" in message or _DIGITS_MEAN_MORE.search(message):
        return None
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        token = found[0]
        kind = "\x00a" if token.startswith("0x") else "\x00t" if token.startswith("/") else "\x00n"
        return names.setdefault(token, f"{kind}{len(names)}")

    path, _, rest = failure.nodeid.partition("::")
    moved = f"/{path}:" in failure.longrepr
    return (
        path,
        rest.partition("[")[0],
        failure.phase,
        raised.type,
        _ACCIDENTAL.sub(name, message),
        tuple((frame.path, frame.function, frame.code, frame.origin) for frame in raised.frames),
        failure.longrepr if moved else "",
        _output(failure),
    )


def _output(failure: Failure) -> Hashable:
    """What the process printed, where it printed anything: it counts where only its end was reported."""
    captured = failure.captured
    return (captured.stdout, captured.stderr, captured.log) if captured.stdout or captured.stderr else ""
