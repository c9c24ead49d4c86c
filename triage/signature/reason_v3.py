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
from triage.model.signature import Signature
from triage.signature.anatomy import Anatomy, anatomy_of
from triage.signature.dialects import read_numbers
from triage.signature.digest import signature_id
from triage.signature.inner import inner_anatomy
from triage.signature.marks import marks_of
from triage.signature.mask import masked
from triage.signature.numeric import Numeric, parse_numeric
from triage.signature.place import Place, place_of
from triage.signature.reason_v2 import compares, named_fields, reason_v2, signed_v2
from triage.signature.title import headline, is_assertion

ALGORITHM = "reason/3"
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
    identity = signature_id(ALGORITHM, fields)
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
    return tuple(signature_id(ALGORITHM, fields | {"decade": str(here + step)}) for step in (-1, 1))


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
