"""Sums of dates that leave the calendar are repaired at the line that raised."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from triage.probe.edits.date_arithmetic import repaired_dates

HEAD = "from datetime import date, datetime\n\n\ndef due(day):\n"
LAST = "the last day of a month"
LEAP, JANUARY_31 = date(2024, 2, 29), date(2025, 1, 31)


def results(statement, day):
    """By title: what the function gives with each edit."""
    found = {}
    for title, text in repaired_dates(HEAD + statement, 5):
        names = {}
        exec(text, names)
        found[title.partition(" stands")[0]] = names["due"](day)
    return found


@pytest.mark.parametrize(
    ("statement", "day", "expected"),
    [
        (
            "    return day.replace(year=day.year + 1)\n",
            LEAP,
            {LAST: date(2025, 2, 28), "1 March": date(2025, 3, 1)},
        ),
        (
            "    end = day.replace(year=day.year + 1, hour=9)\n    return end\n",
            datetime(2024, 2, 29, 8, tzinfo=UTC),
            {LAST: datetime(2025, 2, 28, 9, tzinfo=UTC), "1 March": datetime(2025, 3, 1, 9, tzinfo=UTC)},
        ),
        ("    return date(day.year + 1, day.month, day.day)\n", LEAP, {LAST: date(2025, 2, 28)}),
        ("    return day.replace(month=2)\n", JANUARY_31, {LAST: date(2025, 2, 28)}),
        (
            "    return day.replace(month=day.month + 1)\n",
            JANUARY_31,
            {"the month after December is January of the next year": date(2025, 2, 28)},
        ),
        (
            "    return day.replace(month=day.month + 1)\n",
            date(2025, 12, 31),
            {"the month after December is January of the next year": date(2026, 1, 31)},
        ),
        (
            "    return date(day.year, day.month + 6, day.day)\n",
            date(2025, 8, 31),
            {"the month after December is January of the next year": date(2026, 2, 28)},
        ),
        ("    return max(day, day.replace(day=31))\n", date(2025, 4, 1), {LAST: date(2025, 4, 30)}),
        ("    return str(day).replace('2', '3')\n", LEAP, {}),
        ("    return date.fromisoformat('2025-02-30')\n", LEAP, {}),
        ("    return day.replace(\n        year=day.year + 1)\n", LEAP, {}),
    ],
)  # fmt: skip
def test_each_usual_day_stands_for_one_that_is_not_there(statement, day, expected):
    assert results(statement, day) == expected


def test_the_edit_reads_as_people_write_it():
    titles = dict(repaired_dates(HEAD + "    return day.replace(year=day.year + 1)  # a year\n", 5))
    clamped, tried = titles.values()
    assert clamped.startswith("import calendar\nfrom datetime import date, datetime\n")
    last = "day=min(day.day, calendar.monthrange(day.year + 1, day.month)[1])"
    assert f"    return day.replace(year=day.year + 1, {last})  # a year\n" in clamped
    assert tried.endswith(
        "    try:\n"
        "        return day.replace(year=day.year + 1)  # a year\n"
        "    except ValueError:  # 29 February in a common year\n"
        "        return day.replace(year=day.year + 1, month=3, day=1)  # a year\n"
    )
