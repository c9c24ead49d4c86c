"""Remember the signatures of failures that differ only in volatile parts: suites fail alike many times."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import NamedTuple

from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.model.signature import Feature, Signature
from triage.model.traceback import HEAD
from triage.signature.features import printed_last
from triage.signature.file_names import masked_path
from triage.signature.generated import shows_example
from triage.signature.number_formats import is_worded_by_library
from triage.signature.number_sentences import may_tell_difference
from triage.signature.numbers import class_of, decade
from triage.signature.paths import NOTHING_MISSING, missing_in_part
from triage.signature.root_error import reads_output
from triage.signature.timing import compares_time
from triage.signature.volatile_kinds import may_hold_rare_kind
from triage.text.pattern import pattern

Signatures = tuple[Signature, ...]

_MOST_ENTRIES = 50_000
_REPORTS_A_WORKER = "dask."
_LONGEST_MESSAGE = 4000
"""A longer message is rare, and its key would fill the memory."""

_VOLATILE = pattern(
    r"""
    (?=[/0-9])  # every alternative begins so, which makes the scan several times faster
    (   \b0x[0-9a-f]+\b
      | (?<![\w.<>])/tmp/[\w.@+~/-]*(?![^\s'\",;:)\]}>])
      | (?<![\w.,])(?<![eE][-+])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\da-fA-F_.x]|[,:]\d|-\d)
    )
    """,
    matches=["0x7f31", "see /tmp/a/b.txt", "after 31 ms", "1.5e-3"],
    rejects=["float32", "1,234", "256x256", "v12"],
)
"""Tokens that masking replaces whatever they are: an address, a temporary path, a plain number."""
_DIGITS_MEAN_MORE = pattern(
    r"""
    (?=[-:./\[])  # every alternative goes on so, which makes the scan several times faster
    (?: (?<=\d) (?: -\d\d | :\d\d | /\d | \.\d+\.\d ) | \[[-+\d.\[] )
    """,
    matches=["2024-01-02", "12:30:01", "127.0.0.1", "5/3/2022", "[1, 2]"],
    rejects=["3.5", "-4"],
)
"""Dates, times, hosts and arrays, which masking treats otherwise than plain numbers."""
_WITHOUT_DIGITS = frozenset(
    {
        Feature.SITE,
        Feature.EXPRESSION,
        Feature.MESSAGE,
        Feature.TEMPLATE,
        Feature.CAUSE,
        Feature.SUBJECT,
        Feature.STATE,
        Feature.LINE,
        Feature.CALLS,
        Feature.PROCESS,
    }
)
"""Evidence that follows from what the key holds: no value of it came from the digits of a message."""
_FIELDS_OF_NUMBERS = frozenset({"kind", "decade", "dtypes"})
_OF_COMPARISON = frozenset({Feature.NEAR, Feature.COMPARED, Feature.DIFFERENCE, Feature.FACTOR})
"""Evidence that follows from the two numbers of an assertion, as far as the key holds them."""
_ASSERT = "assert "
_PLAIN_COMPARISON = pattern(
    r"""
    ^assert[ ] (?P<left> [\d.]+ (?:[eE][-+]?\d+)? ) [ ] (?P<op> <=|>=|==|<|> ) [ ]
    (?P<right> [\d.]+ (?:[eE][-+]?\d+)? )$
    """,
    flags=re.MULTILINE,
    matches=["assert 0.5 < 1e-05", "the beam is off\nassert 3 == 4\n +  where 3 = f()"],
    rejects=["assert x < 1", "assert 3 < 4 < 5", "assert -1 == 2", "assert tensor(1.) == 2"],
)
_EXPLAINED_LINES = 20
"""Lines among which each reader of assertions looks."""


class SignatureCache:
    """A bounded cache in front of a function that computes signatures; it never changes what that gives."""

    def __init__(self, compute: Callable[[Failure], Signatures]) -> None:
        self._compute = compute
        self._known: dict[Hashable, Signatures | None] = {}
        """None for a key whose signatures depend on more than the key."""

    def __call__(self, failure: Failure) -> Signatures:
        """The signatures of the failure."""
        key = cache_key(failure)
        if key is None:
            return self._compute(failure)
        known = self._known.get(key)
        if known is not None:
            return known
        found = self._compute(failure)
        if key not in self._known and len(self._known) < _MOST_ENTRIES:
            self._known[key] = found if _follows_from_key(found, key) else None
        return found


class Key(NamedTuple):
    """What signatures depend on, where they are remembered."""

    file: str
    test: str
    phase: Phase
    type: str
    shape: Hashable
    """The message without what is volatile in it."""
    compared: Hashable
    """What counts of the two numbers of an assertion; None where the message shows no assertion."""
    frames: Hashable
    representation: str
    line: int | None
    notes: tuple[str, ...]
    output: Hashable


def cache_key(failure: Failure) -> Key | None:
    """Equal for failures that differ in volatile parts alone; None where that cannot be told cheaply."""
    if len(failure.chain) != 1:
        return None
    raised = failure.chain[0]
    message = raised.message
    if len(message) > _LONGEST_MESSAGE or "±" in message:
        return None
    if shows_example(raised):
        return None  # which parts of the message are the example's depends on its digits
    if HEAD in message or raised.type.startswith(_REPORTS_A_WORKER):
        return None  # how the traceback that it quotes is read depends on the other texts
    parts = _VOLATILE.split(message)
    words = tuple(parts[::2])
    if _may_hold_rare_kind(words):
        return None  # whether `22 May` is a day depends on its digits
    if _DIGITS_MEAN_MORE.search(message):
        return None
    compared = None
    if _ASSERT in message:
        compared = _comparison(failure, raised, words, parts[1::2])
        if compared is None:
            return None
    path, _, rest = failure.nodeid.partition("::")
    frames = raised.frames
    return Key(
        path,
        rest.partition("[")[0],
        failure.phase,
        raised.type,
        (words, tuple([_kind(token) for token in parts[1::2]])),
        compared,
        tuple([(frame.path, frame.function, frame.code, frame.origin) for frame in frames]),
        _representation_that_counts(failure, path),
        frames[-1].lineno if frames else None,
        raised.notes,
        _output_that_counts(failure, raised),
    )


@lru_cache(maxsize=_MOST_ENTRIES)
def _may_hold_rare_kind(words: tuple[str, ...]) -> bool:
    """Whether what stands between the volatile tokens has what any of the rare kinds has."""
    return may_hold_rare_kind(" ".join(words))


def _comparison(
    failure: Failure, raised: Raised, words: tuple[str, ...], tokens: list[str]
) -> Hashable | None:
    """What counts of an assertion that compares two plain numbers; None where it may be more than that.

    Of an inequality that is what the signature has of it, of an equality the numbers themselves: their
    difference and their factor are evidence.
    """
    message = raised.message
    is_plain = _is_plain_comparison(words) and not any(token.startswith("/") for token in tokens)
    found = _PLAIN_COMPARISON.search(message) if is_plain else None
    if found is None or len(message[: found.start()].splitlines()) >= _EXPLAINED_LINES:
        return None
    op = found["op"]
    left, right = _value(found["left"]), _value(found["right"])
    if left is None or right is None:
        return None
    if op == "==":
        return op, found["left"], found["right"]
    by_clock = _may_compare_time(failure, raised.frames)
    return op, class_of(left), class_of(right), decade(left, right), by_clock


@lru_cache(maxsize=_MOST_ENTRIES)
def _is_plain_comparison(words: tuple[str, ...]) -> bool:
    """Whether one assertion is all that the message has of numbers: no table, no pair, no process's end."""
    text = " ".join(words)
    is_single = text.count(_ASSERT) == 1
    return is_single and not (is_worded_by_library(text) or may_tell_difference(text) or "<Result " in text)


def _value(text: str) -> float | None:
    """The number; None where it is zero only because it is too small for a float."""
    try:
        value = float(text)
    except ValueError:
        return None
    digits = text.lower().partition("e")[0]
    is_printed_as_zero = not digits.strip("0.")
    return value if (value == 0) == is_printed_as_zero else None


def _may_compare_time(failure: Failure, frames: tuple[Frame, ...]) -> tuple[bool, ...]:
    """For each line that may be the failing one, whether it compares a measured time."""
    lines = dict.fromkeys(" ".join((frame.code or "").split()) for frame in frames)
    lines[""] = None  # it is none of these where no frame is the project's
    return tuple([compares_time(failure.longrepr, line) for line in lines])


def _representation_that_counts(failure: Failure, path: str) -> str:
    """The representation, where features are read off it; mostly it repeats the frames and the message."""
    shows_root = f"/{path}:" in failure.longrepr
    shows_dtype = "dtype=torch.float32" in failure.longrepr
    return failure.longrepr if shows_root or shows_dtype else ""


def _output_that_counts(failure: Failure, raised: Raised) -> Hashable:
    """What of the output the signatures may depend on: mostly nothing, and it differs from test to test."""
    captured = failure.captured
    if not (captured.stdout or captured.stderr or captured.log):
        return NOTHING_MISSING
    if reads_output(raised):
        return captured.stdout, captured.stderr, captured.log
    return missing_in_part(printed_last(failure))


def _kind(token: str) -> str:
    if token.startswith("/"):
        return masked_path(token)
    return "a" if token[1:2] == "x" else "n"


def _follows_from_key(signatures: Signatures, key: Key) -> bool:
    """Whether nothing in the signatures came from what the key does not hold: other digits, other output."""
    current = signatures[0]
    if key.compared is not None:
        return "dtypes" not in current.fields and current.features.keys() <= _WITHOUT_DIGITS | _OF_COMPARISON
    return current.fields.keys().isdisjoint(_FIELDS_OF_NUMBERS) and current.features.keys() <= _WITHOUT_DIGITS
