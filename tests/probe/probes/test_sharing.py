"""What calls share by accident is found, unshared and told apart from what is shared on purpose."""

from __future__ import annotations

import pytest

from tests.planted.hostile.forked import Fork
from triage.model.outcome import Outcome
from triage.probe.claim import examined
from triage.probe.probes.sharing import Sharing
from triage.probe.registry import RankedProbe
from triage.probe.shared_by_calls import shared_objects
from triage.testing.probes import case_of, drive, seen

pytestmark = pytest.mark.slow
T = "tests/test_app.py::test_two"

DEFAULT = '''
class Ledger:
    """Lines of a book."""

    def __init__(self, lines=[], *, owner=""):
        self.lines = lines
        self.owner = owner

    def post(self, amount):
        self.lines.append(amount)

    def total(self):
        return sum(self.lines)
'''
ATTRIBUTE = """
class Ledger:
    lines: list[int] = []

    def post(self, amount):
        self.lines.append(amount)

    def total(self):
        return sum(self.lines)
"""
CONSTANT = """
LINES = [0]

class Ledger:
    def __init__(self):
        self.lines = LINES

    def post(self, amount):
        self.lines.append(amount)

    def total(self):
        return sum(self.lines)
"""
TWO_LEDGERS = """
from app import Ledger
def test_two():
    first, second = Ledger(), Ledger()
    first.post(1)
    second.post(2)
    assert second.total() == 2
"""
CACHE = """
def area(width, height, known={}):
    if width in known:
        return known[width]
    known[width] = width * height
    return known[width]
"""
TWO_AREAS = """
from app import area
def test_two():
    assert [area(2, 3), area(2, 5)] == [6, 10]
"""
REGISTRY = """
def register(name, names=[]):
    names.append(name.strip().lower())
    return len(names) - len(set(names))
"""
TWO_NAMES = """
from app import register
def test_two():
    register("Ann ")
    assert register("ann") == 0
"""


class Examined(Sharing):
    """The probe, its finding examined as the schedule does it."""

    def investigate(self, case):
        finding = yield from super().investigate(case)
        return (yield from examined(case, finding))


def found(tmp_path, product, test):
    world = Fork(tmp_path, {"app.py": product, "tests/test_app.py": test})
    case = world.case(T)
    assert RankedProbe(Sharing).likelihood(case) == pytest.approx(0.54, abs=1e-3)
    return drive(Examined(), case, world).finding


@pytest.mark.parametrize(
    ("product", "name", "culprit"),
    [
        (DEFAULT, "lines of Ledger.__init__", "app.py:5"),
        (ATTRIBUTE, "Ledger.lines", "app.py:3"),
        (CONSTANT, "LINES at app.py:6", "app.py:6"),
    ],
    ids=["default", "attribute", "constant"],
)
def test_each_slip_is_proven_with_its_repair(tmp_path, product, name, culprit):
    finding = found(tmp_path, product, TWO_LEDGERS)
    cause = finding.cause
    assert (cause.kind, cause.claim, cause.confidence) == ("product-defect", "cause", "proven")
    assert (cause.factor.name, cause.culprits) == (name, (culprit,))
    assert [patch.path for patch in finding.patches] == ["app.py"]


GIVEN_OUT = """
LINES = [0]

def lines():
    return LINES

def total(rows, more):
    rows.append(more)
    return sum(rows)
"""
TWO_TOTALS = """
from app import lines, total
def test_two():
    total(lines(), 1)
    assert total(lines(), 2) == 2
"""


def test_who_changes_what_it_was_given_may_be_wrong_instead(tmp_path):
    finding = found(tmp_path, GIVEN_OUT, TWO_TOTALS)
    assert (finding.cause.claim, finding.cause.confidence) == ("condition", "likely")


def test_a_cache_with_too_few_keys_is_a_condition(tmp_path):
    cause = found(tmp_path, CACHE, TWO_AREAS).cause
    assert (cause.claim, cause.confidence) == ("condition", "likely")
    assert "app.py:4" in cause.lines_no_longer_run


def test_what_may_be_shared_on_purpose_proves_no_cause(tmp_path):
    finding = found(tmp_path, REGISTRY, TWO_NAMES)
    assert (finding.cause.claim, finding.cause.confidence) == ("condition", "likely")


def test_nothing_is_tried_that_the_test_does_not_run(tmp_path):
    product = f"{DEFAULT}\n\ndef double(n):\n    return n + 2\n"
    test = "from app import double\ndef test_two():\n    assert double(3) == 6\n"
    finding = found(tmp_path, product, test)
    assert (finding.cause, finding.excluded) == (None, "")


def test_what_does_not_decide_is_excluded_by_name(tmp_path):
    test = TWO_LEDGERS.replace("== 2", "== 3").replace("first.post(1)", "pass")
    finding = found(tmp_path, DEFAULT, test)
    assert finding.cause is None
    assert "lines of Ledger.__init__" in finding.excluded


OF_ITS_OWN = """
class A:
    kinds = []
    def __init__(self):
        self.kinds = []
    def f(self):
        self.kinds.append(1)
"""
NEVER_CHANGED = """
class A:
    kinds = []
    def f(self):
        return len(self.kinds)
"""
NO_SLIPS = {
    "its own": OF_ITS_OWN,
    "never changed": NEVER_CHANGED,
    "immutable": "KINDS = ()\ndef f():\n    return KINDS\n",
    "no mutable default": "def f(x=(), y=None):\n    return x\n",
    "a registry by its name": "REGISTRY = []\ndef f():\n    return REGISTRY\n",
}


@pytest.mark.parametrize("body", NO_SLIPS.values(), ids=NO_SLIPS)
def test_what_is_no_slip_is_no_candidate(body):
    everything = {"app.py": frozenset(range(1, 20))}
    case = case_of(T, lambda setup: seen(T, Outcome.FAILED), source={"app.py": body}.get, files=("app.py",))
    assert list(shared_objects(case, everything)) == []
