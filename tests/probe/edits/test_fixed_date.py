"""Dates that count from today, and clocks that stand: the texts, as a formatter leaves them."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime

import pytest

from triage.probe.edits.fixed_date import (
    ClockRead,
    clock_reads,
    counted_from_today,
    with_decorator,
    with_fixed_clock,
)

SOURCE = '''\
from datetime import date

from shop.loans import Loan


def test_extend():
    """A loan is extended."""
    loan = Loan("Emma", date(2026, 9, 1), since=date(2019, 1, 1))
    assert loan.extended() == date(2026, 8, 15)
'''
MOMENT = datetime(2026, 8, 31, 12, 30)  # noqa: DTZ001  # the clock of whoever runs the test


OWN = ("--config", 'lint.isort.known-first-party = ["shop"]')


def formatted(text):
    """The text as ruff formats it, imports sorted."""
    for words in (["check", "--select", "I", "--fix", "-q"], ["format", "-q"]):
        command = [sys.executable, "-m", "ruff", *words, *OWN, "--isolated", "--stdin-filename", "t.py", "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout
    return text


def test_near_dates_count_from_today_and_far_ones_stay():
    text = counted_from_today(SOURCE, ["test_extend"], MOMENT.date())
    assert text == SOURCE.replace("import date", "import date, timedelta").replace(
        "    loan =", "    today = date.today()\n    loan ="
    ).replace("date(2026, 9, 1)", "today + timedelta(days=1)").replace(
        "date(2026, 8, 15)", "today - timedelta(days=16)"
    )
    assert formatted(text) == text


def test_the_module_spells_its_classes():
    source = "import datetime\n\n\ndef test_a():\n    assert datetime.date(2026, 8, 31)\n"
    assert counted_from_today(source, ["test_a"], MOMENT.date()) == (
        "import datetime\n\n\ndef test_a():\n    today = datetime.date.today()\n    assert today\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "def test_a():\n    assert date(1999, 1, 1)\n",
        "def test_a():\n    assert date(year, 1, 1)\n",
        "def test_a():\n    today = 3\n    assert date(2026, 9, 1)\n",
        "def test_b():\n    assert date(2026, 9, 1)\n",
        "def test_a(:\n",
    ],
    ids=["far", "computed", "the name is taken", "another test", "no source"],
)
def test_other_tests_are_left_alone(source):
    assert counted_from_today(source, ["test_a"], date(2026, 8, 31)) is None


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("from datetime import date\ndate.today()\n", [("shop.date", "date")]),
        ("from datetime import datetime as dt\ndt.now()\n", [("shop.dt", "datetime")]),
        ("import datetime\ndatetime.date.today()\n", [("datetime.date", "date")]),
        ("import datetime as d\nd.datetime.utcnow()\n", [("datetime.datetime", "datetime")]),
        ("import time\ntime.time()\n", [("time.time", "time")]),
        ("from time import time\ntime()\n", [("shop.time", "time")]),
        ("import pandas\npandas.Timestamp.now()\n", []),
    ],
)
def test_what_has_to_be_replaced_follows_from_the_import(source, reads):
    assert clock_reads(source, "shop", {2}) == tuple(ClockRead(*read) for read in reads)


@pytest.mark.parametrize(
    ("kind", "asked", "expected"),
    [
        ("date", "date.today()", "2026-08-31"),
        ("datetime", "datetime.now()", "2026-08-31 12:30:00"),
        ("time", "time()", MOMENT.timestamp()),
    ],
)
def test_a_fixture_stops_the_clock_of_a_module(tmp_path, kind, asked, expected):
    origin = "time" if kind == "time" else "datetime"
    (tmp_path / "shop.py").write_text(f"from {origin} import {kind}\n\n\ndef now():\n    return {asked}\n")
    source = f"import shop\n\n\ndef test_now():\n    assert str(shop.now()) == {str(expected)!r}\n"
    text = with_fixed_clock(source, ["test_now"], [ClockRead(f"shop.{kind}", kind)], MOMENT, {"shop"})
    assert formatted(text).replace("'", '"') == text.replace("'", '"')
    (tmp_path / "test_shop.py").write_text(text)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("kind", ["date", "datetime"])
def test_a_file_that_imports_classes_keeps_their_names(kind):
    """`import datetime` beside `from datetime import datetime` would give one name two meanings."""
    reads = [ClockRead(f"shop.{kind}", kind)]
    text = with_fixed_clock(SOURCE, ["test_extend"], reads, MOMENT, {"shop"})
    assert "import datetime\n" not in text.replace("from datetime import date, datetime\n", "")
    assert f"({kind}):\n" in text
    compile(text, "t.py", "exec")


def test_a_library_that_the_project_has_stops_it_in_a_line():
    text = with_decorator("import pytest\n\n\ndef test_a():\n    pass\n", ["test_a"], "freezegun", MOMENT)
    assert text.startswith('import freezegun\nimport pytest\n\n\n@freezegun.freeze_time("2026-08-31")\ndef')
    source = "from freezegun import freeze_time\n\n\nclass TestA:\n    def test_a(self):\n        pass\n"
    text = with_decorator(source, ["TestA", "test_a"], "freezegun", MOMENT)
    assert text == source.replace("    def", '    @freeze_time("2026-08-31")\n    def')
    text = with_decorator("def test_a():\n    pass\n", ["test_a"], "time_machine", MOMENT)
    assert "import time_machine\n" in text
    assert '@time_machine.travel("2026-08-31")\ndef test_a' in text
