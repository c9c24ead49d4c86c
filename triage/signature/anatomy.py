"""Which error a failure is really about: its own, or that of a child process that it quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from triage.model.failure import Failure, Frame, Raised
from triage.model.native import HEAD, native_chain
from triage.model.origin import posix

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
