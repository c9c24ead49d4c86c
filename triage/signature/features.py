"""Read off a failure the evidence by which `triage.cluster` joins it with others; none of it is identity.

To show another kind of evidence, add a member to `Feature`, a reader here and its row in `_READERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from triage.model.failure import Failure
from triage.model.signature import Feature
from triage.signature.comparison import (
    changed_words,
    given,
    kinds_compared,
    misused,
    none_from,
    telling_values,
)
from triage.signature.location import Location, location_of
from triage.signature.masking import masked, template
from triage.signature.numbers import Numeric
from triage.signature.paths import missing_folders, missing_paths, relative_paths
from triage.signature.process_state import mixes_dtypes, process_looked_at, states_of
from triage.signature.root_error import RootError, is_process_end
from triage.signature.wording import explicit_text, names_its_cause, says_something
from triage.text.pattern import pattern

_CAPTURED_END = 2000
"""Characters of captured output that are looked at, from its end: what was printed last is nearest."""
_LOOKED_AT = 30_000
_LONGEST_MESSAGE = 2000
_MOST_CALLS = 10
_MOST_SUBJECTS = 20
_FRAMES_LOOKED_AT = 2
"""The failing line and its caller: what lies further out is common to too many tests."""
_LIBRARY_COMPARISONS = frozenset({"close", "equal", "gradcheck", "nan-location", "attribute", "shape"})
"""Kinds of comparison whose words are the library's own and say nothing of the cause."""

Values = tuple[str, ...]


def printed_last(failure: Failure) -> str:
    """The ends of what was captured, in which features are looked for."""
    captured = failure.captured
    return "\n".join(text[-_CAPTURED_END:] for text in (captured.stdout, captured.stderr, captured.log))


@dataclass(frozen=True)
class Evidence:
    """A failure taken apart."""

    failure: Failure
    error: RootError
    location: Location
    numeric: Numeric
    shown: str
    """What the failure says in its own words: message, failing line, what its process said."""


def features_of(
    failure: Failure, error: RootError, location: Location, numeric: Numeric
) -> dict[Feature, Values]:
    """Kinds of evidence with their values; kinds without a value are left out.

    `Feature.NEAR` is not among them: it follows from the signature itself.
    """
    reported = failure.chain[0].message if failure.chain else ""
    shown = "\n".join((error.message, reported, location.code, error.said))[:_LOOKED_AT]
    evidence = Evidence(failure, error, location, numeric, shown)
    found = {feature: read(evidence) for feature, read in READERS.items()}
    return {feature: values for feature, values in found.items() if values}


def _site(evidence: Evidence) -> Values:
    """The very line that raised, where it is product code and no assertion of a test."""
    location = evidence.location
    if not location.is_product:
        return ()
    return (f"{evidence.error.exception} at {location}: {location.code}",)


_CHOSEN_TO_FAIL = pattern(
    r"raise\b | assert\b | (?:sys\.|os\.|pytest\.|self\.)?_?(?:exit|fail|abort|skip|error)\w*\(",
    matches=["raise ValueError(x)", "sys.exit(2)", "self.fail('x')", "_error(x)"],
    rejects=["return x / y", "exit_code = run()"],
    how="match",
)


def _expression(evidence: Evidence) -> Values:
    """The site, where the interpreter or a library failed in evaluating it: nobody chose to raise there."""
    code = evidence.location.code
    if not code or _CHOSEN_TO_FAIL.match(code):
        return ()
    return _site(evidence)


def _message(evidence: Evidence) -> Values:
    """A message that says something wherever it is raised, with its type."""
    if _worded_by_library(evidence) or not _is_raised(evidence.error):
        return ()
    return _telling(evidence.error.exception, evidence.error.message)


def _named_cause(evidence: Evidence) -> Values:
    """The message, where its words are enough to hold failures at different places for one."""
    found = _message(evidence)
    if not found or mixes_dtypes(evidence.error.message):
        return ()  # which two precisions met says little: any operation may refuse them
    frames = evidence.error.frames
    raised_by_library = not evidence.location.is_product and bool(frames) and frames[-1].origin == "library"
    return found if raised_by_library or _names_its_cause(found) else ()


def _cause(evidence: Evidence) -> Values:
    """The innermost exception of the chain; of a failure without one, itself: so that both meet.

    It has to name what is wrong, or to have come from a function of the product, which is named then.
    """
    if _worded_by_library(evidence):
        return ()
    error = evidence.error
    causes = [raised for raised in error.chain if raised.relation in ("cause", "context")]
    if causes:
        found = _telling(causes[-1].type, causes[-1].message)
        named = found if found and _names_its_cause(found) else ()
        place = location_of(causes[-1].frames, error.test_file)
    else:
        found = _telling(error.exception, error.message)
        named = _named_cause(evidence)
        place = evidence.location
    if found and place.is_product:
        return (*named, f"{found[0]} in {place}")
    return named


def _template(evidence: Evidence) -> Values:
    """The wording, for comparing it with others at the same place; none where nobody worded anything."""
    if _worded_by_library(evidence):
        return ()
    error = evidence.error
    said = error.said
    if not said and _is_assertion_error(error, ""):
        said = explicit_text(error.message)
    elif not said:
        said = _first_line(error.message)
    return (template(masked(said)),) if said else ()


def _line(evidence: Evidence) -> Values:
    """The assertion of the test itself that failed, whatever parameters and whichever class it ran with."""
    error, code = evidence.error, evidence.location.code
    own = error.frames[-1] if error.frames else None
    if own is None or own.origin != "test" or not code.startswith("assert"):
        return ()
    if own.function != error.test.rpartition("::")[2]:
        return ()  # a helper's assertion fails for many reasons
    return (f"{own.path}:{own.lineno or error.test}: {own.function}: {code}",)


_DOTTED_CALL = pattern(
    r"(?<![\w.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)\s*\(",
    matches=["assert shop.total(one) == 2"],
    rejects=["assert total(one) == 2", "x[0].total(one)"],
)


def _calls(evidence: Evidence) -> Values:
    """Dotted names that the failing line of the test calls, where nothing of the product is on the stack."""
    if evidence.location.is_product:
        return ()
    return tuple(sorted(set(_DOTTED_CALL.findall(evidence.location.code))))[:_MOST_CALLS]


_ATTRIBUTE_OF_OBJECT = pattern(
    r"<(?:[\w]+\.)*(?P<cls>[A-Z]\w*)[ ]object[ ]at[ ]0x[0-9a-f]+>\.(?P<attr>[a-z_]\w*)",
    matches=["where 3 = <box.Box object at 0x7f31>.area"],
    rejects=["<Box object at 0x7f31>"],
)
_NO_ATTRIBUTES = pattern(
    r"<[^<>\n]{0,300}> | /[\w.]\S* | \b(?:torch|np|numpy|pytest|math|os|sys|re|json|subprocess)(?:\.\w+)+",
    matches=["<Box object>", "/srv/x.y", "torch.nn.functional"],
    rejects=["box.area"],
)
"""Reprs, paths and names of libraries: their points are no look at the product."""
_ATTRIBUTE = pattern(
    r"(?<=[\w\])>])(?<!\bself)(?<!\bcls)\.([a-z_]\w{3,})\b",
    matches=["assert box.area == 3", "boxes[0].area"],
    rejects=["self.area", "0.5", "box.xy"],
)
_COMMON_ATTRIBUTES = frozenset(
    {"item", "numpy", "shape", "dtype", "detach", "clone", "mean", "isclose", "allclose", "size", "device",
     "grad", "abs", "sqrt", "squeeze", "flatten", "tolist", "close", "stdout", "stderr", "returncode",
     "code", "value", "values", "items", "keys", "data", "startswith", "endswith", "format", "strip",
     "exists", "is_file", "isfinite", "isnan", "requires_grad", "status_code", "text", "json", "args",
     "name", "linalg", "norm", "testing", "approx"}
)  # fmt: skip
"""Attributes of anything: two tests that look at them have nothing in common."""


def _subjects(evidence: Evidence) -> Values:
    """Attributes that the assertion looks at, with their class where the explanation has it."""
    shown = evidence.shown
    found = {f"{match['cls']}.{match['attr']}" for match in _ATTRIBUTE_OF_OBJECT.finditer(shown)}
    for name in _ATTRIBUTE.findall(_NO_ATTRIBUTES.sub("<>", shown)):
        if name not in _COMMON_ATTRIBUTES and not name.startswith(("test_", "assert")):
            found.add(name)
    return tuple(sorted(found))[:_MOST_SUBJECTS]


def _given(evidence: Evidence) -> Values:
    """Functions whose value was of another kind than the test needed."""
    error, location = evidence.error, evidence.location
    if location.is_product:
        return ()
    return given(error.message, location.code) or misused(error.exception, error.message, location.code)


def _of_own_comparison(look: Callable[[str], str]) -> Callable[[Evidence], Values]:
    """A reader of what an assertion of the tests compared; those of the product differ by their own lines."""

    def read(evidence: Evidence) -> Values:
        found = "" if evidence.location.is_product else look(evidence.error.message)
        return (found,) if found else ()

    return read


def _none(evidence: Evidence) -> Values:
    """Functions that gave None where something was due."""
    error = evidence.error
    return none_from(error.exception, error.message, evidence.location.code)


def _difference(evidence: Evidence) -> Values:
    difference = evidence.numeric.difference
    return (f"{difference:.6g}",) if difference else ()


def _factor(evidence: Evidence) -> Values:
    factor = evidence.numeric.factor
    return (f"{factor:.6g}",) if factor else ()


def _measured(evidence: Evidence) -> Values:
    """The largest errors and the tolerance, in numbers: too volatile for a hash, good to be read."""
    numeric = evidence.numeric
    named = {"absolute": numeric.absolute, "relative": numeric.relative, "tolerance": numeric.tolerance}
    return tuple(f"{name} {value:.3g}" for name, value in named.items() if value is not None)


def _named(evidence: Evidence) -> Values:
    """Relative paths in the command of a process that ended badly and did not say why."""
    failure, error = evidence.failure, evidence.error
    if error.wrapper or not failure.chain or not is_process_end(failure.chain[0]):
        return ()
    return relative_paths(error.message[:_LONGEST_MESSAGE])


def _states(evidence: Evidence) -> Values:
    return states_of(
        evidence.failure, evidence.error.message, evidence.location.code, evidence.shown, evidence.numeric
    )


def _process(evidence: Evidence) -> Values:
    """What the last lines on the stack and the explanation of the last look at."""
    lines = [frame.code or "" for frame in evidence.error.frames[-_FRAMES_LOOKED_AT:]]
    return process_looked_at((evidence.error.message, *lines))


def _missing(evidence: Evidence) -> Values:
    """Paths that are not there, as the failure or the end of what was captured says."""
    return missing_paths("\n".join((evidence.shown, printed_last(evidence.failure))))


READERS: Mapping[Feature, Callable[[Evidence], Values]] = {
    Feature.SITE: _site,
    Feature.EXPRESSION: _expression,
    Feature.MESSAGE: _message,
    Feature.LINE: _line,
    Feature.CALLS: _calls,
    Feature.TEMPLATE: _template,
    Feature.CAUSE: _cause,
    Feature.DIFFERENCE: _difference,
    Feature.FACTOR: _factor,
    Feature.MEASURED: _measured,
    Feature.COMPARED: _of_own_comparison(kinds_compared),
    Feature.VALUES: _of_own_comparison(telling_values),
    Feature.GIVEN: _given,
    Feature.CHANGED: _of_own_comparison(changed_words),
    Feature.NONE: _none,
    Feature.SUBJECT: _subjects,
    Feature.MISSING: _missing,
    Feature.FOLDER: lambda evidence: missing_folders(evidence.shown),
    Feature.NAMED: _named,
    Feature.STATE: _states,
    Feature.PROCESS: _process,
}
"""How each kind of evidence is read; every member of `Feature` but NEAR has its row."""


def _worded_by_library(evidence: Evidence) -> bool:
    return evidence.numeric.kind in _LIBRARY_COMPARISONS


def _is_raised(error: RootError) -> bool:
    """Whether somebody raised an exception with words of its own: no assertion of the test itself."""
    if not _is_assertion_error(error):
        return not error.message.startswith(("assert ", "[XPASS"))
    return bool(error.frames) and error.frames[-1].origin in ("library", "product")


def _is_assertion_error(error: RootError, *others: str) -> bool:
    return error.exception.rpartition(".")[2] in ("AssertionError", *others)


def _telling(exception: str, message: str) -> Values:
    """Type and masked first line of a message that says something."""
    line = masked(_first_line(message))
    return (f"{exception}: {line}",) if says_something(exception, line) else ()


def _names_its_cause(typed_message: Values) -> bool:
    return names_its_cause(typed_message[0].partition(": ")[2])


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0]
