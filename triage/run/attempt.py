"""What one attempt came to: whose fault its end was, and whether the rest may go on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from triage.model.failure import Frame
from triage.model.outcome import Outcome, Phase
from triage.model.run import Key
from triage.process.api import ProcessOutcome
from triage.run.record_reader import Seen


@dataclass(frozen=True)
class Verdict:
    """The end of one process, judged from its record and from what the kernel said."""

    ended: str
    """finished, crashed, test-timeout, chunk-timeout, interrupted, lost."""
    culprit: Key | None = None
    outcome: Outcome | None = None
    """Of the culprit."""
    note: str | None = None


def judge(seen: Seen, outcome: ProcessOutcome) -> Verdict:
    """The verdict. A culprit is the test that ran when the process died; nobody else is blamed."""
    if outcome.ended == "interrupted":
        return Verdict("interrupted", note=outcome.note)
    if outcome.ended == "lost":
        return Verdict("lost", seen.culprit, note=outcome.note)
    if seen.cut is not None and not seen.tearing_down:
        return Verdict(
            "crashed", seen.key(seen.cut["i"]), Outcome.CRASHED, f"ended the session: {seen.cut['what']}"
        )
    if seen.culprit is not None:
        return _with_culprit(seen, outcome, seen.culprit)
    return _without_culprit(seen, outcome)


def _with_culprit(seen: Seen, outcome: ProcessOutcome, culprit: Key) -> Verdict:
    if outcome.ended == "test-timeout":
        return Verdict("test-timeout", culprit, Outcome.TIMEOUT, "no end within the limit of a test")
    if outcome.ended == "chunk-timeout":
        if seen.finished:
            return Verdict(
                "chunk-timeout", note=f"split after {len(seen.finished)} tests: the chunk's time was up"
            )
        return Verdict("chunk-timeout", culprit, Outcome.TIMEOUT, "alone took all the time of a chunk")
    return Verdict("crashed", culprit, Outcome.CRASHED, _death(outcome))


def _without_culprit(seen: Seen, outcome: ProcessOutcome) -> Verdict:
    where = _stage(seen)
    if outcome.ended in ("test-timeout", "chunk-timeout"):
        return Verdict(outcome.ended, note=f"hung {where}")
    if seen.end is None:
        return Verdict("crashed", note=f"{_death(outcome)} {where}")
    if outcome.signal is not None or outcome.exit_code != seen.end["exitcode"]:
        return Verdict("crashed", note=f"{_death(outcome)} {where}")
    return Verdict("finished", note=seen.end.get("reason"))


def _stage(seen: Seen) -> str:
    if seen.tearing_down:
        return "in the teardown of fixtures behind the last test"
    if seen.end is not None:
        return "at interpreter exit, after the last test"
    if seen.collected is not None:
        if len(seen.finished) >= len(seen.keys):
            return "after the last test"
        return "between tests" if seen.finished else "before the first test"
    if seen.collecting is not None:
        return f"while collecting {seen.collecting['id']}"
    return "while collecting" if seen.begin else "before collection"


def _death(outcome: ProcessOutcome) -> str:
    if outcome.signal is not None:
        return f"died of {outcome.signal}"
    if outcome.exit_code is not None:
        return f"ended with exit code {outcome.exit_code}"
    return outcome.note or "vanished"


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
