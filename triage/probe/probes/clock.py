"""Test whether the time decides: a date that has passed, a weekday, an hour, a zone, the time it takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from triage.model.experiment import Factor
from triage.model.failure import is_test
from triage.model.nodeid import file_of, function_of
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.sources import tree_of
from triage.probe.symptoms import failing_files, message_of, places, uses
from triage.probe.treatment import Treatment, settle, with_instrument
from triage.text.pattern import pattern

_DATE_CALL = pattern(
    r"date (?:time)? \( \s* (\d{4}) \s* , \s* (\d{1,2}) \s* , \s* (\d{1,2})",
    matches=["date(2026, 6, 21)", "datetime(2020,1,2,3)"],
    rejects=["date(year, 6, 21)", "datetime.now()"],
)
_ISO_DATE = pattern(
    r"(?<!\d) ((?:19|20)\d\d) - (\d\d) - (\d\d) (?!\d)",
    matches=["'2026-06-21'", "2026-06-21T00:00:00Z"],
    rejects=["12026-06-21", "1826-06-21"],
)
_YEAR = pattern(
    r"(?<! [\d.] ) ((?:19|20)\d\d) (?! [\d.] )",
    matches=["year == 2026", "(1999)"],
    rejects=["12026", "0.2026", "2026.5"],
)
_SECONDS = pattern(
    r"(?<! [\d.] ) ( 1[0-9]{9} | 9[5-9][0-9]{7} ) (?!\d)",
    matches=["1782000000", "exp=950000000"],
    rejects=["17820000000", "0.1782000000", "900000000"],
)
"""Numbers that look like seconds since 1970: 2000 to 2033."""
_ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Asia/Kolkata")
"""None, west, east, and one with half an hour."""
_TIME_WORDS = re.compile(
    r"expire|date|time|clock|deadline|today|year|month|tzinfo|timezone|hour", re.IGNORECASE
)
_ONE_DAY = timedelta(days=1)
_DATA = (".json", ".yaml", ".yml", ".toml", ".csv", ".ini", ".cfg", ".txt", ".xml")
_MOST_DATA_FILES = 20
_MOST_CHARACTERS = 200_000
_MOST_TIMES, _MOST_NAMED = 18, 12
"""Moments that are tried, and how many of them may come from dates that the project states."""
_SAME_TIME = 60
"""Seconds within which another time is this time."""
_NEAR_YEARS = 60
"""Numbers like years that lie farther away are something else."""
_STOPS = (1.0, 30.0, 7.6003, 44.2507, 2.9991)
"""Seconds and fractions at which a stopped clock may stand: what hangs on a digit meets another one."""


def names_a_time(case: Case) -> bool:
    """Whether a test that asks for the time fails with words of time."""
    return asks_for_the_time(case) and _TIME_WORDS.search(message_of(case)) is not None


def asks_for_the_time(case: Case) -> bool:
    """Whether the test reads a date, a time of day or a time zone."""
    return bool(uses(case, "clock", "zone"))


def flaky_and_measures_time(case: Case) -> bool:
    """Whether a flaky test measures durations or sleeps, without threads."""
    return case.flaky and measures_time_without_threads(case)


def measures_time_without_threads(case: Case) -> bool:
    """Whether the test measures durations or sleeps, and nothing runs beside it."""
    return measures_time(case) and not uses(case, "threads")


def measures_time(case: Case) -> bool:
    """Whether the test measures durations or sleeps, and does not ask for the time of day."""
    return bool(uses(case, "timer", "sleep")) and not asks_for_the_time(case)


class Clock:
    """Run at another time, in another zone, or with a clock that stands still."""

    name = "clock"

    def investigate(self, case: Case) -> Steps:
        """Zones, for they are few, then times, then a stopped clock, which comes first for a flaky test."""
        if case.flaky:
            tried = [*_frozen(case), *_zones(case), *_times(case)]
        else:
            tried = [*_zones(case), *_times(case), *_frozen(case)]
        found = yield from settle(self.name, case, tried, "at another time")
        if found is not None:
            return (yield from _beside_a_stated_date(case, found))
        return Finding(excluded=_tried_in_words(tried), facts={"tried": tried})


def _tried_in_words(tried: Sequence[Treatment]) -> str:
    """At which moments and in which zones it failed too: nothing is said of others."""
    moments = sorted(str(t.factor.to) for t in tried if t.factor.kind == "clock" and t.factor.name == "now")
    zones = [str(t.factor.to) for t in tried if t.factor.kind == "env"]
    parts = []
    if moments:
        parts.append(f"at each of {len(moments)} other moments from {moments[0]} to {moments[-1]}")
    if zones:
        parts.append(f"in the zones {', '.join(zones)}")
    if len(moments) + len(zones) < len(tried):
        parts.append("with a stopped clock")
    return f"it fails too {', '.join(parts)}" if parts else "no other time could be tried"


def _beside_a_stated_date(case: Case, found: Finding) -> Steps:
    """Where it passes on one side of a date that the project states, look whether it fails on the other."""
    factor = found.cause.factor if found.cause is not None else None
    if factor is None or factor.name != "now":
        return found
    moment = datetime.fromisoformat(str(factor.to))
    for day, place in _stated_days(case):
        if not (is_test(place) or place.endswith(_DATA)):
            continue  # a date in the product may be the very fault
        other = day + (day - moment)
        if abs(moment - day) != _ONE_DAY:
            continue
        setup = with_instrument(case.base, "clock", {"at": other.timestamp()})[1]
        (run,) = yield from look(setup, why=f"on the other side of {day:%Y-%m-%d}")
        if run.red(case.nodeid):
            sides = "before it passes, after it fails" if moment < day else "before it fails, after it passes"
            because = f"{place} names {day:%Y-%m-%d}: the day {sides}"
            return found.model_copy(update={"because": because})
    return found


def _zones(case: Case) -> Iterator[Treatment]:
    if not asks_for_the_time(case):
        return
    for zone in _ZONES:
        if zone == case.env.get("TZ"):
            continue
        before = case.env.get("TZ")
        yield Treatment(
            factor=Factor(kind="env", name="TZ", from_=before, to=zone),
            kind="clock",
            baseline=case.base,
            treated=case.base.plus(env={"TZ": zone}),
            prediction=f"In the time zone {zone} the test passes: it assumes where it runs.",
            summary=f"the test passes in the time zone {zone} and fails in {before or 'another here'}",
            culprits=("TZ", *places(uses(case, "clock", "zone"))),
        )


def _times(case: Case) -> Iterator[Treatment]:
    if not asks_for_the_time(case):
        return
    now = datetime.fromtimestamp(float(case.facts.get("now", 0.0)), UTC)
    moments: dict[datetime, None] = {}
    for moment in (*islice(_named(case, now), _MOST_NAMED), *_general(now)):
        if abs((moment.replace(microsecond=0) - now).total_seconds()) > _SAME_TIME:
            moments[moment.replace(microsecond=0)] = None
    for moment in list(moments)[:_MOST_TIMES]:
        baseline, treated = with_instrument(case.base, "clock", {"at": moment.timestamp()})
        shown = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        yield Treatment(
            factor=Factor(kind="clock", name="now", from_=now.strftime("%Y-%m-%dT%H:%M:%SZ"), to=shown),
            kind="clock",
            baseline=baseline,
            treated=treated,
            prediction=f"At {shown} the test passes: it depends on when it runs.",
            summary=f"the test depends on the time at which it runs: it passes at {shown} and fails now",
            culprits=places(uses(case, "clock", "zone")),
        )


def _frozen(case: Case) -> Iterator[Treatment]:
    minute = int(float(case.facts.get("now", 0.0))) // 60 * 60
    for whole in (minute + offset for offset in _STOPS):
        baseline, treated = with_instrument(case.base, "clock", {"at": whole, "freeze": True})
        yield Treatment(
            factor=Factor(kind="clock", name="passing", from_="as it does", to=f"stopped at {whole}"),
            kind="clock",
            baseline=baseline,
            treated=treated,
            prediction="With a clock that stands still the test passes every time: how fast it runs decides.",
            summary="the test depends on how much time passes while it runs, or at which moment it starts",
            culprits=places(uses(case, "timer", "clock", "sleep")),
            sure=not uses(case, "threads"),  # it also lets them run in another order
        )


def _files_with_dates(case: Case) -> list[str]:
    """The sources that the failure went through, and the data files that these name."""
    files = dict.fromkeys(failing_files(case))
    files |= dict.fromkeys(place.rpartition(":")[0] for place in places(uses(case, "clock", "zone")))
    code = "\n".join(case.source(path) or "" for path in files)
    data = [path for path in case.files if path.endswith(_DATA) and path.rpartition("/")[2] in code]
    return [*files, *data[:_MOST_DATA_FILES]]


def _stated_days(case: Case) -> Iterator[tuple[datetime, str]]:
    """Midday of each date that the project states, and the file that states it; those of the test first."""
    own = file_of(case.nodeid)
    texts = [(own, _text_of_test(case.source(own), case.nodeid))]
    texts += [(path, case.source(path) or "") for path in _files_with_dates(case)]
    for path, whole in texts:
        text = whole[:_MOST_CHARACTERS]
        for match in (*_DATE_CALL.finditer(text), *_ISO_DATE.finditer(text)):
            try:
                yield datetime(int(match[1]), int(match[2]), int(match[3]), 12, tzinfo=UTC), path
            except ValueError:
                continue


def _text_of_test(source: str | None, nodeid: str) -> str:
    """The lines of the test's own function."""
    name = function_of(nodeid)
    for node in ast.walk(tree_of(source) or ast.Module([], [])):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return "\n".join((source or "").splitlines()[node.lineno - 1 : node.end_lineno])
    return ""


def _named(case: Case, now: datetime) -> Iterator[datetime]:
    """The days before and after each date in the sources and data files of the test."""
    for day, _ in _stated_days(case):
        yield from (day - _ONE_DAY, day + _ONE_DAY, day)
    for path in _files_with_dates(case):
        text = (case.source(path) or "")[:_MOST_CHARACTERS]
        for match in _SECONDS.finditer(text):
            moment = datetime.fromtimestamp(int(match[1]), UTC)
            yield from (moment - timedelta(days=1), moment + timedelta(days=1))
        for match in _YEAR.finditer(text):
            if abs(int(match[1]) - now.year) < _NEAR_YEARS:
                yield from (
                    datetime(int(match[1]), 6, 15, 12, tzinfo=UTC),
                    datetime(int(match[1]) - 1, 6, 15, 12, tzinfo=UTC),
                )


def _general(now: datetime) -> Iterator[datetime]:
    """A year back, midday of each kind of day, other hours, the middle and the end of a month."""
    midday = now.replace(hour=12, minute=0, second=30)
    yield from (midday - timedelta(days=365), midday, midday - timedelta(days=4 * 365))
    yield from (midday - timedelta(days=(now.weekday() - day) % 7 or 7) for day in (2, 5, 6, 0))
    yield from (now.replace(hour=hour, minute=5) for hour in (3, 9, 20))
    yield from (
        midday.replace(day=15),
        midday.replace(day=1),
        midday.replace(month=1, day=10),
        midday.replace(month=7, day=10),
    )
    yield from (midday - timedelta(days=30), midday + timedelta(days=365), now.replace(minute=30))
