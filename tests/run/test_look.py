"""Red tests are run once more under a tracer: what they execute, and what gave the wrong value."""

from __future__ import annotations

import textwrap

import pytest

from triage.documents.look_check import check_look
from triage.model.look import LookDocument, joined_looks

pytestmark = pytest.mark.slow

FILES = {
    "shop.py": """
        RATE = 1.01

        def net(x):
            return x / 1.5 * RATE

        def gross(x):
            return 2 * net(x)

        def escaped(text):
            return text.replace('"', "&quot;")

        class Basket:
            def __init__(self):
                self.items = []

            @property
            def total(self):
                return sum(self.items) + 1

        def nothing():
            return None

        def look_up(table, key):
            return table[key]

        def account():
            return {"password": "correct-horse-battery", "name": "joe", "roles": ["administrators"]}

        def header():
            return "Authorization: Bearer " + "abcdefghij" * 3
    """,
    "test_shop.py": """
        import os
        import pytest
        import shop
        from unittest import TestCase

        leaked = []

        def test_polluter():
            leaked.append(1)

        def test_value():
            assert shop.gross(6.0) == pytest.approx(8.0)

        def test_text():
            due = 'a "b"'
            assert due == shop.escaped(due)

        def test_operand():
            text = shop.escaped('"')
            assert len(text) == 1

        def test_nothing():
            text = shop.nothing()
            assert text.upper() == "A"

        def test_attribute():
            assert shop.Basket().total == 0

        class TestUnit(TestCase):
            def test_unit(self):
                self.assertEqual(shop.net(3.0), 2.0)

        def test_raised():
            shop.look_up({}, "token=hunter22hunter22")

        def test_victim():
            assert shop.net(0.0) == len(leaked)

        def test_dies():
            os.abort()

        def test_account():
            due = {"password": "another-secret-word", "name": "joe", "roles": ["people"]}
            assert shop.account() == due

        def test_header():
            assert shop.header() == "Authorization: Bearer " + "zyxwvutsrq" * 3

        def test_green():
            assert shop.look_up({1: 2}, 1) == 2
    """,
}


@pytest.fixture
def suite(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "suite" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))


def test_what_red_tests_execute_and_what_gave_the_wrong_value(suite, run_here, evidence):
    record = run_here(look_budget=60.0)
    folder = evidence() / "look"
    document = LookDocument.model_validate_json((folder / "look.json").read_bytes())
    assert not list(check_look(folder, record))
    tests = {test.nodeid.rpartition("::")[2]: test for test in document.tests}

    def seen(name):
        """How, by which functions, beneath which others."""
        failure = tests[name].failure
        name_of = [function.name for function in document.functions]
        return failure.how, [name_of[n] for n in failure.chain], {name_of[n] for n in failure.suspects}

    assert seen("test_value") == ("value", ["gross"], {"gross", "net"})
    assert seen("test_text") == ("value", ["escaped"], {"escaped"})
    assert seen("test_operand") == ("operand", ["escaped"], {"escaped"})
    assert seen("test_nothing") == ("operand", ["nothing"], {"nothing"}), (
        "called last, and None is in the line"
    )
    assert seen("test_attribute") == (
        "line",
        ["Basket.total", "Basket.__init__"],
        {"Basket.total", "Basket.__init__"},
    )
    assert seen("test_unit") == ("value", ["net"], {"net"})
    assert seen("test_raised") == ("raised", [], {"look_up"})
    assert seen("test_victim")[0] == "line", "it passes in the look, and fails behind the polluter"

    assert tests["test_text"].failure.got == "'a &quot;b&quot;'", "the text was given on the right"
    assert tests["test_text"].failure.difference["edits"] == [['"', "&quot;", 2]]
    assert tests["test_value"].failure.due == "8.0"
    assert list(tests["test_unit"].lines.values()) == [(5,)]
    assert list(tests["test_green"].lines.values()) == [(25,)]
    assert tests["test_green"].failure is None
    assert [document.functions[n].name for n in tests["test_green"].functions] == ["look_up"]
    assert "test_dies" not in tests, "it would kill the process again"

    places = dict(tests["test_account"].failure.difference["places"])
    assert {tuple(edit) for edit in places[".password"]["edits"]} == {("[redacted]", "[redacted]", 1)}
    assert places[".roles[0]"]["edits"] == [["people", "administrators", 1]]
    assert tests["test_header"].failure.difference["edits"] == [["[redacted]", "[redacted]", 1]]
    secrets = (b"horse", b"another-secret", b"abcdefghij", b"zyxwvutsrq", b"hunter22")
    written = (folder / "look.json").read_bytes()
    assert not [secret for secret in secrets if secret in written]

    twice = joined_looks([document, LookDocument(), document])
    assert twice == document
    renumbered = joined_looks([LookDocument(functions=document.functions[::-1]), document])
    again = renumbered.of(tests["test_value"].nodeid)
    assert [renumbered.functions[n].name for n in again.failure.chain] == ["gross"]


def test_no_look_where_it_is_switched_off_or_has_no_time(suite, run_here, evidence):
    run_here()
    assert not (evidence() / "look").exists()
    record = run_here(look_budget=1e-9, stamp="20990101T000000Z")
    assert any("not looked at under the tracer" in note for note in record.notes)
