"""Compute the signature of a failure: the algorithm `reason/1`.

Its meaning never moves. A change of what it gives for a failure is a new version, which takes its place at
the head of `triage.signature.api.ALGORITHMS` while this one stays behind it, so that ids outlive it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from triage.model.failure import UNTOLD, Failure
from triage.model.signature import Feature, Signature, signature_id
from triage.signature.features import features_of
from triage.signature.location import Location, location_of
from triage.signature.masking import masked
from triage.signature.number_formats import read_numbers
from triage.signature.numbers import Numeric, dtypes_of
from triage.signature.process_state import compares_measured_time
from triage.signature.root_error import RootError, root_error
from triage.signature.wording import explicit_text, headline, is_assertion, says_something
from triage.text.doctests import PROMPT
from triage.text.pattern import pattern

ALGORITHM = "reason/1"
_COMPARED_LINES = 8
"""Lines of a comparison in which dtypes are looked for: headings and explanations come first."""

_ASSERT_LINE = re.compile(r"^assert .*$", re.MULTILINE)
_UNITTEST_CALL = re.compile(r"self\.(?:assert\w+|fail\w*)\(")
_UNITTEST_WORDS = pattern(
    r"^.{0,2000}?[ ]:[ ](?P<own>\S.*)$",
    matches=["1 != 2 : the centre is off"],
    rejects=["1 != 2"],
)
"""What an author gave as `msg` stands behind unittest's own words."""
_LIBRARY_WORDS = pattern(
    r"""
    ^(?: (?:Attributes[ ]of[ ])?(?:DataFrame|Series|Index|MultiIndex|\w*Index|\w*Array|numpy[ ]array)\b
         .{0,200}(?:is|are)[ ](?:different|not[ ]equivalent)
       | Booleans[ ]mismatch | The[ ]length[ ]of[ ]the[ ]sequences[ ]mismatch
       | The[ ]keys[ ]of[ ]the[ ]mappings[ ]do[ ]not[ ]match
       | Arrays[ ]are[ ]not | Items[ ]are[ ]not[ ]equal | Not[ ]equal[ ]to[ ]tolerance )
    """,
    matches=[
        "Series are different",
        "Attributes of DataFrame.iloc[:, 0] are different",
        "Arrays are not equal",
    ],
    rejects=["the series are different"],
    how="match",
)
_NUMPY_WORDS = pattern(
    r"""
    ^(?:Not[ ]equal[ ]to[ ]tolerance|Arrays[ ]are[ ]not|Items[ ]are[ ]not)[^\n]*\n
    (?P<own>(?!Mismatch|\(|x[ ]and[ ]y|nan[ ]loc|[+-]?inf|item=|key=)\S[^\n]*)
    """,
    flags=re.MULTILINE,
    matches=["Arrays are not equal\nthe centre is off\nMismatched elements"],
    rejects=["Arrays are not equal\nMismatched elements: 1 / 2"],
)
"""What an author gave as `err_msg` stands behind the heading."""


def reason(failure: Failure) -> Signature:
    """The signature of one failure, as `in_any_checkout` gives it, with the evidence that it shows. Pure."""
    error = root_error(failure)
    location = location_of(error.frames, error.test_file)
    numeric = read_numbers(error.message) if _compares(error) else Numeric()
    fields = _identity(failure, error, location, numeric)
    features = features_of(failure, error, location, numeric)
    if near := neighbours(fields):
        features[Feature.NEAR] = near
    return Signature.model_construct(
        id=signature_id(ALGORITHM, fields), title=headline(error), fields=fields, features=features
    )


def neighbours(fields: dict[str, str]) -> tuple[str, ...]:
    """Signatures that differ from this one by one decade of the error: noise moves it, causes seldom do."""
    if "decade" not in fields:
        return ()
    here = int(fields["decade"])
    return tuple(signature_id(ALGORITHM, fields | {"decade": str(here + step)}) for step in (-1, 1))


def _compares(error: RootError) -> bool:
    """Whether the numbers of the message are measurements; those of a process's end are not."""
    return not error.wrapper and not error.said


def _identity(failure: Failure, error: RootError, location: Location, numeric: Numeric) -> dict[str, str]:
    """What goes into the hash, by name; empty ones are left out."""
    words = _words(error, location)
    fields = {
        "exception": error.exception,
        "chain": _chain(error),
        "phase": failure.phase.value,
        "message": words.message,
        "frame" if location.is_product else "file": str(location),
        "code": words.code,
        "function": error.test if words.code and not location.is_product else "",
        "dtypes": _dtypes(error, numeric),
        **numeric.fields(),
    }
    if compares_measured_time(failure, location.code, numeric):
        fields.pop("decade", None)  # how slow it was is the machine's, and another in each run
    return {name: text for name, text in fields.items() if text}


def _chain(error: RootError) -> str:
    """Types of the causes, nearest first; of a group's members each type once: their order is an accident."""
    causes = [raised.type for raised in error.chain if raised.relation != "member"]
    members = sorted({raised.type for raised in error.chain if raised.relation == "member"})
    between = " of " if causes and members else ""
    return " < ".join(causes) + between + " + ".join(members)


def _dtypes(error: RootError, numeric: Numeric) -> str:
    """The dtypes that a comparison names."""
    if not numeric.fields() and not is_assertion(error):
        return ""
    compared = "\n".join(error.message.splitlines()[:_COMPARED_LINES])
    return " ".join(dtypes_of(compared))


class _Words(NamedTuple):
    """What a failure says, and the failing line where that does not tell it from others of its file."""

    message: str
    code: str


def _words(error: RootError, location: Location) -> _Words:
    if error.said:
        return _Words(masked(error.said), "")
    first = error.message.strip().partition("\n")[0]
    if error.message.startswith(UNTOLD):
        return _Words("", error.test)  # nothing is known of the failure but whose it is
    if location.code.startswith(PROMPT):
        return _Words(masked(first), location.code)  # one docstring has several examples
    if is_assertion(error):
        return _words_of_assertion(error, location, first)
    message = masked(first)
    if location.is_product:
        return _Words(message, "")  # the frame tells it apart
    if _passed_unexpectedly(error):
        return _Words(message, error.test)
    if says_something(error.exception, message):
        return _Words(message, "")
    return _Words(message, location.code or location.function)


def _words_of_assertion(error: RootError, location: Location, first: str) -> _Words:
    message = masked(explicit_text(error.message))
    if location.is_product:
        return _Words(message, "")
    if _UNITTEST_CALL.search(location.code):
        return _in_place_of_library_words(_UNITTEST_WORDS.search(first), location, message)
    if _LIBRARY_WORDS.match(first):
        return _in_place_of_library_words(_NUMPY_WORDS.search(error.message), location, message)
    if _passed_unexpectedly(error):
        return _Words(message, error.test)
    if message:
        return _Words(message, "")
    return _Words("", location.code or _shape_of_assertion(error))


def _in_place_of_library_words(own: re.Match[str] | None, location: Location, message: str) -> _Words:
    """The author's words behind the library's, else the failing line: `1 != 2` is nobody's wording."""
    if own is not None:
        return _Words(masked(own["own"]), "")
    return _Words("", location.code or message)


def _passed_unexpectedly(error: RootError) -> bool:
    """Whether a test passed that was expected to fail: that one passes says nothing of another."""
    return error.message.startswith("[XPASS(strict)]")


def _shape_of_assertion(error: RootError) -> str:
    """Without a source line: the explanation of the assertion, masked."""
    found = _ASSERT_LINE.search(error.message)
    if found is not None:
        return masked(found[0], keep_zero=True)
    return masked(error.message.strip().partition("\n")[0])
