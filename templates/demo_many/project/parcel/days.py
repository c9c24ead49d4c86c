"""When a parcel arrives."""

from datetime import date, timedelta

_DAYS = {"mainland": 1, "mountain": 2, "island": 3}
_SUNDAY = 6


def next_working_day(day):
    """The day itself, or the Monday behind it."""
    while day.weekday() == _SUNDAY:
        day += timedelta(days=1)
    return day


def arrival(sent, zone):
    """The working day on which it arrives."""
    return next_working_day(sent + timedelta(days=_DAYS[zone]))


def is_late(sent, arrived, zone):
    """Whether it arrived after the promised day."""
    return arrived > arrival(sent, zone)


def spelled(day):
    """As letters spell a day."""
    return date.strftime(day, "%d.%m.%Y")
