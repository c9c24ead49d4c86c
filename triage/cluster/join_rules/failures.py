"""Evidence in the failures themselves: equal words, one raising line, one cause behind two wrappings, one
difference in one attribute, one state of the process. Each rule is linear in the number of signatures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from rapidfuzz import fuzz

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.union import Join, by_key
from triage.model.cluster import Why
from triage.model.signature import Feature, ProcessState

_MOVED = ProcessState.WORKING_DIRECTORY_MOVED
_DTYPE = ProcessState.DEFAULT_DTYPE_CHANGED
_MIXED = ProcessState.DTYPES_MIXED
_CLOCK = ProcessState.TIME_COMPARED
_DIGITS_THAT_TELL = 3


def features(unit: Unit, kind: Feature) -> tuple[str, ...]:
    """Values of a mark that every failure of the unit shows."""
    return unit.group.features.get(kind, ())


def near_decades(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """The same failure but for one decade of its error."""
    index_of = {unit.group.signature.id: index for index, unit in enumerate(units)}
    for index, unit in enumerate(units):
        for near in features(unit, Feature.NEAR):
            if near in index_of and index < index_of[near]:
                detail = f"the same but for one decade of the error: {_says(unit)}"
                yield Join(index, index_of[near], Why(kind="message", detail=detail))


def same_message(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """A message raised in several places: one that names its cause joins, another proposes.

    What a library says of a value says nothing of who made it: where the failing lines of tests call
    functions of the project, they must be the same ones.
    """

    yield from by_key(
        units, lambda unit: _of_project(unit, Feature.NAMED_CAUSE, context), "message", _first_line
    )
    yield from by_key(units, lambda unit: features(unit, Feature.MESSAGE), "message", proposal=True)


def same_note(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One note on several exceptions: where it was added is the same, the cause need not be."""
    return by_key(
        units,
        lambda unit: features(unit, Feature.NOTE),
        "message",
        lambda n: f"both note: {n}",
        proposal=True,
    )


def same_cause(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One exception that other exceptions wrap."""
    return by_key(
        units,
        lambda unit: _of_project(unit, Feature.CAUSE, context),
        "chain",
        lambda key: f"caused by {_first_line(key)}",
    )


def same_site(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One raising line with one wording; one line in whose evaluation all failed; else a proposal."""
    yield from by_key(units, lambda unit: features(unit, Feature.EXPRESSION), "frame")
    yield from by_key(units, _worded_sites, "frame", _first_line)
    yield from by_key(units, lambda unit: features(unit, Feature.SITE), "frame", proposal=True)


def same_difference(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One difference in several messages, in the same attribute; or one so odd that chance is no answer."""
    yield from by_key(
        units, _differences_in_subjects, "message", lambda key: "off by {} in {}".format(*key.split("\n"))
    )
    yield from by_key(
        units,
        lambda unit: _odd(features(unit, Feature.DIFFERENCE)),
        "message",
        lambda key: f"off by {key} in each",
    )
    yield from by_key(
        units, _broken_differences, "message", lambda key: f"off by {key} in each", proposal=True
    )


def same_factor(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Results of one function, each wrong by the same factor; elsewhere an odd factor proposes."""

    def of_one(unit: Unit) -> Iterator[str]:
        return (key for key in _of_project(unit, Feature.FACTOR, context) if not key.endswith("\n"))

    def says(key: str) -> str:
        return f"{key.partition(chr(10))[0]} times what was due in each"

    yield from by_key(units, of_one, "message", says)
    yield from by_key(
        units, lambda unit: _odd(features(unit, Feature.FACTOR)), "message", says, proposal=True
    )


def same_values(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One wrong value where one right value was due: in several tests of a file, or from one function
    wherever it was called; elsewhere a proposal.
    """

    def beside(unit: Unit) -> Iterator[str]:
        return (f"{_file(unit)}\n{values}" for values in features(unit, Feature.VALUES))

    def from_one(unit: Unit) -> Iterator[str]:
        return (
            f"{what}\n{values}"
            for what in features(unit, Feature.GIVEN)
            for values in features(unit, Feature.VALUES)
        )

    def says(key: str) -> str:
        return f"the same compared: {key.rpartition(chr(10))[2]}"

    yield from by_key(units, beside, "message", says)
    yield from by_key(units, from_one, "message", says)
    yield from by_key(units, lambda unit: features(unit, Feature.VALUES), "message", says, proposal=True)


def same_words_changed(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Texts that differ from what was due by the same words: in one file they have one cause."""

    def beside(unit: Unit) -> Iterator[str]:
        return (f"{_file(unit)}\n{words}" for words in features(unit, Feature.CHANGED))

    yield from by_key(units, beside, "message", lambda key: f"each says {key.rpartition(chr(10))[2]}")
    yield from by_key(
        units,
        lambda unit: features(unit, Feature.CHANGED),
        "message",
        lambda words: f"each says {words}",
        proposal=True,
    )


def same_kind_given(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Assertions of one test file that got the same wrong kind of value from one function."""

    def given(unit: Unit) -> Iterator[str]:
        return (f"{_file(unit)}\n{what}" for what in features(unit, Feature.GIVEN))

    yield from by_key(
        units, given, "file", lambda key: "{1} where another kind was due in {0}".format(*key.split("\n"))
    )


def same_none(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """A function of the product that gave None where its callers needed something."""
    yield from by_key(
        units, lambda unit: features(unit, Feature.NONE), "frame", lambda name: f"{name}() gave None"
    )


def same_line(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One assertion of one test that failed for several parameters, compared alike."""

    def lines(unit: Unit) -> Iterator[str]:
        return (f"{line}\n{_compared(unit)}" for line in features(unit, Feature.LINE))

    return by_key(units, lines, "parameter", _first_line)


def same_folder(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Files of one folder that are not there, because the folder is not; in the right working directory."""
    if not any(features(unit, Feature.FOLDER) for unit in units):
        return
    files = {nodeid.partition("::")[0] for unit in units for nodeid in unit.members}
    parts = {parent.parts for file in files for parent in PurePosixPath(file).parents}
    there = {"/".join(found[start:]) for found in parts for start in range(len(found))}

    def folders(unit: Unit) -> Iterator[str]:
        moved = _MOVED in features(unit, Feature.STATE)
        return (
            f
            for f in features(unit, Feature.FOLDER)
            if not moved and f not in there and not context.exists(f)
        )

    yield from by_key(units, folders, "file", lambda folder: f"files of {folder} are missing")


def same_subject(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Assertions of one test file about one attribute of the product."""
    return by_key(units, _subjects_of_file, "file", lambda key: "{1} in {0}".format(*key.split("\n")))


def process_state(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """What one test left behind in the process, or what the machine does to all of them."""

    leaked = any(_DTYPE in features(unit, Feature.STATE) and _is_numeric(unit) for unit in units)

    def states(unit: Unit) -> Iterable[str]:
        seen = features(unit, Feature.STATE)
        missing = features(unit, Feature.MISSING)
        moved = _MOVED in seen and bool(missing or features(unit, Feature.NAMED))
        if moved or any(context.exists(path) for path in missing):
            yield "a relative path of the project is not found: the working directory moved"
        if (_DTYPE in seen and _is_numeric(unit)) or (leaked and _MIXED in seen):
            yield f"tensors print dtype=torch.float32: the {_DTYPE}"
        if _CLOCK in seen:
            yield f"each {_CLOCK}: the speed of this machine"
        for looked_at in features(unit, Feature.PROCESS):
            yield f"each looks at the {looked_at}: its process may have another one"

    def mixes(unit: Unit) -> Iterable[str]:
        return (
            f"{_MIXED} in each: a default dtype may have leaked"
            for s in features(unit, Feature.STATE)
            if s == _MIXED
        )

    yield from by_key(units, states, "process-state")
    yield from by_key(units, mixes, "process-state", proposal=True)


RULES = (
    near_decades, same_message, same_note, same_cause, same_site, same_difference, same_factor, same_values,
    same_words_changed, same_kind_given, same_none, same_line, same_folder, same_subject, process_state,
)  # fmt: skip


def _of_project(unit: Unit, kind: Feature, context: Context) -> Iterator[str]:
    """Values of a mark, each with the functions of the project that the failing line of the test calls."""
    calls = "\n".join(call for call in features(unit, Feature.CALLS) if _in_project(call, context))
    return (f"{value}\n{calls}" for value in features(unit, kind))


def _first_line(key: str) -> str:
    return key.partition("\n")[0]


def _in_project(call: str, context: Context) -> bool:
    """Whether a dotted name begins with a module of the checkout."""
    module = call.partition(".")[0]
    return any(
        context.exists(f"{folder}{module}{ending}") for folder in ("", "src/") for ending in ("", ".py")
    )


def _says(unit: Unit) -> str:
    fields = unit.group.signature.fields
    return fields.get("message") or fields.get("code") or fields.get("exception", "")


def _worded_sites(unit: Unit) -> Iterator[str]:
    for site in features(unit, Feature.SITE):
        for wording in features(unit, Feature.TEMPLATE):
            yield f"{site}\n{wording}"


def _differences_in_subjects(unit: Unit) -> Iterator[str]:
    for difference in features(unit, Feature.DIFFERENCE):
        for subject in features(unit, Feature.SUBJECT):
            if "." in subject or "_" in subject:
                yield f"{difference}\n{subject}"


def _subjects_of_file(unit: Unit) -> Iterator[str]:
    fields = unit.group.signature.fields
    if fields.get("exception") == "AssertionError" and "file" in fields:
        compared = _compared(unit)
        for subject in features(unit, Feature.SUBJECT):
            if "." in subject or "_" in subject.strip("_"):
                yield f"{fields['file']}\n{subject}\n{compared}"


def _compared(unit: Unit) -> str:
    fields = unit.group.signature.fields
    numbers = (fields.get(name, "") for name in ("kind", "left", "right", "gradients", "dtypes"))
    return " ".join((*numbers, *features(unit, Feature.COMPARED)))


def _file(unit: Unit) -> str:
    """The test file of a unit whose failures are no product frame's; a group has one."""
    return unit.group.signature.fields.get("file", "")


def _odd(numbers: Iterable[str]) -> Iterator[str]:
    """Those with more digits than an accident would repeat."""
    for shown in numbers:
        digits = shown.partition("e")[0].replace(".", "").replace("-", "").strip("0")
        if len(digits) > _DIGITS_THAT_TELL:
            yield shown


def _broken_differences(unit: Unit) -> Iterator[str]:
    """Differences that are no whole number: to be off by one means nothing."""
    return (
        difference for difference in features(unit, Feature.DIFFERENCE) if not float(difference).is_integer()
    )


def _is_numeric(unit: Unit) -> bool:
    fields = unit.group.signature.fields
    words = f"{fields.get('message', '')} {fields.get('dtypes', '')}"
    return "kind" in fields or "dtype" in words or "float" in words or "Double" in words


_ALIKE = 88.0
"""rapidfuzz ratio from which wordings at one place are one; 88 separated 300 synthetic templates."""
_TELLING = re.compile(
    r"<[a-z]+\d*>|'[^']*'|\b(?:b?float\d+|complex\d+|u?int\d+|[Ff]loat|[Dd]ouble|[Hh]alf|nan|inf|None|zero|cpu|cuda|not|no)\b"
)
"""Words, tokens and quotations that must be equal, in order: one letter there is another cause. What a
product function quotes is masked before; what different tests of a file quote is not."""
_LEAST_LETTERS = 12
_LEADERS = 400
"""Distinct wordings that are compared with each other at one place."""


def similar_wording(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Joins of each unit to the first alike at its place."""
    places: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for index, unit in enumerate(units):
        fields = unit.group.signature.fields
        place = (fields.get("exception", ""), fields.get("frame") or fields.get("file", ""))
        for wording in (
            features(unit, Feature.TEMPLATE) if "frame" in fields else (fields.get("message", ""),)
        ):
            if sum(letter.isalpha() for letter in wording) >= _LEAST_LETTERS:
                places[place].append((wording, index))
    for _, worded in sorted(places.items()):
        yield from _leaders(sorted(worded), units)


def _leaders(worded: list[tuple[str, int]], units: Sequence[Unit]) -> Iterator[Join]:
    leaders: list[tuple[str, int]] = []
    for wording, index in worded:
        for known, first in leaders:
            alike = fuzz.ratio(wording, known, score_cutoff=_ALIKE)
            if alike and _TELLING.findall(wording) == _TELLING.findall(known):
                both_new = units[index].home is None and units[first].home is None
                detail = f"worded alike ({alike:.0f} %) at one place"
                yield Join(first, index, Why(kind="message", detail=detail, proposal=not both_new))
                break
        else:
            if len(leaders) < _LEADERS:
                leaders.append((wording, index))
