"""Give the signatures of a failure, the current algorithm's first.

A newer algorithm is put before the older ones, which are computed beside it: what the journal knows under an
old signature is still found, and its cluster keeps its id. Plugins' algorithms come last, by the hook
`triage_signatures`.
"""

from __future__ import annotations

from collections.abc import Callable

from triage.model.failure import Failure
from triage.model.signature import Signature
from triage.signature.cache import SignatureCache
from triage.signature.checkout import in_any_checkout
from triage.signature.reason import reason
from triage.signature.title import title_of

ALGORITHMS: tuple[Callable[[Failure], Signature], ...] = (reason,)
"""The current algorithm, then older ones, newest first; they get what `in_any_checkout` gives."""


def signatures_of(failure: Failure) -> tuple[Signature, ...]:
    """Signatures of one failure. Pure: the same failure has the same signatures on every machine."""
    return _CACHE(in_any_checkout(failure))


def compute_signatures(failure: Failure) -> tuple[Signature, ...]:
    """The same without the cache."""
    return _by_every_algorithm(in_any_checkout(failure))


def _by_every_algorithm(failure: Failure) -> tuple[Signature, ...]:
    return tuple(algorithm(failure) for algorithm in ALGORITHMS)


_CACHE = SignatureCache(_by_every_algorithm)
__all__ = ["ALGORITHMS", "compute_signatures", "signatures_of", "title_of"]
