"""faulthandler's dumps: the frames of the thread that hung or died, and in which phase of the test it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from triage.model.failure import Frame
from triage.model.outcome import Phase

_FRAME = re.compile(r'  File "(?P<path>.+)", line (?P<line>[0-9]+) in (?P<function>.+)')
_THREAD = re.compile(r"(?P<current>Current thread|Thread) 0x[0-9a-f]+.* \(most recent call first\):")
_DUMP = re.compile(r"(Timeout \([0-9:.]+\)!|Fatal Python error: )")
_MACHINERY = ("/_pytest/", "/pluggy/", "/triage/recorder/")


@dataclass(frozen=True)
class Dump:
    """The last dump of a text, outermost frame first."""

    frames: tuple[tuple[str, int, str], ...]
    text: str

    @property
    def phase(self) -> Phase:
        """Where in the life of a test the thread was, from pytest's own frames."""
        functions = {function for path, _, function in self.frames if "/_pytest/" in path}
        if "pytest_runtest_teardown" in functions:
            return Phase.TEARDOWN
        return Phase.SETUP if "pytest_runtest_setup" in functions else Phase.CALL

    @property
    def own(self) -> tuple[tuple[str, int, str], ...]:
        """Without pytest's frames and what lies outside of them."""
        last = max((i for i, frame in enumerate(self.frames) if _is_machinery(frame[0])), default=-1)
        return self.frames[last + 1 :]


def last_dump(text: str) -> Dump | None:
    """The last dump in a log or stacks file; None where there is none."""
    starts = [match.start() for match in _DUMP.finditer(text)]
    if not starts:
        return None
    body = text[starts[-1] :]
    threads: list[tuple[bool, list[tuple[str, int, str]]]] = []
    for line in body.splitlines():
        if thread := _THREAD.match(line):
            threads.append((thread["current"] == "Current thread", []))
        elif threads and (frame := _FRAME.match(line)):
            threads[-1][1].append((frame["path"], int(frame["line"]), frame["function"]))
        elif threads and line and not line.startswith("  "):
            break
    if not threads:
        return None
    chosen = next((frames for current, frames in threads if current), threads[-1][1])
    return Dump(tuple(reversed(chosen)), body)


def as_frames(dump: Dump) -> tuple[Frame, ...]:
    """The dump's own frames as a traceback has them."""
    return tuple(Frame(path=path, lineno=line, function=function) for path, line, function in dump.own)


def _is_machinery(path: str) -> bool:
    return any(part in path for part in _MACHINERY)
