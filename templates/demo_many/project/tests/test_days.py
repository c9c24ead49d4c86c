from datetime import date

from parcel import days

SATURDAY = date(2026, 11, 28)


def test_no_parcel_arrives_on_a_sunday():
    assert days.arrival(SATURDAY, "mainland") == date(2026, 11, 30)


def test_islands_take_three_days():
    assert days.arrival(date(2026, 11, 23), "island") == date(2026, 11, 26)


def test_late():
    assert days.is_late(date(2026, 11, 23), date(2026, 11, 25), "mainland")
    assert not days.is_late(date(2026, 11, 23), date(2026, 11, 24), "mainland")


def test_spelled():
    assert days.spelled(SATURDAY) == "28.11.2026"
