"""The error behind the error: what a worker process raised, what a quoted traceback ends with, what a command
line runner or an inner pytest swallowed. What `anatomy_of` (frozen with `reason/2`) leaves unopened.
"""

from __future__ import annotations

import re
from dataclasses import replace

from triage.model.failure import Failure, Raised
from triage.model.native import HEAD, native_chain
from triage.signature.anatomy import Anatomy, anatomy_of, root_of

_REMOTE = re.compile(r"(?:^|\.)_?RemoteTraceback$|(?:^|\.)_RemoteExceptionWithTraceback$")
_FENCE = '"""'
_DASK = re.compile(r"^(?P<message>.*?)\n+Traceback\n-{5,}\n(?P<frames>.*)$", re.DOTALL)
_CLICK = re.compile(r"<Result (?P<type>[A-Za-z_]\w*)\((?P<arguments>.{0,2000}?)\)>")
_ERRNO = re.compile(r"(?P<number>\d+), (?P<quote>['\"])(?P<text>.*)(?P=quote)$", re.DOTALL)
_TEXT = re.compile(r"(?P<quote>['\"])(?P<text>.*?)(?<!\\)(?P=quote)(?:, |$)", re.DOTALL)
_INNER_ERROR = re.compile(r"^E +(?P<error>[A-Za-z_][\w.]*(?:Error|Exception|Failed|Exit)\b.*)$", re.MULTILINE)
_PYTESTER = ("_pytest/pytester.py", "_pytest/pytester_assertions.py")
_OF_INNER_RUN = re.compile(
    r"\.(?:assert_outcomes|fnmatch_lines\w*|re_match_lines\w*|no_\w+_line|parseoutcomes)\("
)
_LOOKED_AT = 40_000


def inner_anatomy(failure: Failure, outer: Anatomy | None = None) -> Anatomy:
    """The failure taken apart, down to the error of the process or run that it is about.

    `outer` is what `anatomy_of` gave for it, where that is known already.
    """
    opened = _without_remote(failure)
    found = outer if outer is not None and opened is failure else anatomy_of(opened)
    if found.wrapper:
        return found
    return _quoted(found, failure) or _of_runner(found) or _of_pytester(found, failure) or found


def _without_remote(failure: Failure) -> Failure:
    """A worker's exception comes back without its frames, and with a cause that quotes them."""
    if not failure.chain:
        return failure
    reported, *others = failure.chain
    if reported.type.startswith("dask.") and (found := _DASK.match(reported.message[:_LOOKED_AT])):
        kind = reported.type.rpartition(".")[2]
        return failure.model_copy(
            update={"chain": (_dask_worker(kind, found, reported, root_of(failure)), *others)}
        )
    for index, raised in enumerate(others):
        worker = _worker(raised, reported, failure)
        if worker is not None:
            own = reported.model_copy(update={"frames": (*reported.frames[:1], *worker.frames)})
            return failure.model_copy(update={"chain": (own, *others[:index], *others[index + 1 :])})
    return failure


def _worker(raised: Raised, reported: Raised, failure: Failure) -> Raised | None:
    """The exception that a remote traceback quotes, where it is the reported one."""
    said = raised.message.strip().strip('"').strip()
    if _REMOTE.search(raised.type):
        chain = native_chain(said[-_LOOKED_AT:], root_of(failure))
        return chain[0] if chain and _same(chain[0].type, reported.type) else None
    twin = raised.frames and raised.message.rstrip().endswith(_FENCE) and _same(raised.type, reported.type)
    return raised if twin else None


def _same(one: str, other: str) -> bool:
    return one.rpartition(".")[2] == other.rpartition(".")[2]


def _dask_worker(kind: str, found: re.Match[str], reported: Raised, root: str | None) -> Raised:
    chain = native_chain(f"{HEAD}\n{found['frames'].rstrip()}\n{kind}: x", root)
    frames = (*reported.frames[:1], *(chain[0].frames if chain else ()))
    return reported.model_copy(update={"type": kind, "message": found["message"], "frames": frames})


def _quoted(found: Anatomy, failure: Failure) -> Anatomy | None:
    """A traceback in the message that pytest indented, or that stands in the repr of a string."""
    if HEAD not in found.message:
        return None
    text = found.message[:_LOOKED_AT]
    if HEAD + "\\n" in text:
        text = text.replace("\\n", "\n").replace("\\'", "'")
    head, _, rest = text.partition(HEAD)
    text = HEAD + re.sub(r"\n  ", "\n", rest) if re.match(r"\n {4}File ", rest) else HEAD + rest
    chain = native_chain(text, root_of(failure))
    if not chain:
        return None
    own, *causes = chain
    message = own.message.strip()
    if head:  # a repr: its end and what pytest explains stand behind
        message = message.partition("\n")[0].replace("\\'", "'")
    return replace(
        found, exception=own.type, message=message, frames=own.frames, chain=tuple(causes), said="",
        wrapper=found.exception,
    )  # fmt: skip


def _of_runner(found: Anatomy) -> Anatomy | None:
    """The exception that click's test runner caught; one that only ends the process says nothing."""
    result = _CLICK.search(found.message[:_LOOKED_AT])
    if result is None or result["type"] in ("SystemExit", "Exit", "Abort"):
        return None
    return replace(
        found,
        exception=result["type"],
        message=_of_arguments(result["arguments"]),
        said="",
        wrapper=found.exception,
    )


def _of_arguments(arguments: str) -> str:
    """What an exception with these arguments says."""
    if errno := _ERRNO.match(arguments):
        return f"[Errno {errno['number']}] {errno['text']}"
    text = _TEXT.match(arguments)
    return text["text"] if text else arguments


def _of_pytester(found: Anatomy, failure: Failure) -> Anatomy | None:
    """The last error that a pytest within the test printed."""
    asked = (
        frame.path.endswith(_PYTESTER) or _OF_INNER_RUN.search(frame.code or "") for frame in found.frames
    )
    if found.said or not any(asked):
        return None
    errors = _INNER_ERROR.findall(failure.captured.stdout[-_LOOKED_AT:])
    return replace(found, said=errors[-1][:500]) if errors else None
