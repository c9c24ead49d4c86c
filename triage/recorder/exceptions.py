"""Turn an exception with its causes, contexts and group members into plain data.

Nothing of the test is trusted: `str()` of an exception may raise or be a megabyte, a chain may be a circle, a
traceback may have a million frames.
"""

from __future__ import annotations

import errno
import linecache
import os
from types import TracebackType
from typing import Any

from triage.text import doctests

CHAIN_LIMIT = 24
FRAME_LIMIT = 120
_HEAD_FRAMES = 40
"""Of a cut traceback: the frames kept at its start; the rest of the limit is kept at its end."""
_NOTES_LIMIT = 20
_CODE_CHARS = 500
_SUMMARY_CHARS = 4096
_MACHINERY = ("_pytest", "pluggy", "triage/recorder")
"""Folders whose frames say nothing about the test."""

Data = dict[str, Any]


def exception_chain(error: BaseException) -> list[Data]:
    """Return data of `error`, of what it is related to, of what that is related to ...; texts are not cut.

    Depth first: the cause or context of each exception comes before the members of its group.
    """
    example = _failed_example(error)
    if type(example).__name__ == "DocTestFailure":
        return [_data_of_example(example)]
    if example is not None:
        error = example.exc_info[1]
    chain: list[Data] = []
    seen: set[int] = set()
    todo: list[tuple[BaseException, str]] = [(error, "raised")]
    while todo and len(chain) < CHAIN_LIMIT:
        current, relation = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        related = _related(current)
        members = [each for each, relation in related if relation == "member" and id(each) not in seen]
        chain.append({**_data_of(current, relation), "members": len(members)})
        todo = related + todo
    if example is not None:
        chain[0]["frames"] = [_frame_of_example(example), *_frames_below_example(chain[0]["frames"])]
    return chain


def _failed_example(error: BaseException) -> Any:
    """Return doctest's exception for a failed example (of several the first), None for any other.

    By name: importing doctest costs every suite what few of them need.
    """
    kind = type(error)
    if (kind.__module__, kind.__name__) == ("_pytest.doctest", "MultipleDoctestFailures"):
        error = error.failures[0]  # type: ignore[attr-defined]
    kind = type(error)
    is_example = kind.__module__ == "doctest" and kind.__name__ in ("DocTestFailure", "UnexpectedException")
    return error if is_example else None


def _data_of_example(failure: Any) -> Data:
    source, want = failure.example.source, failure.example.want
    return {
        "type": doctests.TYPE,
        "message": doctests.example_message(source, want, failure.got),
        "relation": "raised",
        "frames": [_frame_of_example(failure)],
        "notes": [],
        "members": 0,
    }


def _frame_of_example(failure: Any) -> Data:
    """Return the example as a frame of the file that has the docstring."""
    begins = failure.test.lineno
    return {
        "path": os.fspath(failure.test.filename or "<doctest>"),
        "lineno": None if begins is None else begins + failure.example.lineno + 1,
        "function": failure.test.name,
        "code": doctests.example_code(failure.example.source)[:_CODE_CHARS],
    }


def _frames_below_example(frames: list[Data]) -> list[Data]:
    """Return the frames of what the example called: those above are doctest's own."""
    examples = [index for index, frame in enumerate(frames) if frame["path"].startswith("<doctest ")]
    return frames[examples[-1] + 1 :] if examples else frames


def _related(error: BaseException) -> list[tuple[BaseException, str]]:
    found: list[tuple[BaseException, str]] = []
    if error.__cause__ is not None:
        found.append((error.__cause__, "cause"))
    elif error.__context__ is not None and not error.__suppress_context__:
        found.append((error.__context__, "context"))
    if isinstance(error, BaseExceptionGroup):
        found += [(member, "member") for member in error.exceptions[:CHAIN_LIMIT]]
    return found


def _data_of(error: BaseException, relation: str) -> Data:
    return {
        "type": _type_name(type(error)),
        "message": text_of(error),
        "relation": relation,
        "frames": frames_of(error.__traceback__),
        "notes": _notes(error),
    }


def _type_name(kind: type[BaseException]) -> str:
    module = getattr(kind, "__module__", "") or ""
    name = getattr(kind, "__qualname__", kind.__name__)
    return name if module == "builtins" else f"{module}.{name}"


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    # anybody may assign anything to it
    if not isinstance(notes, list):
        return []
    return [text_of(note) for note in notes[:_NOTES_LIMIT]]


def text_of(value: object) -> str:
    """Return `str(value)`, whatever it does: the result is a plain `str`, and nothing is raised."""
    try:
        # `__str__` may return an instance of a subclass
        return str.__str__(str(value))
    except BaseException as problem:
        return f"<{type(value).__name__} whose text raises {type(problem).__name__}>"


def summary_of(error: BaseException) -> str:
    """Return `Exit: reason`: the type and the text, whatever reading the text does."""
    text = text_of(getattr(error, "msg", None) or error)[:_SUMMARY_CHARS]
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def broke_capturing(error: BaseException) -> bool:
    """Tell whether an exception shows that a test closed what pytest captures output by."""
    if isinstance(error, OSError) and error.errno == errno.EBADF:
        return True
    if not isinstance(error, ValueError) or error.__traceback__ is None:
        return False
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    path = last.tb_frame.f_code.co_filename.replace(os.sep, "/")
    return path.endswith("/_pytest/capture.py")


def frames_of(traceback: TracebackType | None) -> list[Data]:
    """Return frames outermost first, without those of pytest and without hidden helpers."""
    steps: list[TracebackType] = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    if len(steps) > FRAME_LIMIT:
        steps = steps[:_HEAD_FRAMES] + steps[-(FRAME_LIMIT - _HEAD_FRAMES) :]
    outside = [step for step in steps if not _is_machinery(step.tb_frame.f_code.co_filename)]
    if not outside:
        # an error of pytest itself: better its last frame than none
        outside = steps[-1:]
    return [_frame(step) for step in outside if not _is_hidden(step)]


def _is_hidden(step: TracebackType) -> bool:
    mark = step.tb_frame.f_locals.get("__tracebackhide__", False)
    # pytest allows a function here, which we do not call
    return mark is True


def _is_machinery(path: str) -> bool:
    posix = path.replace(os.sep, "/")
    return any(f"/{folder}/" in posix for folder in _MACHINERY)


def _frame(step: TracebackType) -> Data:
    code = step.tb_frame.f_code
    line = linecache.getline(code.co_filename, step.tb_lineno, step.tb_frame.f_globals).strip()
    return {
        "path": os.fspath(code.co_filename),
        "lineno": step.tb_lineno,
        "function": getattr(code, "co_qualname", code.co_name),
        "code": line[:_CODE_CHARS],
    }
