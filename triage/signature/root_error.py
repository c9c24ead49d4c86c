"""Which error a failure is really about: its own, or that of a child process that it quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from triage.model.failure import Failure, Frame, Raised, posix
from triage.model.traceback import HEAD, native_chain

_PROCESS_ENDED = re.compile(
    r"CompletedProcess\(|returned non-zero exit status|[Cc]ommand failed|exit(?:ed)?[ _]?(?:code|status)"
    r"|returncode|non-zero exit|<Result |Process exited|died with <Signals"
)
_PROCESS_WORDS = ("CompletedProcess(", "exit", "ommand failed", "returncode", "<Result ", "died with")
_EXITS = frozenset({"SystemExit", "CalledProcessError", "Exit", "Abort", "SubprocessError"})
_SAYS_ERROR = re.compile(
    r"^(?:\S{1,80}:\s*)?(?:\[?(?:E|ERROR|Error|error|FATAL|Fatal|fatal|CRITICAL|critical|panic"
    r"|FAILED)\]?\b[: ]"
    r"|[A-Za-z_][\w.]*(?:Error|Exception)\b(?::|$))|: error:|\bNo such file or directory\b"
    r"|\bcommand not found\b"
)
_QUOTED_OUTPUT = re.compile(
    r"(?:stderr|stdout|output)=(?P<quote>b?['\"])(?P<text>.*?)(?:(?<!\\)(?P=quote)[,)]|$)", re.DOTALL
)
_EXPLAINS = ("assert ", "+ ", "where ")
"""How pytest begins the lines that take an assertion apart."""
_LOOKED_AT = 40_000


@dataclass(frozen=True)
class Anatomy:
    """The error that counts."""

    exception: str
    message: str
    frames: tuple[Frame, ...] = ()
    chain: tuple[Raised, ...] = ()
    """Causes, contexts and group members of the reported exception, nearest first."""
    wrapper: str = ""
    """Type of the exception that only reports the end of a child process."""
    said: str = ""
    """What a process said before it ended, where the exception itself says nothing."""
    test_file: str = ""
    test: str = ""
    """The test's own name, without parameters."""


def anatomy_of(failure: Failure) -> Anatomy:
    """Take a failure apart. Of a chain the reported exception counts, of a child process its own error."""
    reported = failure.chain[0] if failure.chain else Raised(type="", message=failure.message)
    path, _, rest = failure.nodeid.partition("::")
    test_file, test = posix(path), rest.partition("[")[0]
    child = _child(failure, reported)
    if child is not None:
        own, *causes = child
        return Anatomy(
            own.type, own.message, own.frames, tuple(causes), reported.type, test_file=test_file, test=test
        )
    members = [raised for raised in failure.chain[1:] if raised.relation == "member"]
    if members:
        lines = sorted({_line(member) for member in members})
        frames = max((m.frames for m in members), key=len) or reported.frames
        return Anatomy(
            reported.type,
            " | ".join(lines),
            frames,
            failure.chain[1:],
            test_file=test_file,
            test=test,
        )
    said = _said(failure, reported) if is_process_end(reported) else ""
    return Anatomy(
        reported.type,
        reported.message,
        reported.frames,
        failure.chain[1:],
        said=said,
        test_file=test_file,
        test=test,
    )


def _line(raised: Raised) -> str:
    return f"{raised.type}: {raised.message.strip().partition(chr(10))[0]}"


def is_process_end(raised: Raised) -> bool:
    """Whether the exception only says that a process ended badly."""
    name = raised.type.rpartition(".")[2]
    if name in _EXITS:
        return True
    if name not in ("AssertionError", "Failed", "RuntimeError", ""):
        return False
    text = raised.message[:_LOOKED_AT]
    return any(word in text for word in _PROCESS_WORDS) and _PROCESS_ENDED.search(text) is not None


def _child(failure: Failure, reported: Raised) -> tuple[Raised, ...] | None:
    """The chain of a quoted traceback: in the message, or in the output of a process that ended badly."""
    texts = [reported.message]
    if is_process_end(reported):
        texts += [_unescaped(reported.message), failure.captured.stderr, failure.captured.stdout]
    for text in texts:
        if HEAD in text:
            chain = native_chain(text[-_LOOKED_AT:], root_of(failure))
            if chain:
                return chain
    return None


def _said(failure: Failure, reported: Raised) -> str:
    """The last line that sounds like an error, in what the message quotes and what was captured."""
    quoted = [match["text"] for match in _QUOTED_OUTPUT.finditer(_unescaped(reported.message[:_LOOKED_AT]))]
    captured = failure.captured
    for text in (reported.message, *quoted, captured.stderr, captured.stdout, captured.log):
        lines = [line.strip() for line in text[-_LOOKED_AT:].splitlines()]
        spoken = [line for line in lines if _SAYS_ERROR.search(line) and not line.startswith(_EXPLAINS)]
        if spoken:
            return spoken[-1][:500]
    return ""


def _unescaped(message: str) -> str:
    r"""A repr's `\n` as line breaks."""
    return message.replace("\\n", "\n").replace("\\t", "\t").replace("\\'", "'")


def root_of(failure: Failure) -> str | None:
    """The project's absolute root, where the texts show the test's own file under it or a source folder."""
    test_file = posix(failure.nodeid.partition("::")[0])
    texts = (failure.longrepr, *(raised.message for raised in failure.chain), failure.captured.stderr)
    for text in texts:
        found = re.search(
            r"(?P<root>/[^\s:\"']{1,500}?)/" + re.escape(test_file) + r"(?:\"|:\d)", text[:_LOOKED_AT]
        )
        if found:
            return found["root"]
    product = {frame.path for raised in failure.chain for frame in raised.frames if frame.origin == "product"}
    for path in sorted(product):
        for text in texts:
            if found := re.search(
                r'"(?P<root>/[^\s:"\']{1,500}?)/' + re.escape(path) + '"', text[:_LOOKED_AT]
            ):
                return found["root"]
    return None


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
