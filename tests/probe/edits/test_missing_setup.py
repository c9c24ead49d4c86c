"""The setup that a brittle test lacks, written into it from the test that happens to make it."""

from __future__ import annotations

import textwrap

import pytest

from triage.probe.edits.missing_setup import SetupEdits

VICTIM = "import app\n\ndef test_v():\n    assert app.USER\n"
SETTER = """
    import os
    import app as application
    from app.session import login as enter

    def test_s(tmp_path, account):
        '''Logs in.'''
        path = tmp_path / "x"
        enter(account)
        application.USER = os.getcwd()
        assert application.USER
"""


def edits(victim=VICTIM, setter=SETTER, names=("t_v.py::test_v", "t_s.py::test_s")):
    return SetupEdits.of(victim, names[0], textwrap.dedent(setter), names[1])


def test_fixtures_and_statements_are_offered_and_assertions_are_not():
    found = edits()
    assert found.fixtures == ("tmp_path", "account")
    assert found.count == 3
    assert "assert application" not in found.with_statements(range(3))


def test_what_a_statement_names_comes_along():
    text = edits().with_statements([1])
    assert text == textwrap.dedent("""\
        import app
        from app.session import login as enter

        def test_v(account):
            enter(account)
            assert app.USER
        """)


def test_statements_stand_behind_a_docstring():
    victim = 'def test_v():\n    """Needs a user."""\n    assert 1\n'
    text = edits(victim, "def test_s():\n    x = 1\n").with_statements([0])
    assert text == 'def test_v():\n    """Needs a user."""\n    x = 1\n    assert 1\n'


def test_a_method_is_found_in_its_class_and_self_stays_there():
    victim = "class TestV:\n    def test_v(self):\n        assert 1\n"
    setter = "class TestS:\n    def test_s(self, one):\n        self.log()\n        make()\n"
    found = edits(victim, setter, ("t.py::TestV::test_v[1]", "t_s.py::TestS::test_s"))
    assert found.count == 1
    assert found.with_fixture("one").splitlines()[1] == "    def test_v(self, one):"


@pytest.mark.parametrize(
    ("victim", "setter"), [("def broken(:\n", SETTER), (VICTIM, "def other(): pass\n"), (VICTIM, "((")]
)
def test_a_test_that_cannot_be_found_gets_no_edit(victim, setter):
    assert edits(victim, setter) is None
