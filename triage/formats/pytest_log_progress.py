"""Follow the progress of a verbose session: outcomes by test, and which test ran when the log ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from triage.model.failure import CRASHED, TIMED_OUT, Frame, Raised, beneath, is_test, origin_of, posix
from triage.model.outcome import Outcome
from triage.text.pattern import pattern

OUTCOMES = {
    "PASSED": Outcome.PASSED,
    "FAILED": Outcome.FAILED,
    "ERROR": Outcome.ERROR,
    "SKIPPED": Outcome.SKIPPED,
    "XFAIL": Outcome.XFAILED,
    "XPASS": Outcome.XPASSED,
}
_RERUN = "RERUN"
_NODEID = r"[^\s:] \S*? \.\w+ :: (?: [^\s\[] | \[ .*? \] (?= \s | $ | \[ ) )+"
"""A file, `::` and what is in it; a parameter may have blanks."""
_FINISHED = pattern(
    r"""
      ^ \[gw\d+\] [ ] (?P<share> \[ [ ]* \d+% \] ) [ ] (?P<word> [A-Z]+ ) [ ] (?P<after> \S .*? :: .+? ) \s* $
    | ^ (?P<before> \S .*? :: .+? ) [ ]
        (?P<result> PASSED | FAILED | ERROR | SKIPPED | XFAIL | XPASS | RERUN )
        (?: [ ] \( .* \) )? (?: [ ]+ (?P<percent> \[ [ ]* \d+% \] ) )? \s* $
    """,
    matches=[
        "tests/test_a.py::test_b PASSED   [ 50%]",
        "tests/test_a.py::test_b SKIPPED (no network) [100%]",
        "[gw0] [ 50%] PASSED tests/test_a.py::test_b",
        "tests/test_a.py::test_b RERUN   [ 50%]",
    ],
    rejects=["tests/test_a.py::test_b", "tests/test_a.py .F", "PASSED tests/test_a.py::test_b"],
    how="match",
)
"""pytest-xdist puts its worker first, plain pytest the test."""
_OF_SUBTEST = re.compile(r"\S+::.* SUB(?:PASSED|FAILED|SKIPPED)\b")
_STARTED = pattern(
    rf"^ (?P<nodeid> {_NODEID} ) (?: (?P<rest> \s .* ) | $ )",
    matches=["tests/test_a.py::test_b ", "test_a.py::test_b[a b] ++ Timeout ++", "a.rst::a.rst"],
    rejects=["tests/test_a.py .F", "std::vector", "see ::test"],
    how="match",
)
_FILE_PROGRESS = pattern(
    r"^ (?P<file> \S+ \.\w+ ) [ ] (?P<letters> [.FEsxXR]+ ) $",
    matches=["tests/test_a.py .F", "docs/a.rst ."],
    rejects=["tests/test_a.py ..   [ 50%]", "see a.py for it"],
    how="match",
)
_DIED = pattern(
    r"""
      (?: ^ | [.FEsxXR] ) Fatal[ ]Python[ ]error:[ ] (?P<why> .+ ) $      # perhaps behind `test_a.py ..`
    | ^ (?P<signal> Segmentation[ ]fault | Aborted | Killed | Bus[ ]error ) \b
    """,
    matches=["Fatal Python error: Segmentation fault", "a.py .Fatal Python error: Aborted", "Killed"],
    rejects=["Error: Killed", "Killedeer"],
)
_TIMED_OUT = pattern(
    r"\+{5,} [ ] Timeout [ ] \+{5,} $",
    matches=["+++++++++++++++++++++++ Timeout +++++++++++++++++++++++", "a.py .+++++ Timeout +++++"],
    rejects=["Timeout", "+ Timeout +"],
)
"""How pytest-timeout's thread method announces that it will end the process."""
_STACK_LINE = pattern(
    r'^ \s* File [ ] " (?P<path> [^"\n]+ ) ", [ ] line [ ] (?P<line> \d+ ) ,? [ ] in [ ]'
    r" (?P<function> .+ ) $",
    matches=['  File "/srv/test_a.py", line 4, in test_b', '  File "/srv/test_a.py", line 4 in test_b'],
    rejects=["  test_a()"],
    how="match",
)
_MAIN_THREAD = re.compile(r"^(?:~+ Stack of MainThread \S+ ~+|Current thread 0x\w+.*:)$")
_ANY_THREAD = re.compile(r"^(?:~+ Stack of \S.* ~+|(?:Current thread|Thread) 0x\w+.*:)$")
_LONGEST_LINE = 10_000
"""Characters of a line that may name a test; longer ones are what tests print."""
_KEPT_LINES = 2000
"""Of the stacks that a dying process leaves."""


@dataclass
class Progress:
    """What a session says of its tests before its first failure is shown."""

    root: str = ""
    """The folder that pytest's header gives as rootdir."""
    words: dict[str, list[str]] = field(default_factory=dict)
    """Of each test those for its attempts and phases, in order."""
    is_distributed: bool = False
    """Whether several workers of pytest-xdist run tests at once."""
    running: dict[str, None] = field(default_factory=dict)
    """Tests that began and have no outcome, in order; of one process it is the last that began."""
    timed_out: bool = False
    died: str = ""
    """How the process died, where the log says so."""
    last_words: list[str] = field(default_factory=list)
    """The lines from there on."""
    open_file: str = ""
    """The file whose tests ran when the log ends, in a session that is not verbose, and what came of them."""
    _with_share: set[str] = field(default_factory=set)

    @property
    def has_ended_badly(self) -> bool:
        """Whether the process announced its end."""
        return self.timed_out or bool(self.died)

    def take(self, line: str, *, is_whole: bool = True) -> None:
        """A line; one that the log ends in may be the name of no test, but the beginning of one."""
        self.open_file = ""
        if len(line) > _LONGEST_LINE:
            return
        if finished := _FINISHED.match(line):
            self._finish(finished)
        elif _OF_SUBTEST.match(line):
            return
        elif line.strip() in OUTCOMES and self.running:
            self._add(next(reversed(self.running)), line.strip())  # below what the test printed (`-s`)
        elif line.startswith("rootdir: "):
            self.root = line.removeprefix("rootdir: ").partition(", configfile:")[0].strip()
        elif self.has_ended_badly and len(self.last_words) < _KEPT_LINES:
            self.last_words.append(line)
        elif started := _STARTED.match(line):
            self._start(started, is_whole=is_whole)
        elif found := _FILE_PROGRESS.match(line):
            self.open_file = f"{found['file']} ({found['letters']})"
        else:
            self._end_badly(line)

    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each test; where pytest shows how much is done, lines without it are a test's."""
        names = [name for name in self.words if name in self._with_share or not self._with_share]
        return {name: _outcome(self.words[name]) for name in names}

    def _finish(self, found: re.Match[str]) -> None:
        word = found["word"] or found["result"]
        nodeid = (found["after"] or found["before"]).strip()
        if word not in OUTCOMES and word != _RERUN:
            return
        if found["share"] or found["percent"]:
            self._with_share.add(nodeid)
        self._add(nodeid, word)

    def _add(self, nodeid: str, word: str) -> None:
        self.timed_out, self.died = False, ""  # the process lives: a test printed what looked like its end
        self.last_words.clear()
        self.words.setdefault(nodeid, []).append(word)
        self.running.pop(nodeid, None)

    def _start(self, found: re.Match[str], *, is_whole: bool) -> None:
        rest = found["rest"]
        if rest is None and not is_whole:
            return
        if not self.is_distributed:
            self.running.clear()
        self.running[found["nodeid"]] = None
        if rest and rest.strip():
            self._end_badly(rest.strip())

    def _end_badly(self, line: str) -> None:
        if _TIMED_OUT.search(line):
            self.timed_out = True
        elif died := _DIED.search(line):
            self.died = died["why"] or died["signal"]

    def end_of(self) -> tuple[Outcome, Raised]:
        """The outcome of the test that ran when the log ends, and what is known of its end."""
        frames = _frames(self.last_words, self.root)
        if self.timed_out:
            what = "the test was stopped at its time limit"
            return Outcome.TIMEOUT, Raised(type=TIMED_OUT, message=what, frames=frames)
        what = f"the process died: {self.died}" if self.died else "it was running when the log ends"
        return Outcome.CRASHED, Raised(type=CRASHED, message=what, frames=frames)

    def named_by_stack(self) -> str:
        """The test that the stack of a dying process shows, where the session is not verbose."""
        for frame in _frames(self.last_words, self.root):
            if is_test(frame.path) and (frame.function or "").startswith("test"):
                return f"{frame.path}::{frame.function}"
        return ""


def _outcome(words: Sequence[str]) -> Outcome:
    """Of the phases of the last attempt; what passed after a rerun is flaky."""
    reruns = [index for index, word in enumerate(words) if word == _RERUN]
    last = words[reruns[-1] + 1 :] if reruns else list(words)
    if not last:
        return Outcome.FAILED  # the log ends before the rerun
    for word in ("FAILED", "ERROR"):
        if word in last:
            return OUTCOMES[word]
    outcome = OUTCOMES[last[-1]]
    return Outcome.FLAKY if reruns and outcome.passes else outcome


def _frames(lines: Sequence[str], root: str) -> tuple[Frame, ...]:
    """The stack of the main thread, the outermost frame first."""
    found: list[Frame] = []
    in_main = False
    innermost_first = False
    for line in lines:
        if _ANY_THREAD.match(line):
            in_main = not found and _MAIN_THREAD.match(line) is not None
            innermost_first = innermost_first or "most recent call first" in line
        elif in_main and (frame := _STACK_LINE.match(line)):
            path = posix(frame["path"])
            found.append(
                Frame(
                    path=beneath(path, root or None),
                    lineno=int(frame["line"]),
                    function=frame["function"],
                    origin=origin_of(path, root or None),
                )
            )
    return tuple(reversed(found) if innermost_first else found)


def finished_red(line: str) -> tuple[str, str] | None:
    """Word and node id of a verbose line that tells of a failure."""
    found = _FINISHED.match(line) if len(line) <= _LONGEST_LINE else None
    word = (found["word"] or found["result"]) if found else ""
    if found is None or word not in ("FAILED", "ERROR"):
        return None
    return word, (found["after"] or found["before"]).strip()
