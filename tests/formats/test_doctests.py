"""The failing example of a doctest, what was due and what came: in a run and in every report of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from triage.formats.doctests import doctest_chain
from triage.formats.importer import read
from triage.model.failure import Failure
from triage.model.run import RunRecord
from triage.run.standalone import read_recorded
from triage.signature.api import signatures_of
from triage.text.doctests import example_message

SHOP = '''
def double(x):
    """
    >>> double(1)
    2
    >>> double(2)
    5
    """
    return 2 * x


def words():
    """
    >>> print("a\\\\nb")
    a
    c
    """


def silent():
    """
    >>> silent()
    1
    """


def broken(x):
    """
    >>> broken(0)
    1
    """
    return 1 / x
'''


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    """One session as the recorder saw it, as JUnit XML has it and as its log shows it."""
    root = tmp_path_factory.mktemp("shop")
    (root / "pytest.ini").write_text("[pytest]\naddopts = --doctest-modules\n")
    (root / "shop.py").write_text(SHOP)
    command = [sys.executable, "-m", "pytest", "-v", "--junitxml=junit.xml", "--triage-record", "record"]
    environment = {"PATH": os.defpath, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    session = subprocess.run(
        [*command, "-p", "triage.recorder.pytest_option"],
        cwd=root, env=environment, timeout=120, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert session.returncode == 1, session.stdout + session.stderr
    (root / "pytest.log").write_text(session.stdout)
    return {
        "run": read_recorded(root / "record", root=root, stamp="S", campaign="c"),
        "junit": read([root / "junit.xml"], root=root, stamp="S"),
        "log": read([root / "pytest.log"], root=root, stamp="S"),
    }


def by_function(record: RunRecord) -> dict[str, Failure]:
    return {failure.nodeid.rpartition(".")[2]: failure for failure in record.failures}


def first_line(failure: Failure) -> str:
    return failure.message.partition("\n")[0]


@pytest.mark.parametrize("source", ["run", "junit", "log"])
def test_the_example_with_what_was_due_and_what_came(records: dict[str, RunRecord], source: str) -> None:
    failures = by_function(records[source])
    assert {name: (failure.exception, first_line(failure)) for name, failure in failures.items()} == {
        "double": ("doctest.DocTestFailure", "double(2): expected 5, got 4"),
        "words": ("doctest.DocTestFailure", 'print("a\\nb"): expected c, got b'),
        "silent": ("doctest.DocTestFailure", "silent(): expected 1, got nothing"),
        "broken": ("ZeroDivisionError", "division by zero"),
    }
    frames = {name: [frame.path for frame in failure.chain[0].frames] for name, failure in failures.items()}
    assert frames == {
        "double": ["shop.py"], "words": ["shop.py"], "silent": ["shop.py"], "broken": ["shop.py", "shop.py"],
    }  # fmt: skip
    assert failures["double"].chain[0].frames[0].code == ">>> double(2)"


def test_one_failure_has_one_signature_wherever_it_was_read(records: dict[str, RunRecord]) -> None:
    ids = {
        source: {name: signatures_of(failure)[0].id for name, failure in by_function(record).items()}
        for source, record in records.items()
    }
    assert ids["junit"] == ids["run"]
    assert ids["log"] == ids["run"]
    assert len(set(ids["run"].values())) == 4, "four docstrings, four signatures"


def test_another_example_of_the_docstring_is_another_failure(records: dict[str, RunRecord]) -> None:
    failure = by_function(records["run"])["double"]
    text = "003     >>> double(1)\nExpected:\n    3\nGot:\n    2\n\nshop.py:4: DocTestFailure"
    chain = doctest_chain(text, failure.nodeid)
    other = failure.model_copy(update={"chain": chain})
    assert signatures_of(other)[0].id != signatures_of(failure)[0].id


@pytest.mark.parametrize(
    ("shown", "first"),
    [
        ("Expected nothing\nGot:\n    4", "f(2): expected nothing, got 4"),
        ("Expected:\n    4\nGot nothing", "f(2): expected 4, got nothing"),
        (
            "Differences (unified diff with -expected +actual):\n    @@ -1,2 +1,2 @@\n     a\n    -b\n    +c",
            "f(2): expected b, got c",
        ),
    ],
)
def test_the_ways_in_which_doctest_shows_a_difference(shown: str, first: str) -> None:
    (raised,) = doctest_chain(f"006     >>> f(2)\n{shown}\n\na.py:6: DocTestFailure", "a.py::a.f")
    assert raised.message.partition("\n")[0] == first


def test_an_example_without_a_known_line() -> None:
    text = (
        "EXAMPLE LOCATION UNKNOWN, not showing all tests of that example\n??? >>> f(\n??? ...   2)\n"
        "Expected:\n    5\nGot:\n    4\n\na.py:None: DocTestFailure"
    )
    (raised,) = doctest_chain(text, "a.py::a.f")
    assert raised.message.startswith("f( 2): expected 5, got 4")
    assert raised.frames[0].lineno is None


def test_text_that_is_no_doctest_is_left_alone() -> None:
    assert doctest_chain("E   ValueError: x\n\na.py:6: ValueError", "a.py::test_a") == ()
    assert doctest_chain("a.py:6: DocTestFailure", "a.py::test_a") == ()


def test_the_first_line_that_differs_is_shown() -> None:
    assert example_message("f()\n", "a\nb\n", "a\nc\n").partition("\n")[0] == "f(): expected b, got c"
