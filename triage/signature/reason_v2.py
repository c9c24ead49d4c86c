"""`reason/2`: what went wrong, in the project's own terms, with its numbers parsed.

Into the hash go, by name: phase, exception and chain, the masked message (what an author wrote, or what
the raising code says), the last product frame or the test's file, the failing line where nothing else
tells failures of one file apart, and the parsed numbers: kind of comparison, classes (zero, nan, inf),
share of elements, relation of shapes, dtypes, and the decade of error over tolerance.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from triage.model.escape import visible
from triage.model.failure import Failure
from triage.model.signature import Signature
from triage.signature.anatomy import Anatomy, anatomy_of
from triage.signature.digest import signature_id
from triage.signature.marks import marks_of
from triage.signature.mask import legible, masked, shown
from triage.signature.numeric import Numeric, dtypes_of, parse_numeric
from triage.signature.place import Place, place_of
from triage.signature.words import explicit_text, says_something

ALGORITHM = "reason/2"
_ASSERT_LINE = re.compile(r"^assert .*$", re.MULTILINE)
_TITLE = 120
_REMEMBERED = 65536
_NEAR: dict[str, tuple[str, ...]] = {}
"""Neighbours by signature, which determines them."""


def reason_v2(failure: Failure) -> Signature:
    """The signature of one failure, with the evidence that it shows."""
    anatomy = anatomy_of(failure)
    place = place_of(anatomy.frames, anatomy.test_file)
    numeric = parse_numeric(anatomy.message) if _compares(anatomy) else Numeric()
    fields = {
        "exception": anatomy.exception,
        "chain": _chain(anatomy),
        "phase": failure.phase.value,
        "message": _message(anatomy),
        "frame" if place.is_product else "file": str(place),
        "code": _code(anatomy, place),
        **_numbers(anatomy, numeric),
    }
    fields = {name: text for name, text in fields.items() if text}
    marks = marks_of(failure, anatomy, place, numeric)
    identity = signature_id(ALGORITHM, fields)
    if "decade" in fields:
        if identity not in _NEAR and len(_NEAR) < _REMEMBERED:
            _NEAR[identity] = neighbours(fields)
        marks["near"] = _NEAR.get(identity) or neighbours(fields)
    return Signature.model_construct(id=identity, title=_title(anatomy), fields=fields, marks=marks)


def neighbours(fields: dict[str, str]) -> tuple[str, ...]:
    """Signatures that differ from this one by one decade of the error: noise moves it, causes seldom do."""
    if "decade" not in fields:
        return ()
    here = int(fields["decade"])
    return tuple(signature_id(ALGORITHM, fields | {"decade": str(here + step)}) for step in (-1, 1))


def _compares(anatomy: Anatomy) -> bool:
    """Whether the numbers of the message are measurements; those of a process's end are not."""
    return not anatomy.wrapper and not anatomy.said


def _is_assertion(anatomy: Anatomy) -> bool:
    return anatomy.exception.rpartition(".")[2] in ("AssertionError", "GradcheckError", "")


def _chain(anatomy: Anatomy) -> str:
    """Types of the causes, nearest first; of a group's members each type once: their order is an accident."""
    causes = [raised.type for raised in anatomy.chain if raised.relation != "member"]
    members = sorted({raised.type for raised in anatomy.chain if raised.relation == "member"})
    return " < ".join(causes) + (" of " if causes and members else "") + " + ".join(members)


def _message(anatomy: Anatomy) -> str:
    if anatomy.said:
        return masked(anatomy.said)
    if _is_assertion(anatomy):
        return masked(explicit_text(anatomy.message))
    return masked(anatomy.message.strip().partition("\n")[0])


def _code(anatomy: Anatomy, place: Place) -> str:
    """The failing line, where neither message nor frame tells this failure from others of its file."""
    if anatomy.said or place.is_product:
        return ""
    if anatomy.message.startswith("[XPASS(strict)]"):
        return anatomy.test  # that one test passes says nothing of another
    if _is_assertion(anatomy):
        return "" if explicit_text(anatomy.message) else place.code or _shape_of_assertion(anatomy)
    line = masked(anatomy.message.strip().partition("\n")[0])
    return "" if says_something(anatomy.exception, line) else place.code or place.function


def _shape_of_assertion(anatomy: Anatomy) -> str:
    """Without a source line: the explanation of the assertion, masked."""
    found = _ASSERT_LINE.search(anatomy.message)
    return masked(found[0], keep_zero=True) if found else masked(anatomy.message.strip().partition("\n")[0])


def _numbers(anatomy: Anatomy, numeric: Numeric) -> dict[str, str]:
    fields = numeric.fields()
    if fields or _is_assertion(anatomy):
        compared = "\n".join(anatomy.message.splitlines()[:8])
        if dtypes := dtypes_of(compared):
            fields["dtypes"] = " ".join(dtypes)
    return fields


def title_of(failure: Failure) -> str:
    """A line for people about this one failure, with its numbers."""
    return visible(_title(anatomy_of(failure), legible))


def _without_numbers(line: str) -> str:
    return shown(masked(line))


def _title(anatomy: Anatomy, legibly: Callable[[str], str] = _without_numbers) -> str:
    """A line for people; by default the same for all failures of one signature."""
    line = anatomy.said or anatomy.message.strip().partition("\n")[0]
    words = legibly(line)
    named = words if _is_assertion(anatomy) and words else f"{anatomy.exception}: {words}".strip(": ")
    return named[:_TITLE] or "failure without a message"
