"""Find the error that a failure is about: its own, or that of a child process, a worker or an inner run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from triage.model.failure import SURROUNDINGS_MARK, Failure, Frame, Raised, posix
from triage.model.traceback import HEAD, native_chain
from triage.signature.checkout import root_in_texts
from triage.signature.generated import without_example
from triage.signature.remote_errors import with_worker_frames
from triage.text.pattern import pattern

_LOOKED_AT = 40_000
_LONGEST_SAID = 500


@dataclass(frozen=True)
class RootError:
    """The error that counts."""

    exception: str
    message: str
    frames: tuple[Frame, ...] = ()
    chain: tuple[Raised, ...] = ()
    """Causes, contexts and group members of the exception, nearest first."""
    wrapper: str = ""
    """Type of the exception that only reports this error."""
    said: str = ""
    """What a process said before it ended, where the exception itself says nothing."""
    test_file: str = ""
    test: str = ""
    """The test's own name, without parameters."""


def root_error(failure: Failure) -> RootError:
    """The error that a failure is about.

    Of a child process (a quoted traceback, or the last line that sounds like an error) its own error counts,
    of a worker what it raised and where, of click's test runner what it caught, of a pytest within the test
    what that printed. The members of an exception group are failures of their own.
    """
    error = _reported_error(with_worker_frames(failure))
    if not error.wrapper:
        inner = _quoted_traceback(error, failure) or _caught_by_click(error) or _inner_pytest(error, failure)
        error = inner or error
    return replace(error, frames=_readable(error.frames))


def is_process_end(raised: Raised) -> bool:
    """Whether the exception only says that a process ended badly."""
    name = raised.type.rpartition(".")[2]
    if name in _EXITS:
        return True
    if name not in _MAY_REPORT_AN_EXIT:
        return False
    text = raised.message[:_LOOKED_AT]
    return any(hint in text for hint in _PROCESS_HINTS) and _PROCESS_ENDED.search(text) is not None


def reads_output(raised: Raised) -> bool:
    """Whether `root_error` looks for the error in what the test printed, too."""
    return is_process_end(raised) or any(_is_about_an_inner_run(frame) for frame in raised.frames)


_EXITS = frozenset({"SystemExit", "CalledProcessError", "Exit", "Abort", "SubprocessError"})
_MAY_REPORT_AN_EXIT = frozenset({"AssertionError", "Failed", "RuntimeError", ""})
_PROCESS_ENDED = pattern(
    r"""
    CompletedProcess\( | returned[ ]non-zero[ ]exit[ ]status | [Cc]ommand[ ]failed
    | exit(?:ed)?[ _]?(?:code|status) | returncode | non-zero[ ]exit | <Result[ ] | Process[ ]exited
    | died[ ]with[ ]<Signals
    """,
    matches=["assert CompletedProcess(args=['x'], returncode=2).returncode == 0", "exit code 3", "<Result "],
    rejects=["the exit of the beam", "command not given"],
)
_PROCESS_HINTS = ("CompletedProcess(", "exit", "ommand failed", "returncode", "<Result ", "died with")
"""Every match of `_PROCESS_ENDED` holds one of these, which `in` finds many times faster."""


def _reported_error(failure: Failure) -> RootError:
    """Of a chain the reported exception counts, of a child process its own error."""
    reported = failure.chain[0] if failure.chain else Raised(type="", message=failure.message)
    path, _, rest = failure.nodeid.partition("::")
    error = RootError(
        reported.type,
        without_example(reported),
        reported.frames,
        failure.chain[1:],
        test_file=posix(path),
        test=rest.partition("[")[0].partition(SURROUNDINGS_MARK)[0],
    )
    child = _child_traceback(failure, reported)
    if child:
        own, *causes = child
        return replace(
            error,
            exception=own.type,
            message=own.message,
            frames=own.frames,
            chain=tuple(causes),
            wrapper=reported.type,
        )
    if is_process_end(reported):
        return replace(error, said=_last_words(failure, reported))
    return error


def _child_traceback(failure: Failure, reported: Raised) -> tuple[Raised, ...]:
    """The chain of a quoted traceback: in the message, or in the output of a process that ended badly."""
    texts = [reported.message]
    if is_process_end(reported):
        texts += [_unescaped(reported.message), failure.captured.stderr, failure.captured.stdout]
    for text in texts:
        if HEAD in text:
            chain = native_chain(text[-_LOOKED_AT:], root_in_texts(failure))
            if chain:
                return chain
    return ()


_SOUNDS_LIKE_AN_ERROR = pattern(
    r"""
    ^(?:\S{1,80}:\s*)?
     (?: \[?(?:E|ERROR|Error|error|FATAL|Fatal|fatal|CRITICAL|critical|panic|FAILED)\]?\b[:\ ]
       | [A-Za-z_][\w.]*(?:Error|Exception)\b(?::|$)
     )
    | :[ ]error:
    | \bNo[ ]such[ ]file[ ]or[ ]directory\b
    | \bcommand[ ]not[ ]found\b
    """,
    matches=[
        "orbit: error: cannot open 'x'",
        "ERROR: bad",
        "ValueError: bad",
        "bash: foo: command not found",
    ],
    rejects=["no errors", "usage: orbit [-h] FILE"],
)
_QUOTED_OUTPUT = pattern(
    r"(?:stderr|stdout|output)=(?P<quote>b?['\"])(?P<text>.*?)(?:(?<!\\)(?P=quote)[,)]|$)",
    flags=re.DOTALL,
    matches=["CompletedProcess(args=[], returncode=2, stderr='no such file')"],
    rejects=["stderr is empty"],
)
_EXPLANATION = ("assert ", "+ ", "where ")
"""How pytest begins the lines that take an assertion apart."""


def _last_words(failure: Failure, reported: Raised) -> str:
    """The last line that sounds like an error, in what the message quotes and what was captured."""
    quoted = [found["text"] for found in _QUOTED_OUTPUT.finditer(_unescaped(reported.message[:_LOOKED_AT]))]
    captured = failure.captured
    for text in (reported.message, *quoted, captured.stderr, captured.stdout, captured.log):
        for untrimmed in reversed(text[-_LOOKED_AT:].splitlines()):
            line = untrimmed.strip()
            if _SOUNDS_LIKE_AN_ERROR.search(line) and not line.startswith(_EXPLANATION):
                return line[:_LONGEST_SAID]
    return ""


def _unescaped(message: str) -> str:
    r"""A repr's `\n` as line breaks."""
    return message.replace("\\n", "\n").replace("\\t", "\t").replace("\\'", "'")


def _quoted_traceback(error: RootError, failure: Failure) -> RootError | None:
    """The error of a traceback in the message, indented by pytest or within the repr of a string."""
    if HEAD not in error.message:
        return None
    text = error.message[:_LOOKED_AT]
    if HEAD + "\\n" in text:
        text = text.replace("\\n", "\n").replace("\\'", "'")
    before, _, rest = text.partition(HEAD)
    if re.match(r"\n {4}File ", rest):  # pytest indents the further lines of a message by two
        rest = rest.replace("\n  ", "\n")
    chain = native_chain(HEAD + rest, root_in_texts(failure))
    if not chain:
        return None
    own, *causes = chain
    message = own.message.strip()
    if before:  # a repr: its closing quote and what pytest explains stand behind the first line
        message = message.partition("\n")[0].replace("\\'", "'")
    return replace(
        error,
        exception=own.type,
        message=message,
        frames=own.frames,
        chain=tuple(causes),
        said="",
        wrapper=error.exception,
    )


_CLICK_RESULT = pattern(
    r"<Result[ ](?P<type>[A-Za-z_]\w*)\((?P<arguments>.{0,2000}?)\)>",
    matches=["where 1 = <Result ValueError('the beam is off')>.exit_code"],
    rejects=["<Result okay>"],
)
_ERRNO_ARGUMENTS = pattern(
    r"(?P<number>\d+),[ ](?P<quote>['\"])(?P<text>.*)(?P=quote)$",
    flags=re.DOTALL,
    matches=["2, 'No such file or directory'"],
    rejects=["'a', 'b'"],
    how="match",
)
_TEXT_ARGUMENT = pattern(
    r"(?P<quote>['\"])(?P<text>.*?)(?<!\\)(?P=quote)(?:,[ ]|$)",
    flags=re.DOTALL,
    matches=["'the beam is off'", "'a', 'b'"],
    rejects=["3"],
    how="match",
)
_ENDS_THE_PROCESS = frozenset({"SystemExit", "Exit", "Abort"})


def _caught_by_click(error: RootError) -> RootError | None:
    """The exception that click's test runner caught; one that only ends the process says nothing."""
    result = _CLICK_RESULT.search(error.message[:_LOOKED_AT])
    if result is None or result["type"] in _ENDS_THE_PROCESS:
        return None
    message = _message_of(result["arguments"])
    return replace(error, exception=result["type"], message=message, said="", wrapper=error.exception)


def _message_of(arguments: str) -> str:
    """What an exception with these arguments says."""
    if errno := _ERRNO_ARGUMENTS.match(arguments):
        return f"[Errno {errno['number']}] {errno['text']}"
    text = _TEXT_ARGUMENT.match(arguments)
    return text["text"] if text else arguments


_INNER_ERROR = pattern(
    r"^E[ ]+(?P<error>[A-Za-z_][\w.]*(?:Error|Exception|Failed|Exit)\b.*)$",
    flags=re.MULTILINE,
    matches=["E   ValueError: the beam is not aligned"],
    rejects=["E   assert 1 == 2"],
)
_PYTESTER_FILES = ("_pytest/pytester.py", "_pytest/pytester_assertions.py")
_LOOKS_AT_INNER_RUN = pattern(
    r"\.(?:assert_outcomes|fnmatch_lines\w*|re_match_lines\w*|no_\w+_line|parseoutcomes)\(",
    matches=["result.assert_outcomes(passed=1)", "result.stdout.fnmatch_lines_random(['*'])"],
    rejects=["outcomes(passed=1)"],
)


def _inner_pytest(error: RootError, failure: Failure) -> RootError | None:
    """The last error that a pytest within the test printed."""
    if error.said or not any(_is_about_an_inner_run(frame) for frame in error.frames):
        return None
    errors = _INNER_ERROR.findall(failure.captured.stdout[-_LOOKED_AT:])
    return replace(error, said=errors[-1][:_LONGEST_SAID]) if errors else None


def _is_about_an_inner_run(frame: Frame) -> bool:
    return frame.path.endswith(_PYTESTER_FILES) or _LOOKS_AT_INNER_RUN.search(frame.code or "") is not None


_PYTHON_SOURCE = re.compile(r"\.(?:py|pyw|ipynb)$")


def _readable(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Without compiled sources that a library names relative to where it was built: nobody has their text."""
    return tuple(frame for frame in frames if not _is_compiled(frame))


def _is_compiled(frame: Frame) -> bool:
    has_source = _PYTHON_SOURCE.search(frame.path) is not None or frame.code not in (None, "", "???")
    return frame.origin == "product" and not has_source
