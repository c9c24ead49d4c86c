"""Repair a victim by what its polluters leak, and try each repair in the order in which the failure was seen.

A repair that helps behind one polluter only is none where others, each enough, are on record too: the edits
of all of them are one repair.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence

from triage.lab.patches import patch_of_files
from triage.lab.protocol import Answer, Setup, Step
from triage.model.experiment import Patch
from triage.probe.api import Case, look
from triage.probe.edits.restore_state import restored
from triage.probe.leaked_state import LeakedState

Repairs = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]
_Edits = Mapping[str, str | None]
_MOST_REPAIRS = 2
"""The test takes its change back itself, or a fixture does: a third way would be one of these again."""
_MOST_RECORDED = 3000
"""Tests of a recorded order up to which a repair is tried in the whole of it."""


def repairs_of(
    case: Case,
    sets: Sequence[Sequence[str]],
    leaked: LeakedState,
    after: Callable[[Case, Sequence[str]], Setup],
) -> Repairs:
    """Repairs, each of which helps by itself: one polluter of each set puts back what it leaks.

    `sets` are tests that make the subject fail, each set without the others; `after` is the run of such a
    set. Where there are two ways to put it back both are proposed, for a design compares. Empty where no edit
    helps, or where the subject still fails in the recorded order.
    """
    functions = {nodeid.partition("[")[0] for polluters in sets for nodeid in polluters}
    most = _MOST_REPAIRS if len(sets) == 1 or len(functions) == 1 else 1
    tried: set[str] = set()
    found: list[Patch] = []
    while len(found) < most:
        repair = yield from _repair(case, sets, leaked, after, tried)
        if repair is None:
            break
        found.append(repair)
    return tuple(found)


def _repair(
    case: Case,
    sets: Sequence[Sequence[str]],
    leaked: LeakedState,
    after: Callable[[Case, Sequence[str]], Setup],
    tried: set[str],
) -> Generator[tuple[Step, ...], tuple[Answer, ...], Patch | None]:
    """One repair of all sets, by texts that were not tried before; None where there is none."""
    edits: dict[str, str | None] = {}
    titles: list[str] = []
    for polluters in sets:
        if edits:  # an edit of one file can mend several of its tests
            (run,) = yield from look(after(case, polluters).plus(edits=edits), why="is this one mended too?")
            if run.passed(case.nodeid):
                continue
        found = yield from _edit_of_one(
            case, polluters, leaked, polluted=after(case, polluters), edits=edits, tried=tried
        )
        if found is None:
            return None
        title, path, text = found
        edits[path] = text
        titles.append(title)
    if not edits:
        return None
    if not (yield from passes_as_recorded(case, edits)):
        return None
    texts = {path: (case.source(path) or "", text or "") for path, text in edits.items()}
    leaking = " and ".join(dict.fromkeys(nodeid for polluters in sets for nodeid in polluters))
    return patch_of_files(texts, "; ".join(titles), f"{leaking} leak {leaked.shown[0]}")


def passes_as_recorded(case: Case, edits: _Edits) -> Generator[tuple[Step, ...], tuple[Answer, ...], bool]:
    """Whether the subject passes with these edits in the order in which it was seen to fail.

    An order too long to be run for every repair is left to the exit criteria.
    """
    if len(case.base.nodeids) > _MOST_RECORDED:
        return True
    (run,) = yield from look(case.base.plus(edits=dict(edits)), why="the repair in the order that failed")
    return run.passed(case.nodeid)


def _edit_of_one(
    case: Case,
    polluters: Sequence[str],
    leaked: LeakedState,
    *,
    polluted: Setup,
    edits: _Edits,
    tried: set[str],
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, str, str] | None]:
    """Title, path and new text of the first edit with which all of them pass, and the subject after them."""
    for polluter in polluters:
        path = polluter.partition("::")[0]
        source = edits.get(path) or case.source(path) or ""
        for title, text in restored(source, polluter, leaked.keys, leaked.clean, case.files):
            if text in tried:
                continue
            tried.add(text)
            (run,) = yield from look(polluted.plus(edits={**edits, path: text}), why=title)
            if run.passed(case.nodeid) and not any(run.red(nodeid) for nodeid in polluters):
                return title, path, text
    return None
