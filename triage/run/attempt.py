"""Judge how one attempt ended: which test is to blame, and where its thread was."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.model.failure import Frame
from triage.model.outcome import Outcome, Phase
from triage.model.run import Ended, Key, Note, NoteKind
from triage.process.api import ProcessOutcome
from triage.run.record_reader import RecordReader
from triage.text.pattern import pattern
from triage.text.plural import counted_noun

_STACK_FRAME = pattern(
    r"""
    [ ]{2} File [ ] "(?P<path>.+)"
    , [ ] line [ ] (?P<line>[0-9]+)
    [ ] in [ ] (?P<function>.+)
    """,
    how="match",
    matches=['  File "/suite/test_a.py", line 3 in test_hangs'],
    rejects=['  File "/suite/test_a.py", line 3, in test_raises', "  <1 more frame>"],
)
"""A frame as faulthandler writes it; a traceback has a comma before `in`."""
_THREAD = pattern(
    r"""
    (?P<current> Current [ ] thread | Thread)
    [ ] 0x[0-9a-f]+ .*  # Python 3.12 and newer add the thread's name
    [ ] \(most [ ] recent [ ] call [ ] first\):
    """,
    how="match",
    matches=[
        "Current thread 0x00007f11 (most recent call first):",
        "Thread 0x7f [pool] (most recent call first):",
    ],
    rejects=["Traceback (most recent call last):"],
)
_DUMP_START = pattern(
    r"Timeout [ ] \([0-9:.]+\)! | Fatal [ ] Python [ ] error: [ ]",
    how="search",
    matches=["Timeout (0:00:05)!", "Fatal Python error: Segmentation fault"],
    rejects=["Timeout after 5 s", "Fatal error: "],
)
_SENT_BY_OTHERS = frozenset({"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"})
"""Signals that people, schedulers and the kernel's out-of-memory killer send: no evidence against a test."""
_MACHINERY = ("/_pytest/", "/pluggy/", "/triage/recorder/")
"""Parts of paths whose frames lie around a test and are not its own."""


@dataclass(frozen=True)
class AttemptEnd:
    """The end of one process, judged from its record and from what the kernel said."""

    ended: Ended
    culprit: Key | None = None
    """The test that ran when the process died; nobody else is blamed."""
    outcome: Outcome | None = None
    """Of the culprit."""
    note: str | None = None
    from_outside: bool = False
    """Whether somebody else may have ended the process, so that the culprit is under suspicion at most."""


def judge_end(reader: RecordReader, process: ProcessOutcome) -> AttemptEnd:
    """Tell how an attempt ended, and which test gets its outcome from the end."""
    if process.ended == "interrupted":
        return AttemptEnd("interrupted", note=process.note)
    if process.ended == "lost":
        outcome = None if reader.culprit is None else Outcome.CRASHED
        return AttemptEnd("lost", reader.culprit, outcome, process.note, from_outside=True)
    if reader.cut is not None and not reader.tearing_down:
        culprit = reader.key(reader.cut["i"])
        note = f"ended the session: {reader.cut['what']}"
        interrupted = reader.cut["how"] == "KeyboardInterrupt"
        return AttemptEnd("crashed", culprit, Outcome.CRASHED, note, from_outside=interrupted)
    if reader.culprit is not None:
        return _end_within_test(reader, process, reader.culprit)
    return _end_outside_tests(reader, process)


def notes_on(end: AttemptEnd, process: ProcessOutcome) -> tuple[Note, ...]:
    """Everything to be said of an attempt, by kind."""
    notes = [Note(kind=NoteKind.END, text=text) for text in (end.note, process.note) if text]
    if process.swept:
        text = f"{process.swept} processes that it left behind were killed"
        notes.append(Note(kind=NoteKind.LEFT_PROCESSES, text=text))
    if process.log_cut:
        notes.append(Note(kind=NoteKind.OUTPUT_CUT, text=f"{process.log_cut} bytes of output were not kept"))
    return tuple(dict.fromkeys(notes))  # the end may repeat the executor's own words


def _end_within_test(reader: RecordReader, process: ProcessOutcome, culprit: Key) -> AttemptEnd:
    if process.ended == "test-timeout":
        return AttemptEnd("test-timeout", culprit, Outcome.TIMEOUT, "no end within the limit of a test")
    if process.ended != "chunk-timeout":
        killed = process.signal in _SENT_BY_OTHERS
        return AttemptEnd("crashed", culprit, Outcome.CRASHED, _death(process), from_outside=killed)
    if reader.finished:  # others used the time too: the test runs again in the next process
        note = f"split after {counted_noun(len(reader.finished), 'test')}: the chunk's time was up"
        return AttemptEnd("chunk-timeout", note=note)
    return AttemptEnd("chunk-timeout", culprit, Outcome.TIMEOUT, "alone took all the time of a chunk")


def _end_outside_tests(reader: RecordReader, process: ProcessOutcome) -> AttemptEnd:
    stage = _stage(reader)
    if process.ended in ("test-timeout", "chunk-timeout"):
        return AttemptEnd(process.ended, note=f"hung {stage}")
    if reader.end is None or process.signal is not None or process.exit_code != reader.end["exitcode"]:
        return AttemptEnd("crashed", note=f"{_death(process)} {stage}")
    return AttemptEnd("finished", note=reader.end.get("reason"))


def _stage(reader: RecordReader) -> str:
    """Where the session was when no test ran."""
    if reader.tearing_down:
        return "in the teardown of fixtures behind the last test"
    if reader.end is not None:
        return "at interpreter exit, after the last test"
    if reader.collected is not None:
        if len(reader.finished) >= len(reader.keys):
            return "after the last test"
        return "between tests" if reader.finished else "before the first test"
    if reader.collecting is not None:
        return f"while collecting {reader.collecting['id']}"
    return "while collecting" if reader.begin else "before collection"


def _death(process: ProcessOutcome) -> str:
    if process.signal is not None:
        return f"died of {process.signal}"
    if process.exit_code is not None:
        return f"ended with exit code {process.exit_code}"
    return process.note or "vanished"


@dataclass(frozen=True)
class StackFrame:
    """One frame of a faulthandler dump."""

    path: str
    lineno: int
    function: str

    @property
    def is_machinery(self) -> bool:
        """Whether it is a frame of pytest's or of the recorder's."""
        return any(part in self.path for part in _MACHINERY)


@dataclass(frozen=True)
class StackDump:
    """The last faulthandler dump of a text, outermost frame first."""

    frames: tuple[StackFrame, ...]
    text: str

    @property
    def phase(self) -> Phase:
        """Where in the life of a test the thread was, from pytest's own frames."""
        functions = {frame.function for frame in self.frames if "/_pytest/" in frame.path}
        if "pytest_runtest_teardown" in functions:
            return Phase.TEARDOWN
        return Phase.SETUP if "pytest_runtest_setup" in functions else Phase.CALL

    @property
    def own_frames(self) -> tuple[Frame, ...]:
        """The frames inside of pytest's, as a traceback has them."""
        start = 0
        for index, frame in enumerate(self.frames):
            if frame.is_machinery:
                start = index + 1
        return tuple(
            Frame(path=frame.path, lineno=frame.lineno, function=frame.function)
            for frame in self.frames[start:]
        )


@dataclass
class _Thread:
    is_current: bool
    frames: list[StackFrame] = field(default_factory=list)


def last_dump(text: str) -> StackDump | None:
    """The last dump in a log or stacks file; None where there is none."""
    starts = [match.start() for match in _DUMP_START.finditer(text)]
    if not starts:
        return None
    dump = text[starts[-1] :]
    threads = _threads(dump)
    if not threads:
        return None
    current = [thread for thread in threads if thread.is_current]
    chosen = current[0] if current else threads[-1]  # the main thread comes last
    return StackDump(tuple(reversed(chosen.frames)), dump)


def _threads(dump: str) -> list[_Thread]:
    threads: list[_Thread] = []
    for line in dump.splitlines():
        if thread := _THREAD.match(line):
            threads.append(_Thread(is_current=thread["current"] == "Current thread"))
        elif threads and (frame := _STACK_FRAME.match(line)):
            threads[-1].frames.append(StackFrame(frame["path"], int(frame["line"]), frame["function"]))
        elif threads and line and not line.startswith("  "):
            break  # the dump is over: what follows is the log again
    return threads
