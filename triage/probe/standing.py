"""Reading what the meter `waits` saw of a test that stands still: lock cycles, threads, children."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from triage.model.experiment import Factor
from triage.probe.api import Case
from triage.probe.treatment import Treatment, places, uses, with_instrument

Line = Mapping[str, Any]
_PLACE = re.compile(r".+:[0-9]+")


def lock_cycle(line: Line) -> list[tuple[str, Line, str]]:
    """Threads that wait for each other's locks: each with the lock that it wants, and where it wants it."""
    wants: dict[str, tuple[Line, str]] = {}
    for lock in line.get("locks", ()):
        for thread, place in lock["waiting"].items():
            if lock["owner"]:
                wants[thread] = (lock, place)
    for first in wants:
        path, thread = [first], wants[first][0]["owner"]
        while thread in wants and thread not in path:
            path.append(thread)
            thread = wants[thread][0]["owner"]
        if thread in path:
            return [(name, *wants[name]) for name in path[path.index(thread) :]]
    return []


def explained(line: Line) -> tuple[str, tuple[str, ...]]:
    """One sentence on who waits for what, and the places that it names."""
    cycle = lock_cycle(line)
    if cycle:
        return _cycle_in_words(cycle)
    words: list[str] = []
    found: list[str] = []
    for thread in _chain(line):
        at = thread["frames"][0] if thread["frames"] else ""
        named = "it" if thread["main"] else f"thread {thread['name']}"
        started = f" (started at {thread['born']})" if thread["born"] else ""
        where = f" at {at}" if at else ""
        if thread["for"]:
            words.append(f"{named}{started}{where} waits for {thread['for']}")
        found += [place for place in (at, thread["born"]) if place]
    for child in line.get("children", ()):
        waits = f" waits for {child['for']}" if child["for"] else " still runs"
        words.append(f"its child `{child['command'][:120]}` (pid {child['pid']}){waits}")
    return "; ".join(words), tuple(dict.fromkeys(found))


def frames_in(line: Line) -> list[tuple[str, int]]:
    """The author's lines where it stands: of the thread that is waited for in the end first."""
    found = [place for thread in reversed(_chain(line)) for place in thread["frames"]]
    split = [place.rpartition(":") for place in dict.fromkeys(found) if _PLACE.fullmatch(place)]
    return [(path, int(number)) for path, _, number in split]


def released(case: Case, line: Line) -> Iterator[Treatment]:
    """Treatments that fit what is waited for: one lock for several, children that end, threads in turn."""
    words, found = explained(line)
    cycle = lock_cycle(line)
    if cycle:
        born = sorted({str(lock["born"]) for _, lock, _ in cycle})
        change = f"one reentrant lock in place of those of {' and '.join(born)}"
        yield _treatment(case, ("locks", {"one": born}), change, words, found)
    if line.get("children"):
        found = (*found, str(line["children"][0]["command"])[:120])
        yield _treatment(case, ("children", {"drain": True}), "its output pipes read", words, found)
        yield _treatment(case, ("children", {"answer": True}), "its input ended", words, found)
    if uses(case, "threads") or len(line.get("threads", ())) > 1:
        where = tuple(dict.fromkeys((*found, *places(uses(case, "threads")))))
        yield _treatment(case, ("threads", {"serial": True}), "its threads one after another", words, where)


def _treatment(
    case: Case, instrument: tuple[str, dict[str, Any]], change: str, words: str, culprits: Sequence[str]
) -> Treatment:
    name, told = instrument
    baseline, treated = with_instrument(case.base, name, told)
    return Treatment(
        factor=Factor(kind=name, name=f"{name} of the test", from_="as they are", to=change),
        kind="threads" if name == "threads" else "timeout",
        baseline=baseline,
        treated=treated,
        prediction=f"With {change} it ends: {words or 'they wait for each other'}.",
        summary=f"{words or 'its threads wait for each other'}; with {change} it ends",
        culprits=tuple(culprits)[:5],
    )


def _cycle_in_words(cycle: Sequence[tuple[str, Line, str]]) -> tuple[str, tuple[str, ...]]:
    if len(cycle) == 1:
        thread, lock, place = cycle[0]
        words = (
            f"{thread} waits at {place} for the lock of {lock['born']} that it took at {lock['taken']} itself"
        )
        return words, (place, lock["taken"], lock["born"])
    parts = [
        f"{thread} waits at {place} for the lock that {lock['owner']} took at {lock['taken']}"
        for thread, lock, place in cycle
    ]
    found = [spot for _, lock, place in cycle for spot in (place, lock["taken"], lock["born"]) if spot]
    return "a cycle of locks: " + "; ".join(parts), tuple(dict.fromkeys(found))


def _chain(line: Line) -> list[Line]:
    """The main thread, the thread that it joins, the one that that joins, ..."""
    threads = {thread["name"]: thread for thread in line.get("threads", ())}
    at = next((thread for thread in threads.values() if thread["main"]), None)
    found: list[Line] = []
    while at is not None and at not in found:
        found.append(at)
        at = threads.get(at["joins"])
    return found
