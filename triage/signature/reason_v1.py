"""`reason/1`: exception type, masked first line, last product frame. Frozen: what it gives never changes.

The frame is the last one in the project that is neither test nor library; where there is none the file
of the test stands in. All digits are masked, which is the weakness that `reason/2` mends.
"""

from __future__ import annotations

import re

from triage.model.failure import Failure
from triage.model.signature import Signature
from triage.signature.digest import signature_id

ALGORITHM = "reason/1"
_LONGEST = 500

_ACCIDENTAL = re.compile(
    r"(?P<address>\b0x[0-9a-fA-F]+)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<temporary>/tmp/[^\s'\",;:)\]]+)"
    r"|(?P<number>(?<![A-Za-z_0-9])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"
)


def reason_v1(failure: Failure) -> Signature:
    """The signature of one failure; `fields` are `exception`, `message` and `frame` or `file`."""
    line = failure.message.strip().partition("\n")[0]
    fields = {
        "exception": failure.exception,
        "message": _ACCIDENTAL.sub(lambda match: f"<{match.lastgroup}>", line)[:_LONGEST],
        **_place(failure),
    }
    title = fields["message"][:120] or failure.exception or "failure without a message"
    return Signature.model_construct(id=signature_id(ALGORITHM, fields), title=title, fields=fields)


def _place(failure: Failure) -> dict[str, str]:
    for frame in reversed(failure.chain[0].frames if failure.chain else ()):
        if frame.origin == "product":
            return {"frame": f"{frame.path}:{frame.function or '?'}"}
    return {"file": failure.nodeid.partition("::")[0]}
