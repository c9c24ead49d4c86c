"""Remember the signatures of failures that differ only in volatile parts: suites fail alike many times."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from triage.model.failure import Failure, Raised
from triage.model.signature import Feature, Signature
from triage.model.traceback import HEAD
from triage.signature.features import printed_last
from triage.signature.file_names import masked_path
from triage.signature.generated import shows_example
from triage.signature.paths import concerns_paths
from triage.signature.root_error import reads_output
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
    r"\d-\d\d | \d:\d\d | \d\.\d+\.\d | \d/\d | \[[-+\d.\[]",
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
            self._known[key] = found if _follows_from_key(found) else None
        return found


def cache_key(failure: Failure) -> Hashable:
    """Equal for failures that differ in volatile parts alone; None where that cannot be told cheaply."""
    if len(failure.chain) != 1:
        return None
    raised = failure.chain[0]
    message = raised.message
    if len(message) > _LONGEST_MESSAGE or "assert " in message or "±" in message:
        return None
    if shows_example(raised):
        return None  # which parts of the message are the example's depends on its digits
    if HEAD in message or raised.type.startswith(_REPORTS_A_WORKER):
        return None  # how the traceback that it quotes is read depends on the other texts
    parts = _VOLATILE.split(message)
    if may_hold_rare_kind(" ".join(parts[::2])):
        return None  # whether `22 May` is a day depends on its digits
    if _DIGITS_MEAN_MORE.search(message):
        return None
    path, _, rest = failure.nodeid.partition("::")
    return (
        path,
        rest.partition("[")[0],
        failure.phase,
        raised.type,
        _shape(parts),
        tuple((frame.path, frame.function, frame.code, frame.origin) for frame in raised.frames),
        _representation_that_counts(failure, path),
        raised.frames[-1].lineno if raised.frames else None,
        raised.notes,
        _output_that_counts(failure, raised),
    )


def _representation_that_counts(failure: Failure, path: str) -> str:
    """The representation, where features are read off it; mostly it repeats the frames and the message."""
    shows_root = f"/{path}:" in failure.longrepr
    shows_dtype = "dtype=torch.float32" in failure.longrepr
    return failure.longrepr if shows_root or shows_dtype else ""


def _output_that_counts(failure: Failure, raised: Raised) -> Hashable:
    """What of the output the signatures may depend on: mostly nothing, and it differs from test to test."""
    captured = failure.captured
    if not (captured.stdout or captured.stderr or captured.log):
        return ""
    if reads_output(raised):
        return captured.stdout, captured.stderr, captured.log
    end = printed_last(failure)
    return end if concerns_paths(end) else ""


def _shape(parts: list[str]) -> Hashable:
    """What stands between the volatile tokens, and their kinds; text and tokens take turns."""
    return tuple(parts[::2]), tuple(_kind(token) for token in parts[1::2])


def _kind(token: str) -> str:
    if token.startswith("/"):
        return masked_path(token)
    return "a" if token[1:2] == "x" else "n"


def _follows_from_key(signatures: Signatures) -> bool:
    """Whether nothing in the signatures came from digits or from what the test printed."""
    current = signatures[0]
    return current.fields.keys().isdisjoint(_FIELDS_OF_NUMBERS) and current.features.keys() <= _WITHOUT_DIGITS
