"""Repair a victim by what its polluters leak, and try each repair in the order in which the failure was seen.

There are three places: the tests that leak, a fixture that every test beneath a `conftest.py` uses, and the
victim, which begins with the state that it expects. A repair that helps behind one polluter only is none
where others, each enough, are on record too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from triage.instruments.process_state_table import in_words
from triage.lab.patches import patch_of_files
from triage.lab.protocol import Answer, Setup, Step
from triage.model.experiment import Patch
from triage.model.failure import is_test
from triage.model.nodeid import file_of, function_of
from triage.probe.api import Case, look
from triage.probe.edits.conftest import conftest_of
from triage.probe.edits.isolated import LeakedValue, isolated
from triage.probe.edits.restore_state import (
    Restoration,
    is_module_of,
    module_and_attribute,
    restoration_of,
    restored,
    restored_for_all,
)
from triage.probe.leaked_state import LeakedState
from triage.probe.sources import tree_of

Repairs = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]
Trying = Generator[tuple[Step, ...], tuple[Answer, ...], Patch | None]
After = Callable[[Case, Sequence[str]], Setup]
"""The run of a set of tests, and the subject after them."""
_Edits = Mapping[str, str | None]
MOST_REPAIRS = 3
"""A design compares them: one of each place."""
_MOST_RECORDED = 3000
"""Tests of a recorded order up to which a repair is tried in the whole of it."""
_RESETS = re.compile(r"_*(?:reset|clear|restore|unset|forget|flush)(?:_\w+)?")
"""Names of functions with which a product puts its own state back."""
_LEAK_STAYS = "the tests that leak go on leaking, and another test may be their next victim"


def repairs_of(
    case: Case,
    sets: Sequence[Sequence[str]],
    leaked: LeakedState,
    after: After,
    most: int = MOST_REPAIRS,
) -> Repairs:
    """Repairs, each of which helps by itself: at the polluters, for all tests beside them, at the victim.

    `sets` are tests that make the subject fail, each set without the others; `after` is the run of such a
    set. Where only one place can be edited, another way to edit the polluters is tried. Empty where no edit
    helps, or where the subject still fails in the recorded order.
    """
    tried: set[str] = set()
    found: list[Patch] = []
    for steps in (
        _repair(case, sets, leaked, after, tried),
        _for_all_tests(case, sets, leaked, after),
        _at_the_victim(case, sets, leaked, after),
    ):
        repair = (yield from steps) if len(found) < most else None
        if repair is not None:
            found.append(repair)
    if len(found) < min(2, most):
        another = yield from _repair(case, sets, leaked, after, tried)
        found += [another] if another is not None else []
    return tuple(found)


def _for_all_tests(case: Case, sets: Sequence[Sequence[str]], leaked: LeakedState, after: After) -> Trying:
    """A fixture in the nearest `conftest.py` of all polluters."""
    path = conftest_of([nodeid for polluters in sets for nodeid in polluters], case.files)
    listed = ", ".join(in_words(key) for key in leaked.keys)
    title = f"a fixture in {path} puts {listed} back after each test"
    for restorations in _restorations(case, leaked, path):
        text = restored_for_all(case.source(path) or "", path, restorations, case.files)
        if text is not None and (yield from _helps(case, sets, after, {path: text}, title)):
            return patch_of_files({path: (case.source(path), text)}, title, _reason(sets, leaked))
    return None


def _restorations(case: Case, leaked: LeakedState, path: str) -> Iterator[list[tuple[str, Restoration]]]:
    """How a fixture can put everything back: by the product's own function, else as it found it."""
    found: list[tuple[str, Restoration]] = []
    for key, clean in zip(leaked.keys, leaked.clean, strict=True):
        restoration = restoration_of(key, clean, path, case.files)
        if restoration is None or any(_is_test_module(module, case.files) for module in restoration.imports):
            return
        found.append((key, restoration))
    if len(found) == 1:
        (key, _), *_ = found
        yield from ([(key, reset)] for reset in resets_of(case, key))
    yield found


def resets_of(case: Case, key: str) -> Iterator[Restoration]:
    """Calls of the product's functions that are there to put this attribute back."""
    module, inner = module_and_attribute(key.removeprefix("attr:"), case.files)
    for path in (path for path in case.files if module and is_module_of(module, path)):
        for node in (tree_of(case.source(path)) or ast.Module([], [])).body:
            if not isinstance(node, ast.FunctionDef) or not _RESETS.fullmatch(node.name):
                continue
            needed = len(node.args.posonlyargs + node.args.args) - len(node.args.defaults)
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if needed == 0 and re.split(r"[.\[]", inner)[0] in names:
                yield Restoration(imports=(module,), after=(f"{module}.{node.name}()",))


def _is_test_module(module: str, files: Sequence[str]) -> bool:
    return any(is_test(file) and is_module_of(module, file) for file in files)


def _at_the_victim(case: Case, sets: Sequence[Sequence[str]], leaked: LeakedState, after: After) -> Trying:
    path = file_of(case.nodeid)
    source = case.source(path)
    values = [LeakedValue(*texts) for texts in zip(leaked.keys, leaked.clean, leaked.dirty, strict=True)]
    text = None
    if source is not None:
        text = isolated(source, case.nodeid, values, case.files, whole=len(sets) > 1)
    title = f"{function_of(case.nodeid)} sets what it needs, whatever ran before it"
    if text is None or not (yield from _helps(case, sets, after, {path: text}, title)):
        return None
    return patch_of_files({path: (source, text)}, title, _reason(sets, leaked), leaves=_LEAK_STAYS)


def _helps(
    case: Case, sets: Sequence[Sequence[str]], after: After, edits: _Edits, why: str
) -> Generator[tuple[Step, ...], tuple[Answer, ...], bool]:
    """Whether the subject passes with these edits after each set, and in the order that failed."""
    runs = yield from look(*(after(case, polluters).plus(edits=dict(edits)) for polluters in sets), why=why)
    for polluters, run in zip(sets, runs, strict=True):
        if not run.passed(case.nodeid) or any(run.red(nodeid) for nodeid in polluters):
            return False
    return (yield from passes_as_recorded(case, edits))


def _reason(sets: Sequence[Sequence[str]], leaked: LeakedState) -> str:
    leaking = list(dict.fromkeys(nodeid for polluters in sets for nodeid in polluters))
    verb = "leak" if len(leaking) > 1 else "leaks"
    return f"{' and '.join(leaking)} {verb} {leaked.shown[0]}"


def _repair(
    case: Case,
    sets: Sequence[Sequence[str]],
    leaked: LeakedState,
    after: After,
    tried: set[str],
) -> Trying:
    """The polluters put back what they leak, by texts that were not tried before; None where none helps."""
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
    return patch_of_files(texts, _joined(titles), _reason(sets, leaked))


def _joined(titles: Sequence[str]) -> str:
    """The titles as one; where they differ in their last word only, that is what is listed."""
    beginnings = {title.rpartition(" ")[0] for title in titles}
    if len(beginnings) > 1:
        return "; ".join(titles)
    return f"{beginnings.pop()} {', '.join(title.rpartition(' ')[2] for title in titles)}"


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
        path = file_of(polluter)
        source = edits.get(path) or case.source(path) or ""
        for title, text in restored(source, polluter, leaked.keys, leaked.clean, case.files):
            if text in tried:
                continue
            tried.add(text)
            (run,) = yield from look(polluted.plus(edits={**edits, path: text}), why=title)
            if run.passed(case.nodeid) and not any(run.red(nodeid) for nodeid in polluters):
                return title, path, text
    return None
