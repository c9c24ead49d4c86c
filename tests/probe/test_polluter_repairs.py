"""Three places for the repair of an order dependence: the polluters, a shared fixture, the victim."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.leaked_state import LeakedState
from triage.probe.polluter_repairs import repairs_of
from triage.probe.probes.order import after
from triage.testing.probes import answered, case_of, seen

T = "tests/unit/test_b.py::test_total"
FIRST, SECOND = "tests/unit/test_a.py::test_none", "tests/unit/test_a.py::test_many"
RATES = 'OPTIONS = {"digits": 2}\n\n\ndef set_digits(n):\n    OPTIONS["digits"] = n\n'
POLLUTERS = """\
import rates


def test_none():
    rates.set_digits(0)


def test_many():
    rates.set_digits(5)
"""
SOURCES = {
    "rates.py": RATES,
    "tests/unit/test_a.py": POLLUTERS,
    "tests/unit/test_b.py": "import rates\n\n\ndef test_total():\n    assert rates.total() == 1.25\n",
}
LEAKED = LeakedState(
    keys=("attr:rates.OPTIONS",),
    shown=("attr:rates.OPTIONS ({'digits': 2} alone, {'digits': 0} here)",),
    clean=("{'digits': 2}",),
    dirty=("{'digits': 0}",),
    factor=Factor(kind="restore", name="attr:rates.OPTIONS"),
)


def patches(*helping, sources=SOURCES, sets=((FIRST,), (SECOND,))):
    """The repairs in a world in which a polluter is mended by any text that has one of these."""

    def world(setup):
        edited = "".join(text or "" for text in setup.edits.values())
        polluters = [nodeid.rpartition("::")[2] for nodeid in (FIRST, SECOND) if nodeid in setup.nodeids]
        mended = any(each in edited for each in helping)
        marked = all(f'_options")\ndef {name}' in edited for name in polluters)
        return seen(T, mended and (marked or "usefixtures" not in edited))

    base = Setup(nodeids=(FIRST, SECOND, T))
    case = case_of(T, world, base=base, source=sources.get, files=tuple(sources))
    return answered(repairs_of(case, sets, LEAKED, after), world)


def test_each_place_gives_one_repair():
    own, shared, victim = patches("before = dict(rates.OPTIONS)", "monkeypatch.setitem")
    assert own.title == "a fixture puts rates.OPTIONS back after test_none, test_many"
    assert own.after.count("def restored_options") == 1
    assert shared.title == "a fixture in tests/unit/conftest.py puts rates.OPTIONS back after each test"
    assert shared.after == (
        "import pytest\n\nimport rates\n\n\n@pytest.fixture(autouse=True)\ndef restored_options():\n"
        '    """Restore rates.OPTIONS after each test."""\n    before = dict(rates.OPTIONS)\n    yield\n'
        "    rates.OPTIONS.clear()\n    rates.OPTIONS.update(before)\n"
    )
    assert victim.title == "test_total sets what it needs, whatever ran before it"
    assert [bool(patch.leaves) for patch in (own, shared, victim)] == [False, False, True]


def test_the_products_own_reset_is_called():
    reset = "\n\ndef reset_options():\n    OPTIONS.clear()\n    OPTIONS.update(digits=2)\n"
    found = patches("    rates.reset_options()\n", sources={**SOURCES, "rates.py": RATES + reset})
    assert [patch.path for patch in found] == ["tests/unit/conftest.py"]
    assert "    yield\n    rates.reset_options()\n" in found[0].after


def test_what_a_test_file_holds_is_not_imported_by_a_conftest():
    sources = {**SOURCES, "tests/unit/test_rates.py": SOURCES["rates.py"]}
    sources.pop("rates.py")
    leaked = LEAKED.__class__(
        keys=("attr:tests.unit.test_rates.OPTIONS",),
        shown=("x",), clean=("{}",), dirty=("{1: 2}",), factor=LEAKED.factor,
    )  # fmt: skip

    def world(setup):
        return seen(T, "tests/unit/conftest.py" in setup.edits)

    base = Setup(nodeids=(FIRST, T))
    case = case_of(T, world, base=base, source=sources.get, files=tuple(sources))
    assert answered(repairs_of(case, [(FIRST,)], leaked, after), world) == ()


@pytest.mark.slow
def test_two_polluters_of_a_real_project_are_mended_at_each_place(suite):
    project = suite(
        {
            "rates.py": RATES + "\n\ndef total():\n    return round(1.254, OPTIONS['digits'])\n",
            "tests/test_a.py": POLLUTERS,
            "tests/test_c.py": "import rates\n\n\ndef test_total():\n    assert rates.total() == 1.25\n",
        }
    )
    assert project.call("run", "--json") == 1
    _, report, _ = project.probe("C1")
    assert [patch["path"] for patch in report["patches"]] == [
        "tests/test_a.py", "tests/conftest.py", "tests/test_c.py"
    ]  # fmt: skip
