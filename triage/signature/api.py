"""The door of this room: a failure in, its signatures out, the current algorithm's first.

Older algorithms are kept and computed beside the current one, so that what the journal knows under an
old signature is still found.
"""

from __future__ import annotations

from triage.model.failure import Failure
from triage.model.signature import Signature
from triage.signature.memo import Memo
from triage.signature.reason_v1 import reason_v1
from triage.signature.reason_v3 import newest
from triage.signature.title import title_of


def signatures_of(failure: Failure) -> tuple[Signature, ...]:
    """Signatures of one failure. Pure: the same failure has the same signatures on every machine."""
    return _MEMO(failure)


def computed(failure: Failure) -> tuple[Signature, ...]:
    """What `signatures_of` gives, without its memory."""
    return (*newest(failure), reason_v1(failure))


_MEMO = Memo(computed)
__all__ = ["computed", "signatures_of", "title_of"]
