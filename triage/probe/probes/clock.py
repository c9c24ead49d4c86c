"""`clock`: the test holds only at some time: a date that has passed, a weekday, an hour, a time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from triage.model.experiment import Factor
from triage.probe.api import Case, Finding, Steps
from triage.probe.treatment import Treatment, message_of, own_frames, places, settle, uses, with_instrument

_CALLED = re.compile(r"date(?:time)?\(\s*(\d{4})\s*,\s*(\d{1,2})\s*,\s*(\d{1,2})")
_ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)-(\d\d)-(\d\d)(?!\d)")
_YEAR = re.compile(r"(?<![\d.])((?:19|20)\d\d)(?![\d.])")
_SECONDS = re.compile(r"(?<![\d.])(1[0-9]{9}|9[5-9][0-9]{7})(?!\d)")
"""Numbers that look like seconds since 1970: 2000 to 2033."""
_ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Asia/Kolkata")
_WORDS = re.compile(r"expire|date|time|clock|deadline|today|year|month|tzinfo|timezone|hour", re.IGNORECASE)
_MOST_TIMES = 15
_WITH_THREADS = 0.1
"""After the probes that ask threads themselves."""
_STOPS = (1.0, 30.0, 7.6003, 44.2507, 2.9991)
"""Seconds and fractions at which a stopped clock may stand: what hangs on a digit meets another one."""


class Clock:
    """Another time, another zone, or no time passing at all."""

    name = "clock"

    def likelihood(self, case: Case) -> float:
        """Only where the test asks for the time or sleeps."""
        if uses(case, "clock", "zone"):
            return 0.85 if _WORDS.search(message_of(case)) else 0.6
        if not uses(case, "timer", "sleep"):
            return 0.0
        return _WITH_THREADS if uses(case, "threads") else 0.65 if case.flaky else 0.12

    def investigate(self, case: Case) -> Steps:
        """Zones first, for they are few; then times, those that the source names before general ones."""
        tried = (
            [*_frozen(case), *_zones(case), *_times(case)]
            if case.flaky
            else [*_zones(case), *_times(case), *_frozen(case)]
        )
        found = yield from settle(self.name, case, tried, "at another time")
        return found or Finding(
            excluded=f"no other time or zone helps ({len(tried)} tried)", facts={"tried": tried}
        )


def _zones(case: Case) -> Iterator[Treatment]:
    if not uses(case, "clock", "zone"):
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
    if not uses(case, "clock", "zone"):
        return
    now = datetime.fromtimestamp(float(case.facts.get("now", 0.0)), UTC)
    moments = dict.fromkeys(moment.replace(microsecond=0) for moment in (*_named(case, now), *_general(now)))
    for moment in [m for m in moments if abs((m - now).total_seconds()) > 60][:_MOST_TIMES]:
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


def _named(case: Case, now: datetime) -> Iterator[datetime]:
    """The days before and after each date in the sources that the failure went through."""
    files = dict.fromkeys([case.nodeid.partition("::")[0], *(path for path, _ in own_frames(case))])
    files |= dict.fromkeys(place.rpartition(":")[0] for place in places(uses(case, "clock", "zone")))
    for path in files:
        text = case.source(path) or ""
        for match in (*_CALLED.finditer(text), *_ISO.finditer(text)):
            try:
                day = datetime(int(match[1]), int(match[2]), int(match[3]), 12, tzinfo=UTC)
            except ValueError:
                continue
            yield from (day - timedelta(days=1), day + timedelta(days=1), day)
        for match in _SECONDS.finditer(text):
            moment = datetime.fromtimestamp(int(match[1]), UTC)
            yield from (moment - timedelta(days=1), moment + timedelta(days=1))
        for match in _YEAR.finditer(text):
            if abs(int(match[1]) - now.year) < 60:
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
