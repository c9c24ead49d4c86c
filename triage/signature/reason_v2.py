"""`reason/2`: what went wrong, in the project's own terms, with its numbers parsed.

Into the hash go, by name: phase, exception and chain, the masked message (what an author wrote, or what
the raising code says), the last product frame or the test's file, the failing line where nothing else
tells failures of one file apart, and the parsed numbers: kind of comparison, classes (zero, nan, inf),
share of elements, relation of shapes, dtypes, and the decade of error over tolerance.
"""

from __future__ import annotations

import re

from triage.model.failure import Failure
from triage.model.signature import Signature
from triage.signature.anatomy import Anatomy, anatomy_of
from triage.signature.digest import signature_id
from triage.signature.mask import masked
from triage.signature.numeric import Numeric, dtypes_of, parse_numeric
from triage.signature.place import Place, place_of
from triage.signature.title import headline, is_assertion
from triage.signature.words import explicit_text, says_something

ALGORITHM = "reason/2"
_ASSERT_LINE = re.compile(r"^assert .*$", re.MULTILINE)


def reason_v2(failure: Failure, known: Anatomy | None = None) -> Signature:
    """The signature of one failure, without evidence: the newer algorithm shows that; `known` its anatomy."""
    anatomy = known or anatomy_of(failure)
    place = place_of(anatomy.frames, anatomy.test_file)
    numeric = parse_numeric(anatomy.message) if compares(anatomy) else Numeric()
    return signed_v2(named_fields(failure, anatomy, place, numeric), headline(anatomy))


def signed_v2(fields: dict[str, str], title: str) -> Signature:
    """The signature of named fields."""
    return Signature.model_construct(id=signature_id(ALGORITHM, fields), title=title, fields=fields, marks={})


def named_fields(failure: Failure, anatomy: Anatomy, place: Place, numeric: Numeric) -> dict[str, str]:
    """What goes into the hash, by name; empty ones are left out."""
    fields = {
        "exception": anatomy.exception,
        "chain": _chain(anatomy),
        "phase": failure.phase.value,
        "message": _message(anatomy),
        "frame" if place.is_product else "file": str(place),
        "code": _code(anatomy, place),
        **_numbers(anatomy, numeric),
    }
    return {name: text for name, text in fields.items() if text}


def compares(anatomy: Anatomy) -> bool:
    """Whether the numbers of the message are measurements; those of a process's end are not."""
    return not anatomy.wrapper and not anatomy.said


def _chain(anatomy: Anatomy) -> str:
    """Types of the causes, nearest first; of a group's members each type once: their order is an accident."""
    causes = [raised.type for raised in anatomy.chain if raised.relation != "member"]
    members = sorted({raised.type for raised in anatomy.chain if raised.relation == "member"})
    return " < ".join(causes) + (" of " if causes and members else "") + " + ".join(members)


def _message(anatomy: Anatomy) -> str:
    if anatomy.said:
        return masked(anatomy.said)
    if is_assertion(anatomy):
        return masked(explicit_text(anatomy.message))
    return masked(anatomy.message.strip().partition("\n")[0])


def _code(anatomy: Anatomy, place: Place) -> str:
    """The failing line, where neither message nor frame tells this failure from others of its file."""
    if anatomy.said or place.is_product:
        return ""
    if anatomy.message.startswith("[XPASS(strict)]"):
        return anatomy.test  # that one test passes says nothing of another
    if is_assertion(anatomy):
        return "" if explicit_text(anatomy.message) else place.code or _shape_of_assertion(anatomy)
    line = masked(anatomy.message.strip().partition("\n")[0])
    return "" if says_something(anatomy.exception, line) else place.code or place.function


def _shape_of_assertion(anatomy: Anatomy) -> str:
    """Without a source line: the explanation of the assertion, masked."""
    found = _ASSERT_LINE.search(anatomy.message)
    return masked(found[0], keep_zero=True) if found else masked(anatomy.message.strip().partition("\n")[0])


def _numbers(anatomy: Anatomy, numeric: Numeric) -> dict[str, str]:
    fields = numeric.fields()
    if fields or is_assertion(anatomy):
        compared = "\n".join(anatomy.message.splitlines()[:8])
        if dtypes := dtypes_of(compared):
            fields["dtypes"] = " ".join(dtypes)
    return fields
