"""A confirmed factor of the surroundings becomes an edit of the suite, where a run shows that it helps."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, RootCause
from triage.probe.api import Finding
from triage.probe.declared_repairs import with_repairs
from triage.probe.symptoms import SURVEY
from triage.testing.probes import answered, case_of, seen

T = "tests/test_a.py::test_mode"
TEST = 'import shop\n\n\ndef test_mode():\n    assert shop.mode() == "ci"\n'
SHOP = "import threading\n\nLOCK = threading.Lock()\n"
FILES = {
    "tests/test_a.py": TEST,
    "shop.py": SHOP,
    "pool.py": "from threading import Lock, Thread\nGUARD = Lock()\n",
}


def finding(factor, *, treated=None, **cause):
    """A condition that an experiment has confirmed."""
    case = case_of(T, lambda setup: seen(T, False))
    said = {"kind": "environment-variable", "summary": "it depends", "claim": "condition", **cause}
    proof = Experiment(
        probe="p", factor=factor, prediction="", watch=(T,), baseline=case.base,
        treated=case.base.plus(**(treated or {})),
    )  # fmt: skip
    return Finding(cause=RootCause(factor=factor, confidence="likely", **said), proof=proof)


def repaired(found, helps, *, facts=None, files=FILES):
    """The patches in a world in which edits with the text `helps` make the subject pass."""

    def world(setup):
        return seen(T, any(helps in (text or "") for text in setup.edits.values()))

    case = case_of(T, world, source=files.get, files=tuple(files), facts=facts or {})
    return answered(with_repairs(case, found), world).patches


MODE = Factor(kind="env", name="APP_MODE", from_=None, to="ci")


def test_a_variable_is_declared_by_the_test_and_for_all_tests():
    own, fixture = repaired(finding(MODE), '"APP_MODE", "ci"')
    assert (own.title, own.path) == ("test_mode runs with APP_MODE=ci by itself", "tests/test_a.py")
    assert (fixture.title, fixture.path) == (
        "a fixture runs every test beside tests/conftest.py with APP_MODE=ci", "tests/conftest.py"
    )  # fmt: skip
    assert "--- /dev/null\n+++ b/tests/conftest.py\n" in fixture.diff


def test_what_is_read_at_import_is_declared_before_it():
    (early,) = repaired(finding(MODE), 'os.environ["APP_MODE"]')
    assert early.title == "tests/conftest.py imports the suite with APP_MODE=ci"


def test_the_conftest_that_is_there_is_edited():
    files = {**FILES, "conftest.py": "import os\n"}
    _, fixture = repaired(finding(MODE), '"APP_MODE", "ci"', files=files)
    assert (fixture.path, fixture.after.startswith("import os\n\nimport pytest\n")) == ("conftest.py", True)


@pytest.mark.parametrize(
    ("factor", "title"),
    [
        (
            Factor(kind="env", name="TZ", from_="Asia/Tokyo", to="UTC"),
            "a fixture runs every test beside tests/conftest.py in the time zone UTC",
        ),
        (
            Factor(kind="cwd", name="working directory", from_="as here", to="tests"),
            "test_mode goes to the folder from which its paths lead",
        ),
    ],
)
def test_zones_and_folders(factor, title):
    assert [patch.title for patch in repaired(finding(factor), "monkeypatch")] == [title]


def test_a_file_comes_back_from_git_and_from_nowhere_else():
    path, origin = "tests/data.txt", "its last version in git"
    found = finding(
        Factor(kind="file", name=path, from_="absent", to=origin), treated={"edits": {path: "1\n"}}
    )
    facts = {"kept_in_git": {path: ((origin, "1\n"),)}}
    (patch,) = repaired(found, "1\n", facts=facts)
    assert patch.title == "tests/data.txt is restored: its last version in git"
    assert patch.diff == "--- /dev/null\n+++ b/tests/data.txt\n@@ -0,0 +1 @@\n+1\n"
    assert repaired(found, "1\n") == ()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("shop.py:3", "import threading\n\nLOCK = threading.RLock()\n"),
        ("pool.py:2", "from threading import RLock, Thread\nGUARD = RLock()\n"),
    ],
)
def test_a_lock_that_its_owner_takes_twice_is_reentrant(place, expected):
    factor = Factor(kind="locks", name="locks of the test", from_="as they are", to="one")
    found = finding(factor, treated={"instruments": {"locks": {"one": [place]}}}, kind="timeout")
    (patch,) = repaired(found, "RLock()")
    assert patch.after == expected


@pytest.mark.parametrize(
    "found",
    [
        finding(Factor(kind="env", name="DB_PASSWORD", from_=None, to="x")),
        finding(MODE, lines_no_longer_run=("shop.py:3",)),
        finding(MODE, claim=None),
        finding(Factor(kind="seed", name="generators", from_=None, to=1), kind="seed"),
        Finding(excluded="nothing"),
    ],
    ids=["a secret", "it leads around", "not examined", "a seed", "no cause"],
)
def test_nothing_is_proposed_for(found):
    assert repaired(found, "monkeypatch") == ()


@pytest.mark.parametrize(
    ("factor", "files", "offered"),
    [
        (Factor(kind="env", name="RETRIES", from_=None, to="0"), FILES, False),
        (Factor(kind="env", name="RETRIES", from_="2", to="0"), FILES, True),
        (Factor(kind="env", name="RETRIES", from_=None, to="0"), {**FILES, ".env": "RETRIES=0\n"}, True),
        (
            Factor(kind="env", name="RETRIES", from_=None, to="0"),
            {**FILES, "tests/test_a.py": TEST.replace("shop.mode()", "shop.mode('RETRIES')")},
            True,
        ),
    ],
    ids=["guessed", "set here", "written down", "named by the test"],
)
def test_a_guess_that_nobody_wrote_down_is_no_repair(factor, files, offered):
    """The product copes without the variable: a value that merely helps leads around its defaults."""
    assert bool(repaired(finding(factor), '"RETRIES", "0"', files=files)) == offered


def test_a_package_gets_a_bound_and_a_pin_and_runs_with_what_they_install():
    factor = Factor(kind="package", name="tabulate", from_="0.10.0", to="0.9.0")
    files = {**FILES, "requirements.txt": "tabulate>=0.8\n"}
    bound, pin = repaired(finding(factor, kind="dependency", claim="cause"), "tabulate", files=files)
    assert (bound.after, pin.after) == ("tabulate>=0.8,<0.10.0\n", "tabulate==0.9.0\n")
    assert bound.installs == pin.installs == {"tabulate": "0.9.0"}
    assert repaired(finding(factor, kind="dependency", claim="cause"), "tabulate") == ()


def test_a_test_that_holds_on_some_days_counts_from_today_or_has_its_clock_stopped():
    test = "from datetime import date\n\n\ndef test_mode():\n    assert shop.due(date(2026, 9, 1))\n"
    files = {**FILES, "tests/test_a.py": test, "shop.py": "from datetime import date\nNOW = date.today()\n"}
    factor = Factor(kind="clock", name="now", from_="2026-11-30T20:00:00Z", to="2026-08-31T12:00:00Z")
    found = finding(factor, kind="clock")
    survey = Finding(facts={"usage": [{"what": "clock", "where": "shop.py:2"}]})

    def world(setup):
        edited = setup.edits.get("tests/test_a.py", "")
        return seen(T, "timedelta" in edited or "FixedDate" in edited)

    case = case_of(T, world, source=files.get, files=tuple(files), facts={SURVEY: survey})
    counted, stopped = answered(with_repairs(case, found), world).patches
    assert counted.title == "the dates of test_mode count from today"
    assert stopped.title == "a fixture has test_mode run on 2026-08-31"
    assert 'monkeypatch.setattr("shop.date", FixedDate)' in stopped.after
    freezes = {**files, "requirements.txt": "freezegun\n"}

    def frozen(setup):
        return seen(T, "freeze_time" in (setup.edits.get("tests/test_a.py") or ""))

    case = case_of(T, frozen, source=freezes.get, files=tuple(freezes))
    (patch,) = answered(with_repairs(case, found), frozen).patches
    assert patch.title == "test_mode runs on 2026-08-31 (freezegun)"
