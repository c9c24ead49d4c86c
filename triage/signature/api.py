"""The door of this room: a failure in, its signatures out, the current algorithm's first.

Older algorithms are kept and computed beside the current one, so that what the journal knows under an
old signature is still found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable

from triage.model.failure import Failure
from triage.model.signature import Signature
from triage.signature.reason import newest, reason_v1
from triage.signature.wording import title_of

Signatures = tuple[Signature, ...]
_LARGEST = 50_000
_ACCIDENTAL = re.compile(
    r"(?=[/0-9])(\b0x[0-9a-f]+\b|(?<![\w.<>])/tmp/[^\s'\",;:)\]}>]*"
    r"|(?<![\w.,])(?<![eE][-+])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\da-fA-F_.x]|[,:]\d|-\d))"
)
_DIGITS_MEAN_MORE = re.compile(r"(?=[\d\[])(?:\d-\d\d|\d:\d\d|\d\.\d+\.\d|\[[-+\d.\[])")
_PLAIN_MARKS = frozenset(
    {
        "site",
        "expression",
        "message",
        "template",
        "cause",
        "subject",
        "state",
        "line",
        "calls",
        "process",
        "named-cause",
    }
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
    path, _, rest = failure.nodeid.partition("::")
    moved = f"/{path}:" in failure.longrepr
    return (
        path,
        rest.partition("[")[0],
        failure.phase,
        raised.type,
        *_shape(message),
        tuple((frame.path, frame.function, frame.code, frame.origin) for frame in raised.frames),
        failure.longrepr if moved else "",
        raised.frames[-1].lineno if raised.frames else None,
        raised.notes,
        _output(failure),
    )


def _shape(message: str) -> tuple[Hashable, ...]:
    """What stands between the accidental tokens, their kinds, and which of them are equal."""
    parts = _ACCIDENTAL.split(message)
    tokens = parts[1::2]
    kinds = "".join("t" if token[0] == "/" else (token[1:2] == "x" and "a") or "n" for token in tokens)
    distinct = set(tokens)
    if len(distinct) == len(tokens):
        return tuple(parts[::2]), kinds
    first = {token: index for index, token in reversed(list(enumerate(tokens)))}
    return tuple(parts[::2]), kinds, tuple(first[token] for token in tokens)


def _output(failure: Failure) -> Hashable:
    """What the process printed, where it printed anything: it counts where only its end was reported."""
    captured = failure.captured
    return (captured.stdout, captured.stderr, captured.log) if captured.stdout or captured.stderr else ""


def signatures_of(failure: Failure) -> tuple[Signature, ...]:
    """Signatures of one failure. Pure: the same failure has the same signatures on every machine."""
    return _MEMO(failure)


def computed(failure: Failure) -> tuple[Signature, ...]:
    """What `signatures_of` gives, without its memory."""
    return (*newest(failure), reason_v1(failure))


_MEMO = Memo(computed)
__all__ = ["computed", "signatures_of", "title_of"]
