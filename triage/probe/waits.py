"""Read what a hanging test waits for, from the line that the meter `waits` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triage.text.pattern import pattern

Line = Mapping[str, Any]
"""Threads with their frames, locks with owner and waiting threads, child processes."""
_BUSY = 0.5
"""Share of a core: above it the process works and does not only wait."""
_PLACE = pattern(
    r".+ : [0-9]+",
    matches=["tests/test_a.py:12"],
    rejects=["tests/test_a.py", "<frozen>:", ""],
    how="fullmatch",
)


@dataclass(frozen=True)
class Wait:
    """A thread that waits for a lock."""

    thread: str
    lock: Line
    place: str
    """Where it waits, as `path:line`."""


def lock_cycle(line: Line) -> list[Wait]:
    """Threads that wait for each other's locks, in the order of the cycle; none without a cycle."""
    waits: dict[str, Wait] = {}
    for lock in line.get("locks", ()):
        if not lock["owner"]:
            continue
        for thread, place in lock["waiting"].items():
            waits[thread] = Wait(thread, lock, place)
    for first in waits:
        path = [first]
        owner = waits[first].lock["owner"]
        while owner in waits and owner not in path:
            path.append(owner)
            owner = waits[owner].lock["owner"]
        if owner in path:
            return [waits[thread] for thread in path[path.index(owner) :]]
    return []


def explained(line: Line) -> tuple[str, tuple[str, ...]]:
    """One sentence on who waits for what, and the places that it names."""
    cycle = lock_cycle(line)
    if len(cycle) == 1:
        return _own_lock_explained(cycle[0])
    if cycle:
        return _cycle_explained(cycle)
    parts: list[str] = []
    found: list[str] = []
    for thread in _joined_threads(line):
        place = thread["frames"][0] if thread["frames"] else ""
        if thread["for"]:
            name = "it" if thread["main"] else f"thread {thread['name']}"
            started = f" (started at {thread['born']})" if thread["born"] else ""
            at = f" at {place}" if place else ""
            parts.append(f"{name}{started}{at} waits for {thread['for']}")
        found += [known for known in (place, thread["born"]) if known]
    for child in line.get("children", ()):
        state = f"waits for {child['for']}" if child["for"] else "still runs"
        parts.append(f"its child `{child['command'][:120]}` (pid {child['pid']}) {state}")
    return "; ".join(parts), tuple(dict.fromkeys(found))


def _own_lock_explained(wait: Wait) -> tuple[str, tuple[str, ...]]:
    born, taken = wait.lock["born"], wait.lock["taken"]
    sentence = f"{wait.thread} waits at {wait.place} for the lock of {born} that it took at {taken} itself"
    return sentence, (wait.place, taken, born)


def _cycle_explained(cycle: list[Wait]) -> tuple[str, tuple[str, ...]]:
    parts: list[str] = []
    found: list[str] = []
    for wait in cycle:
        owner, taken = wait.lock["owner"], wait.lock["taken"]
        parts.append(f"{wait.thread} waits at {wait.place} for the lock that {owner} took at {taken}")
        found += [place for place in (wait.place, taken, wait.lock["born"]) if place]
    return "a cycle of locks: " + "; ".join(parts), tuple(dict.fromkeys(found))


def frames_in(line: Line) -> list[tuple[str, int]]:
    """Path and line of the author's frames: of the thread that is waited for in the end first."""
    found = [place for thread in reversed(_joined_threads(line)) for place in thread["frames"]]
    frames = []
    for place in dict.fromkeys(found):
        if _PLACE.fullmatch(place):
            path, _, number = place.rpartition(":")
            frames.append((path, int(number)))
    return frames


def may_still_end(line: Line) -> bool:
    """Whether it got on between two looks, worked, or waited for time to pass: more of it may help."""
    if not line:
        return True
    main: Line = next((thread for thread in line.get("threads", ()) if thread["main"]), {})
    waits_for_time = "time" in main.get("for", "")
    return bool(line.get("moved")) or line.get("busy", 0) > _BUSY or waits_for_time


def _joined_threads(line: Line) -> list[Line]:
    """The main thread, the thread that it joins, the one that that joins, ..."""
    threads = {thread["name"]: thread for thread in line.get("threads", ())}
    thread = next((thread for thread in threads.values() if thread["main"]), None)
    found: list[Line] = []
    while thread is not None and thread not in found:
        found.append(thread)
        thread = threads.get(thread["joins"])
    return found
