"""`reason/3`: `reason/2` with the inner error of workers and runners, with the numbers of every dialect, and
without the words that a library puts in place of an author's.

`reason/2` took what unittest, pandas and torch say of any comparison (`1 != 2`, `Series are different`)
for words of the project, which held all such assertions of a file for one; here the failing line tells
them apart.
"""

from __future__ import annotations

import re
from dataclasses import replace

from triage.model.failure import Failure, Frame
from triage.model.signature import Signature, signature_id
from triage.signature.features import marks_of
from triage.signature.location import Place, place_of
from triage.signature.masking import masked
from triage.signature.number_formats import read_numbers
from triage.signature.numbers import Numeric, dtypes_of, parse_numeric
from triage.signature.root_error import Anatomy, anatomy_of, inner_anatomy
from triage.signature.wording import explicit_text, headline, is_assertion, says_something

ALGORITHM_2 = "reason/2"
_ASSERT_LINE = re.compile(r"^assert .*$", re.MULTILINE)


def reason_v2(failure: Failure, known: Anatomy | None = None) -> Signature:
    """The signature of one failure, without evidence: the newer algorithm shows that; `known` its anatomy."""
    anatomy = known or anatomy_of(failure)
    place = place_of(anatomy.frames, anatomy.test_file)
    numeric = parse_numeric(anatomy.message) if compares(anatomy) else Numeric()
    return signed_v2(named_fields(failure, anatomy, place, numeric), headline(anatomy))


def signed_v2(fields: dict[str, str], title: str) -> Signature:
    """The signature of named fields."""
    return Signature.model_construct(
        id=signature_id(ALGORITHM_2, fields), title=title, fields=fields, marks={}
    )


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


ALGORITHM_3 = "reason/3"
_REMEMBERED = 65536
_NEAR: dict[str, tuple[str, ...]] = {}
"""Neighbours by signature, which determines them."""
_UNITTEST = re.compile(r"self\.(?:assert\w+|fail\w*)\(")
_UNITTEST_WORDS = re.compile(r"^.{0,2000}? : (?P<own>\S.*)$")
_LIBRARY_WORDS = re.compile(
    r"^(?:(?:Attributes of )?(?:DataFrame|Series|Index|MultiIndex|\w*Index|\w*Array|numpy array)\b.{0,200}"
    r"(?:is|are) (?:different|not equivalent)"
    r"|Booleans mismatch|The length of the sequences mismatch|The keys of the mappings do not match"
    r"|Arrays are not|Items are not equal|Not equal to tolerance)"
)
_NUMPY_WORDS = re.compile(
    r"^(?:Not equal to tolerance|Arrays are not|Items are not)[^\n]*\n"
    r"(?P<own>(?!Mismatch|\(|x and y|nan loc|[+-]?inf|item=|key=)\S[^\n]*)",
    re.MULTILINE,
)
"""What an author gave as `err_msg` stands behind the heading."""
_SOURCE = re.compile(r"\.(?:py|pyw|ipynb)$")


def newest(failure: Failure) -> tuple[Signature, Signature]:
    """`reason/3` and `reason/2` of one failure, which mostly have their fields in common."""
    outer = anatomy_of(failure)
    anatomy = inner_anatomy(failure, outer)
    frames = _own_frames(anatomy.frames)
    if len(frames) < len(anatomy.frames):
        anatomy = replace(anatomy, frames=frames)
    place = place_of(anatomy.frames, anatomy.test_file)
    numeric = read_numbers(anatomy.message) if compares(anatomy) else Numeric()
    base = named_fields(failure, anatomy, place, numeric)
    title = headline(anatomy)
    alike = anatomy is outer and (
        not compares(anatomy) or numeric.fields() == parse_numeric(anatomy.message).fields()
    )
    older = signed_v2(base, title) if alike else reason_v2(failure, outer)
    fields = base | _of_library(anatomy, place, base)
    fields = {name: text for name, text in fields.items() if text}
    marks = marks_of(failure, anatomy, place, numeric)
    identity = signature_id(ALGORITHM_3, fields)
    if "decade" in fields:
        if identity not in _NEAR and len(_NEAR) < _REMEMBERED:
            _NEAR[identity] = neighbours(fields)
        marks["near"] = _NEAR.get(identity) or neighbours(fields)
    own = Signature.model_construct(id=identity, title=title, fields=fields, marks=marks)
    return own, older


def neighbours(fields: dict[str, str]) -> tuple[str, ...]:
    """Signatures that differ from this one by one decade of the error: noise moves it, causes seldom do."""
    if "decade" not in fields:
        return ()
    here = int(fields["decade"])
    return tuple(signature_id(ALGORITHM_3, fields | {"decade": str(here + step)}) for step in (-1, 1))


def _of_library(anatomy: Anatomy, place: Place, fields: dict[str, str]) -> dict[str, str]:
    """The failing line instead of a library's words; what the author added to them stays."""
    if anatomy.said or place.is_product or not is_assertion(anatomy):
        return {}
    first = anatomy.message.strip().partition("\n")[0]
    by_unittest = _UNITTEST.search(place.code) is not None
    if not by_unittest and not _LIBRARY_WORDS.match(first):
        return {}
    own = (_UNITTEST_WORDS if by_unittest else _NUMPY_WORDS).search(first if by_unittest else anatomy.message)
    words = masked(own["own"]) if own else ""
    return {"message": words, "code": "" if words else place.code or fields.get("message", "")}


def _own_frames(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Without compiled sources that a library names relative to where it was built: nobody has their text."""
    return tuple(
        frame for frame in frames
        if _SOURCE.search(frame.path) or frame.origin != "product" or frame.code not in (None, "", "???")
    )  # fmt: skip


ALGORITHM_1 = "reason/1"
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
    return Signature.model_construct(id=signature_id(ALGORITHM_1, fields), title=title, fields=fields)


def _place(failure: Failure) -> dict[str, str]:
    for frame in reversed(failure.chain[0].frames if failure.chain else ()):
        if frame.origin == "product":
            return {"frame": f"{frame.path}:{frame.function or '?'}"}
    return {"file": failure.nodeid.partition("::")[0]}
