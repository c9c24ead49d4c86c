"""Repairs of locks for which a test waits for ever: one that is reentrant, or two in one order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from triage.lab.protocol import Experiment
from triage.model.failure import is_test
from triage.probe.api import Case
from triage.probe.edits.lock_order import in_one_order
from triage.probe.repair_edit import RepairEdit
from triage.text.pattern import pattern

_LOCK = re.compile(r"\bLock\(\)")
_IMPORTED_LOCK = re.compile(r"^(from threading import (?:.*, )?)Lock\b", re.MULTILINE)
_PLACE = pattern(
    r"(?P<path> [^:]+ \.py ) : (?P<line> \d+ )",
    matches=["bank/accounts.py:20"],
    rejects=["bank/accounts.py", "t.py::test_a"],
    how="fullmatch",
)

_HELD_LONGER = "work that needs one of the locks now waits for work that holds the other"


def lock_repairs(case: Case, proof: Experiment, culprits: Sequence[str]) -> Iterator[RepairEdit]:
    """Edits where the locks are made, or where they are taken; `culprits` are the places of both."""
    made = proof.treated.instruments.get("locks", {}).get("one", ())
    if len(made) == 1:
        yield from _reentrant(case, str(made[0]))
    yield from _ordered(case, culprits)
    if len(made) > 1:
        yield from _one_lock(case, [str(place) for place in made])


def _reentrant(case: Case, place: str) -> Iterator[RepairEdit]:
    """A lock that one thread takes twice, where it is made."""
    text = _with_reentrant(case, place)
    if text is not None:
        reason = "The thread that holds it asks for it again, and waits for itself."
        yield RepairEdit(f"the lock of {place} is reentrant", {place.rpartition(":")[0]: text}, reason)


def _with_reentrant(case: Case, place: str) -> str | None:
    path, _, line = place.rpartition(":")
    lines = (case.source(path) or "").splitlines(keepends=True)
    number = int(line) - 1
    if number >= len(lines) or len(_LOCK.findall(lines[number])) != 1:
        return None
    others = [*lines[:number], *lines[number + 1 :]]
    needed = "Lock, RLock" if any(_LOCK.search(each) for each in others) else "RLock"
    lines[number] = _LOCK.sub("RLock()", lines[number])
    return _IMPORTED_LOCK.sub(rf"\g<1>{needed}", "".join(lines))


def _ordered(case: Case, culprits: Sequence[str]) -> Iterator[RepairEdit]:
    """Two locks that are taken in two orders, by one function or by two."""
    tried: set[str] = set()
    for culprit in culprits:
        place = _PLACE.fullmatch(culprit)
        if place is None or is_test(place["path"]):
            continue
        path = place["path"]
        text = in_one_order(case.source(path) or "", int(place["line"]))
        if text is not None and text not in tried:
            tried.add(text)
            reason = "Two threads that each hold one of the locks wait for the other's."
            yield RepairEdit(f"{culprit} takes both locks in one order", {path: text}, reason)


def _one_lock(case: Case, made: Sequence[str]) -> Iterator[RepairEdit]:
    """Two locks of one module under one: the second name stands for the first, which is reentrant."""
    paths = {place.rpartition(":")[0] for place in made}
    if len(paths) != 1 or len(made) != 2:
        return
    path = paths.pop()
    first, second = sorted(int(place.rpartition(":")[2]) for place in made)
    text = _with_reentrant(case, f"{path}:{first}")
    lines = (text or "").splitlines(keepends=True)
    if second > len(lines):
        return
    names = [re.match(r"(\w+)\s*=\s*", lines[number - 1]) for number in (first, second)]
    if names[0] is None or names[1] is None:
        return
    lines[second - 1] = f"{names[1][0]}{names[0][1]}\n"
    reason = "What both guard is used together, and in two orders."
    title = f"{names[0][1]} and {names[1][1]} are one reentrant lock"
    yield RepairEdit(title, {path: "".join(lines)}, reason, leaves=_HELD_LONGER)
