"""Join failures by what their tests executed of the product, as the traced run of red tests shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import fields, file_of_tests
from triage.cluster.suspicion import Culprit, Suspected
from triage.cluster.symptoms import Symptom, symptoms_of
from triage.cluster.union import Join, by_key, star
from triage.model.cluster import Why
from triage.model.look import LookedAt


def same_culprit(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One line of the product that is to blame, with a second piece of evidence; alone it only proposes.

    That many red tests execute a line and few green ones do may mean that all of them use it. The second
    piece: it ran beneath the very call that raised or gave the wrong value; the failure's traceback goes
    through its function; or what was wrong is the same.
    """
    by_culprit: dict[Culprit, list[int]] = defaultdict(list)
    for index, unit in enumerate(units):
        suspected = suspected_of(unit, context)
        if suspected is not None:
            by_culprit[suspected.culprit].append(index)
    for culprit, sharing in by_culprit.items():
        if len(sharing) < 2:
            continue
        blamed = f"{culprit.place} ({culprit.function.rpartition(':')[2]}), {culprit.tally}"
        led_there = [index for index in sharing if _leads_there(units[index], context)]
        yield from star(led_there, Why(kind="frame", detail=f"each failing call ran {blamed}"))
        for symptom, alike in _by_symptom(units, sharing, context).items():
            yield from star(alike, Why(kind="frame", detail=f"{symptom.detail}; each test ran {blamed}"))
        yield from star(sharing, Why(kind="frame", detail=f"each test ran {blamed}", proposal=True))


class _FromFunction(NamedTuple):
    function: str
    symptom: Symptom


def same_symptom(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One wrong value, or one difference between got and due, that one function of the product gave.

    A long piece of text in place of another is the same fault whatever function it came from.
    """

    def from_functions(unit: Unit) -> Iterator[_FromFunction]:
        for symptom, functions in _symptoms(unit, context).items():
            for function in functions:
                yield _FromFunction(function, symptom)

    def alone(unit: Unit) -> Iterator[str]:
        for symptom in _symptoms(unit, context):
            if symptom.tells_alone:
                yield symptom.detail

    yield from by_key(units, from_functions, "frame", lambda key: f"{key.symptom.detail} from {key.function}")
    yield from by_key(units, alone, "message")


class _Giver(NamedTuple):
    function: str
    exception: str
    file: str


def same_giver(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Wrong values that one function of the product gave to tests of one file, where no line is to blame.

    What many green tests execute too can be no culprit: a fault that shows in few of its calls. The function
    whose value was wrong is the nearest that is known of its place.
    """

    def givers(unit: Unit) -> Iterator[_Giver]:
        if suspected_of(unit, context) is not None:
            return
        found = {giver for test in _looked_at(unit, context) for giver in _giver(test, context)}
        if len(found) == 1:
            yield _Giver(found.pop(), fields(unit).get("exception", ""), file_of_tests(unit))

    return by_key(
        units, givers, "file", lambda key: f"{key.function} gave a wrong value to tests of {key.file}"
    )


def _giver(test: LookedAt, context: Context) -> Iterator[str]:
    """The function that gave the telling value of a failing assertion."""
    failure = test.failure
    if failure is not None and failure.how not in (None, "raised", "last") and failure.chain:
        yield str(context.suspicions.document.functions[failure.chain[0]])


def sure_culprits(units: Sequence[Unit], context: Context) -> dict[int, str]:
    """By unit: the place to blame, where the failing calls themselves ran its function."""
    found = {}
    for index, unit in enumerate(units):
        suspected = suspected_of(unit, context)
        if suspected is not None and suspected.in_failing_call:
            found[index] = suspected.culprit.place
    return found


def suspected_of(unit: Unit, context: Context) -> Suspected | None:
    """What is to blame for a unit: what all its tests agree on that were looked at."""
    found = [context.suspicions.of(test.nodeid) for test in _looked_at(unit, context)]
    suspected = [each for each in found if each is not None]
    culprits = {each.culprit for each in suspected}
    if len(culprits) != 1:
        return None
    return Suspected(culprits.pop(), all(each.in_failing_call for each in suspected))


def _leads_there(unit: Unit, context: Context) -> bool:
    suspected = suspected_of(unit, context)
    if suspected is None:
        return False
    return suspected.in_failing_call or suspected.culprit.function in _on_traceback(unit)


def _on_traceback(unit: Unit) -> set[str]:
    """Functions that the exceptions of the unit's first failure went through, those that tests caught too."""
    frames = [frame for raised in unit.group.example.chain for frame in raised.frames]
    return {f"{frame.path}:{frame.function}" for frame in frames}


def _by_symptom(units: Sequence[Unit], sharing: Sequence[int], context: Context) -> dict[Symptom, list[int]]:
    alike: dict[Symptom, list[int]] = defaultdict(list)
    for index in sharing:
        for symptom in (*_symptoms(units[index], context), *_words(units[index])):
            alike[symptom].append(index)
    return dict(sorted(alike.items()))


def _words(unit: Unit) -> Iterator[Symptom]:
    """What the failures say, or the line of the tests that failed: worth something beside other evidence."""
    own = fields(unit)
    words = own.get("message") or own.get("code")
    if words:
        yield Symptom(f"{own.get('exception', '')}: {words}")


def _symptoms(unit: Unit, context: Context) -> dict[Symptom, set[str]]:
    """What was wrong in all tests of the unit, with the functions that gave it in each of them."""
    common: dict[Symptom, set[str]] | None = None
    for test in _looked_at(unit, context):
        if test.failure is None:
            return {}
        chain = {str(context.suspicions.document.functions[number]) for number in test.failure.chain}
        own = {symptom: set(chain) for symptom in symptoms_of(test.failure)}
        if common is None:
            common = own
        else:
            common = {symptom: common[symptom] & own[symptom] for symptom in common.keys() & own.keys()}
    return common or {}


def _looked_at(unit: Unit, context: Context) -> Iterator[LookedAt]:
    """What was seen of the unit's tests whose first failure is in it."""
    for nodeid in sorted({nodeid for nodeid, index in unit.slots if index == 0}):
        seen = context.suspicions.seen(nodeid)
        if seen is not None:
            yield seen
