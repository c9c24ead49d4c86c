"""Whether the tree changed since a failing run, and whether its tests assert less: asked of real git."""

from __future__ import annotations

import pytest

from tests.fixtures.git_repository import SmallRepository
from triage.evidence.folder import EvidenceFolder
from triage.repair.tree_change import EarlierTree, PresentTree, change_since, kept_tests
from triage.run.environment import read_checkout

TESTS = """\
import pytest

LIMIT = 3


def check(value):
    assert value < LIMIT
    assert value > 0


class TestIt:
    def test_small(self):
        check(1)
        assert 1 + 1 == 2


def test_other():
    assert True is not False
    assert 1 == 1.0
"""
MEMBER = "tests/test_a.py::TestIt::test_small"


@pytest.fixture
def suite(tmp_path):
    return _Suite(tmp_path)


class _Suite:
    """A repository whose state a run writes down, and that is compared later."""

    def __init__(self, folder):
        self.repository = SmallRepository(folder / "suite").write(
            tests__test_a_DOT_py=TESTS, code_DOT_py="a = 1\n"
        )
        self.root = self.repository.root
        self.commit("first")
        self.number = 0

    def write(self, **files):
        self.repository.write(**files)

    def commit(self, message):
        self.repository.git("add", "-A")
        self.repository.git("commit", "-qm", message)

    def recorded(self):
        """What a run that starts now writes down."""
        self.number += 1
        folder = EvidenceFolder.create(self.root, "c", "a", f"2026010{self.number}T000000Z")
        git = read_checkout(str(self.root), folder.path).as_json()
        folder.write_json("preflight.json", {"git": git})
        return EarlierTree.of(folder)

    def now(self):
        return PresentTree.read(self.root, self.root, self.root / "reports/c/phase_d/20260201T000000Z")

    def change(self, then):
        return change_since(then, self.now()).verdict

    def kept(self, then, present=MEMBER):
        (kept,) = kept_tests([(MEMBER, present)], then, self.now())
        return kept


def test_a_commit_is_a_change_and_evidence_is_none(suite):
    then = suite.recorded()
    assert suite.change(then) == "same"
    suite.commit("the evidence")
    assert suite.change(then) == "same", "triage's own files are no code"
    suite.write(code_DOT_py="a = 2\n")
    suite.commit("a repair")
    change = change_since(then, suite.now())
    assert (change.verdict, change.files) == ("changed", ("code.py",))


def test_two_trees_with_uncommitted_changes_are_told_apart_by_their_texts(suite):
    suite.write(code_DOT_py="a = 2\n")
    then = suite.recorded()
    suite.write(**{"__pycache____code.pyc": "byte code"})
    assert suite.change(then) == "same"
    suite.write(code_DOT_py="a = 3\n")
    assert suite.change(then) == "changed"
    suite.repository.git("checkout", "-q", "code.py")
    assert suite.change(then) == "changed", "what was not committed is gone"


def test_without_a_commit_on_record_nobody_knows(suite):
    folder = EvidenceFolder.create(suite.root, "c", "a", "20260109T000000Z")
    change = change_since(EarlierTree.of(folder), suite.now())
    assert (change.verdict, change.why) == ("unknown", "it is not on record which commit it ran on")
    elsewhere = EarlierTree("20260109T000000Z", "0" * 40, frozenset(), None)
    assert "is not in this clone" in change_since(elsewhere, suite.now()).why
    assert suite.kept(elsewhere).strength is None


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("    assert value > 0\n", "", "has 2 assertions, and had 3"),
        ("        assert 1 + 1 == 2\n", "", "has 2 assertions, and had 3"),
        ("        assert 1 + 1 == 2\n", "        assert 2\n", "asserts what cannot fail"),
        ("class TestIt:", "@pytest.mark.skip\nclass TestIt:", "skips or expects a failure"),
        (
            "        check(1)\n",
            "        try:\n            check(1)\n        except AssertionError:\n            pass\n",
            "may swallow a failure",
        ),
    ],
)
def test_a_weakened_test_is_found_in_its_body_and_its_helpers(suite, old, new, found):
    then = suite.recorded()
    assert old in TESTS
    suite.write(tests__test_a_DOT_py=TESTS.replace(old, new))
    assert any(found in what for what in suite.kept(then).weakened)


def test_what_becomes_of_other_tests_does_not_count(suite):
    then = suite.recorded()
    text = TESTS.replace("def test_other():\n", "@pytest.mark.skip\ndef test_other():\n")
    suite.write(tests__test_a_DOT_py=text.replace("    assert 1 == 1.0\n", ""))
    assert suite.kept(then).weakened == ()


def test_a_conftest_that_skips_is_found(suite):
    suite.write(conftest_DOT_py="import pytest\n")
    suite.commit("a conftest")
    then = suite.recorded()
    suite.write(conftest_DOT_py="import pytest\n\n\ndef pytest_runtest_setup():\n    pytest.skip('all')\n")
    kept = list(kept_tests([(MEMBER, MEMBER)], then, suite.now()))
    assert [each.path for each in kept if each.weakened] == ["conftest.py"]


def test_a_test_that_was_not_committed_then_cannot_be_compared(suite):
    suite.write(tests__test_a_DOT_py=TESTS + "\n")
    then = suite.recorded()
    assert suite.kept(then).why == "it had changes then that nobody committed"
