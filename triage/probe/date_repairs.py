"""Repairs of a test that holds on some days only: its dates count from today, or its clock stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from triage.model.experiment import Factor
from triage.model.failure import is_test
from triage.model.nodeid import file_of, names_within
from triage.probe.api import Case
from triage.probe.edits.date_arithmetic import OFF_THE_CALENDAR, repaired_dates
from triage.probe.edits.fixed_date import (
    ClockRead,
    clock_reads,
    counted_from_today,
    with_decorator,
    with_fixed_clock,
)
from triage.probe.edits.imports import own_packages
from triage.probe.repair_edit import RepairEdit
from triage.probe.symptoms import message_of, own_frames, places, uses

_LIBRARIES = {"time_machine": ("time-machine", "time_machine"), "freezegun": ("freezegun",)}
"""Libraries that stop the clock, by the module's name: how a project names them."""


def date_repairs(case: Case, factor: Factor) -> Iterator[RepairEdit]:
    """Edits of the test, for the moment at which it was seen to pass."""
    if factor.name != "now":
        return
    yield from calendar_repairs(case)
    path = file_of(case.nodeid)
    names = names_within(case.nodeid)
    if not names:
        return  # the whole file failed to be collected
    source = case.source(path) or ""
    moment = datetime.fromisoformat(str(factor.to))
    reason = f"On {moment:%Y-%m-%d} the test passes; today it fails."
    counted = counted_from_today(source, names, moment.date())
    if counted is not None:
        yield RepairEdit(f"the dates of {names[-1]} count from today", {path: counted}, reason)
    for library, spellings in _LIBRARIES.items():
        if not _is_used(case, spellings):
            continue
        text = with_decorator(source, names, library, moment)
        if text is not None:
            yield RepairEdit(f"{names[-1]} runs on {moment:%Y-%m-%d} ({library})", {path: text}, reason)
            return
    fixed = with_fixed_clock(source, names, _reads(case), moment, own_packages(case.files))
    if fixed is not None:
        title = f"a fixture has {names[-1]} run on {moment:%Y-%m-%d}"
        yield RepairEdit(title, {path: fixed}, reason)


def calendar_repairs(case: Case) -> Iterator[RepairEdit]:
    """Edits of the product, where it has made a date that the calendar does not have."""
    if not OFF_THE_CALENDAR.search(message_of(case)):
        return
    frames = own_frames(case)
    path, line = frames[0] if frames else ("", 0)
    if not path or is_test(path):
        return
    for title, text in repaired_dates(case.source(path) or "", line):
        reason = f"{path}:{line} makes a date that there is not: {message_of(case).splitlines()[0]}."
        yield RepairEdit(f"{title} ({path}:{line})", {path: text}, reason)


def _is_used(case: Case, spellings: tuple[str, ...]) -> bool:
    """Whether a test or a list of packages names the library."""
    files = [path for path in case.files if is_test(path) or path.endswith((".toml", ".txt", ".cfg"))]
    return any(spelling in (case.source(path) or "") for path in files for spelling in spellings)


def _reads(case: Case) -> tuple[ClockRead, ...]:
    """What the product and the test ask for the present, where the survey saw them do it."""
    lines: dict[str, set[int]] = {}
    for place in places(uses(case, "clock")):
        path, _, line = place.rpartition(":")
        lines.setdefault(path, set()).add(int(line))
    found: dict[ClockRead, None] = {}
    for path, numbers in lines.items():
        module = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for read in clock_reads(case.source(path) or "", module, numbers):
            found[read] = None
    return tuple(found)
