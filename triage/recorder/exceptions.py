"""An exception with its causes, contexts and group members as plain data.

Nothing of the test is trusted: `str()` of an exception may raise, loop or be a megabyte, a chain may
be a circle, a traceback may have a million frames.
"""

from __future__ import annotations

import linecache
import os
from types import TracebackType
from typing import Any

CHAIN_LIMIT = 24
FRAME_LIMIT = 120
_HEAD_FRAMES = 40
_NOTES_LIMIT = 20

Data = dict[str, Any]


def exception_chain(error: BaseException) -> list[Data]:
    """`error` first, then causes and contexts, then members of groups; texts are as long as they are."""
    chain: list[Data] = []
    seen: set[int] = set()
    todo: list[tuple[BaseException, str]] = [(error, "raised")]
    while todo and len(chain) < CHAIN_LIMIT:
        current, relation = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        chain.append(_one(current, relation))
        todo = _related(current) + todo
    return chain


def _related(error: BaseException) -> list[tuple[BaseException, str]]:
    found: list[tuple[BaseException, str]] = []
    if error.__cause__ is not None:
        found.append((error.__cause__, "cause"))
    elif error.__context__ is not None and not error.__suppress_context__:
        found.append((error.__context__, "context"))
    if isinstance(error, BaseExceptionGroup):
        found += [(member, "member") for member in error.exceptions[:CHAIN_LIMIT]]
    return found


def _one(error: BaseException, relation: str) -> Data:
    kind = type(error)
    module = getattr(kind, "__module__", "") or ""
    name = getattr(kind, "__qualname__", kind.__name__)
    notes = getattr(error, "__notes__", None)
    return {
        "type": name if module == "builtins" else f"{module}.{name}",
        "message": text_of(error),
        "relation": relation,
        "frames": frames_of(error.__traceback__),
        "notes": [text_of(note) for note in notes[:_NOTES_LIMIT]] if isinstance(notes, list) else [],
    }


def text_of(value: object) -> str:
    """`str(value)`, whatever it does: the result is a true `str`, and nothing is raised."""
    try:
        return str.__str__(str(value))
    except BaseException as problem:
        return f"<{type(value).__name__} whose text raises {type(problem).__name__}>"


def frames_of(traceback: TracebackType | None) -> list[Data]:
    """Frames outermost first, without pytest's own at the start and without hidden helpers."""
    steps: list[TracebackType] = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    if len(steps) > FRAME_LIMIT:
        steps = steps[:_HEAD_FRAMES] + steps[-(FRAME_LIMIT - _HEAD_FRAMES) :]
    own = [step for step in steps if not _is_machinery(step.tb_frame.f_code.co_filename)]
    return [_frame(step) for step in own or steps[-1:] if not _hidden(step)]


def _hidden(step: TracebackType) -> bool:
    mark = step.tb_frame.f_locals.get("__tracebackhide__", False)
    return mark is True


def _is_machinery(path: str) -> bool:
    parts = path.replace(os.sep, "/")
    return any(f"/{name}/" in parts for name in ("_pytest", "pluggy", "triage/recorder"))


def _frame(step: TracebackType) -> Data:
    code = step.tb_frame.f_code
    line = linecache.getline(code.co_filename, step.tb_lineno, step.tb_frame.f_globals).strip()
    return {
        "path": os.fspath(code.co_filename),
        "lineno": step.tb_lineno,
        "function": getattr(code, "co_qualname", code.co_name),
        "code": line[:500],
    }
