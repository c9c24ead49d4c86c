"""What speaks against a change as the cause: it may only have uncovered an older fault."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Experiment, Setup
from triage.model.experiment import Factor
from triage.probe.commit_objections import lines_added, objections_to_change, only_chooses
from triage.probe.reverts import CHANGES
from triage.testing.probes import answered, case_of, failure, seen
from triage.text.hunks import changed_text

T = "tests/test_m.py::test_f"


@pytest.mark.parametrize(
    ("before", "after", "chooses"),
    [
        ("FAST = False\n", "FAST = True\n", True),
        ("def f(x, fast=False):\n    return x\n", "def f(x, fast=True):\n    return x\n", True),
        ("y = f(x)\n", "y = f(x, fast=True)\n", True),
        ("from a import slow as way\n", "from a import fast as way\n", True),
        ("from slow import total\n", "from quick import total\n", True),
        ("y = old.total(x)\n", "y = new.total(x)\n", True),
        ("if True:\n    f()\n", "if False:\n    f()\n", True),
        ("y = f(x)\n", "from plugins import use\nuse(f)\ny = f(x)\n", True),
        ("def f():\n    return 1\n", "@cached\ndef f():\n    return 1\n", True),
        ("if x:\n    f()\n", "if x:\n    g()\n    f()\n", True),
        ("if x > 9:\n    f()\n", "if x > 10:\n    f()\n", False),
        ("if x > 9:\n    f()\n", "if x >= 9:\n    f()\n", False),
        ("if a:\n    f()\n", "if b:\n    f()\n", False),
        ("y = x + 1\n", "y = x - 1\n", False),
        ("y = x\n", "y = x\nz = f(y)\n", False),
        ("if not x:\n    x = 1\ny = x\n", "y = x\n", True),
        ("y = x\n", "y = (\n", False),
        (None, "y = x\n", False),
    ],
)
def test_values_names_and_lines_taken_out_choose_among_older_code(before, after, chooses):
    assert only_chooses("m.py", before, after, may_remove=True) is chooses


def test_a_guard_that_is_gone_is_a_change_of_the_code_where_an_error_is_raised():
    assert not only_chooses("m.py", "if not x:\n    x = 1\ny = x\n", "y = x\n", may_remove=False)


def test_data_chooses_whatever_changed_in_it():
    assert only_chooses("rates.json", '{"a": 1}\n', '{"a": 2}\n', may_remove=False)
    assert only_chooses("rates.json", '{"a": 1}\n', None, may_remove=False)


def objections(world, *changed, taken_back=None, message="assert 1 == 2", exception="AssertionError"):
    def failing(setup):
        passes = world(setup)
        run = seen(T, passes, message)
        return run if passes else run.model_copy(update={"failures": {T: failure(T, message, exception)}})

    facts = {CHANGES: {"a1..b2": changed}}
    sources = {each.path: each.after for each in changed}
    case = case_of(T, failing, source=sources.get, facts=facts)
    base = Setup(nodeids=(T,))
    proof = Experiment(
        probe="commit", factor=Factor(kind="commit", name="revision", from_="b2", to="a1"), prediction="-",
        baseline=base.plus(commit="b2"), treated=base.plus(commit="a1"), watch=(T,),
    )  # fmt: skip
    return answered(objections_to_change(case, "a1..b2", proof, taken_back or {}), failing)


def stricter(setup):
    """Passes at the earlier commit, with the tests of then."""
    return setup.commit == "a1" and setup.edits.get("tests/test_m.py") != "LIMIT = 1e-6\n"


TESTS = changed_text("tests/test_m.py", "LIMIT = 1\n", "LIMIT = 1e-6\n")
PRODUCT = changed_text("m.py", "x = 1\n", "x = 2\n")


def test_a_change_of_the_tests_that_fails_the_earlier_product_too_is_no_cause():
    for changed in ((TESTS,), (TESTS, PRODUCT)):
        (said,) = objections(stricter, *changed)["against"]
        assert "the tests ask for more" in said


def test_the_product_is_the_cause_where_the_tests_pass_before_its_change():
    assert objections(lambda setup: setup.commit == "a1", TESTS, PRODUCT)["against"] == ()


def test_a_file_that_the_product_copes_without_is_no_cause_unless_an_error_asks_for_it():
    file = changed_text("rates.cfg", "0.19\n", None)
    taken_back = {"rates.cfg": "0.19\n"}
    found = objections(lambda setup: False, file, taken_back=taken_back)
    assert "nothing that the product asks for" in found["against"][0]
    assert found["beside"].edits == taken_back
    missing = "No such file or directory: 'rates.cfg'"
    asked = objections(
        lambda setup: False, file, taken_back=taken_back, message=missing, exception="FileNotFoundError"
    )
    assert asked["against"] == ()


def test_an_error_asks_for_the_line_of_a_settings_file_by_its_name():
    file = changed_text("app.ini", "[shop]\nrate = 1\n", "[shop]\n")
    said = objections(
        lambda setup: False, file, taken_back={"app.ini": "[shop]\nrate = 1\n"}, message="'rate'",
        exception="KeyError",
    )  # fmt: skip
    assert said["against"] == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('{"vat": 19}\n', '{"vat": 91}\n', None),
        ('{"vat": 19}\n', '{"vat": -1.5e3}\n', None),
        ('{"name": "Jose"}\n', '{"name": "Jose\u0301"}\n', "may be right"),
        ("1\n", "1\n2\n", "may be right"),
        ("1\n2\n", "1\n", "nothing that the product asks for"),
    ],
)
def test_data_of_another_form_may_be_right_and_another_number_is_wrong(before, after, said):
    file = changed_text("data/rates.json", before, after)
    found = objections(lambda setup: False, file, taken_back={"data/rates.json": before})["against"]
    assert found == () if said is None else said in found[0]


@pytest.mark.parametrize(
    ("path", "before", "after", "is_patience"),
    [
        ("m.py", "SEED = 1\n", "SEED = 7\n", True),
        ("m.py", "f(retries=3)\n", "f(retries=1)\n", True),
        ("app.toml", "timeout = 3.0\n", "timeout = 0.1\n", True),
        ("m.py", "RATE = 3\n", "RATE = 1\n", False),
        ("m.py", "SEED = 1\nRATE = 3\n", "SEED = 7\nRATE = 1\n", False),
        ("m.py", "SEED = 1\n", "SEED = 1 + x\n", False),
    ],
)
def test_another_seed_or_more_tries_are_no_cause(path, before, after, is_patience):
    file = changed_text(path, before, after)
    against = objections(lambda setup: False, file, taken_back={path: before})["against"]
    assert any("another seed" in said for said in against) is is_patience


def test_a_template_or_a_query_is_code():
    for path in ("page.html", "find.sql"):
        assert not only_chooses(path, "a\n", "b\n", may_remove=True)
        changed = changed_text(path, "a\nb\n", "a\n")
        assert objections(lambda setup: False, changed, taken_back={path: "a\nb\n"})["against"] == ()


def test_lines_that_the_change_brought_are_its_own():
    assert lines_added("m.py", {"m.py": "a\nb\n"}, "a\nnew\nb\n") == {2}
    assert lines_added("other.py", {"m.py": ""}, "a\n") == frozenset()
