"""One failure of a test (phase, exception chain, frames, output), and whose code its frames are in."""

from __future__ import annotations

import re
from typing import Literal

from triage.model.base import Value
from triage.model.nodeid import file_of
from triage.model.outcome import Phase
from triage.text.pattern import pattern

Origin = Literal["product", "test", "library", "unknown"]
"""Whose code a frame is in."""

_LIBRARY = pattern(
    r"""
    (?: ^ | / ) (?: site-packages | dist-packages | \.venv | venv | \.tox | \.nox | node_modules | \.pixi ) /
    | (?: ^ | / ) lib (?:64)? / (?: python | pypy ) \d [\d.]* /  # the standard library
    | ^<frozen[ ] | ^<string> | ^<stdin>
    | ^<__array_function__ | ^<attrs[ ]generated  # code that numpy and attrs generate
    | /_pytest/ | /pluggy/
    """,
    matches=[
        "venv/lib/x.py", "/usr/lib/python3.11/json/decoder.py", "<frozen importlib._bootstrap>", "<string>",
        "<attrs generated init a.B>", "src/_pytest/runner.py",
    ],
    rejects=["src/venvs/x.py", "lib/python/x.py", "tests/test_lib.py", "<doctest a.b[0]>"],
)  # fmt: skip
_TEST_NAME = pattern(
    r"(?: test_[^/]* | [^/]*_tests? | conftest | tests? ) \.py",
    how="fullmatch",
    matches=["test_a.py", "a_test.py", "a_tests.py", "conftest.py", "tests.py"],
    rejects=["testing.py", "contest.py", "test_a.pyc"],
)
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "unittests", "integration_tests"})


CRASHED = "Crashed"
"""Type of the failure of a test whose process died: there is no exception to name."""
TIMED_OUT = "Timeout"
"""Type of the failure of a test that was stopped at its time limit."""
SURROUNDINGS_MARK = " @ "
"""Between the id of an imported test and what tells where it ran, where it ran in several places."""
UNTOLD = "the report gives no reason for this failure"
"""Message of a failure that is known by its outcome alone: it says nothing, and joins nothing."""


def present_name(nodeid: str) -> str:
    """The id of a test without the mark of the surroundings in which a report ran it."""
    # a file or a parameter may hold the text of the mark too: it stands behind both
    start = max(nodeid.rfind("::"), nodeid.rfind("]"), 0)
    mark = nodeid.find(SURROUNDINGS_MARK, start)
    return nodeid if mark < 0 else nodeid[:mark]


def surroundings_of(nodeid: str) -> str | None:
    """Where an imported test ran, such as `py310`; None where its id does not say."""
    rest = nodeid.removeprefix(present_name(nodeid))
    return rest.removeprefix(SURROUNDINGS_MARK) or None


class Frame(Value):
    """One level of a traceback, outermost first in its exception."""

    path: str
    """Relative to the suite's root (posix) where it lies beneath, absolute elsewhere."""
    lineno: int | None = None
    function: str | None = None
    code: str | None = None
    """The source line, stripped."""
    origin: Origin = "unknown"


class Raised(Value):
    """One exception of a chain."""

    type: str
    """Qualified name without `builtins.`; empty where the source of the record has none."""
    message: str = ""
    relation: Literal["raised", "cause", "context", "member"] = "raised"
    frames: tuple[Frame, ...] = ()
    notes: tuple[str, ...] = ()
    members: int = 0
    """Of an exception group: how many exceptions of it follow in the chain."""


class Captured(Value):
    """What the test printed, capped and redacted."""

    stdout: str = ""
    stderr: str = ""
    log: str = ""


class Failure(Value):
    """One failure of one test; `chain[0]` is the exception that pytest reported, or one of its group."""

    nodeid: str
    phase: Phase
    chain: tuple[Raised, ...] = ()
    longrepr: str = ""
    captured: Captured = Captured.model_construct()  # validating it would build every validator at import
    subtest: str | None = None
    """Which subtest of the test failed, where it has any."""
    group: str | None = None
    """The exception group that held this one, and which of its members it is."""
    roots: tuple[str, ...] = ()
    """Absolute root of the suite where it ran, under each name that its texts may quote; empty: unknown."""
    source: str = "record"
    """Where it was read: record, junit, json-report, reportlog, ctrf, allure, tap, log."""

    @property
    def exception(self) -> str:
        """Type of the reported exception, or an empty string."""
        return self.chain[0].type if self.chain else ""

    @property
    def message(self) -> str:
        """Message of the reported exception, else the last line of the representation."""
        if self.chain:
            return self.chain[0].message
        return self.longrepr.strip().rsplit("\n", 1)[-1]

    @property
    def place(self) -> Frame | None:
        """Where the reported exception points: its last frame in the suite's own files, with a line."""
        frames = self.chain[0].frames if self.chain else ()
        for frame in reversed(frames):
            outside = frame.path.startswith(("/", ".."))
            if frame.lineno and not outside:
                return frame
        return None

    @property
    def product_place(self) -> Frame | None:
        """The innermost line of the product that the failure came through; None where there is none."""
        return self._innermost("product")

    @property
    def test_place(self) -> Frame | None:
        """The innermost line in the test's own file, else in any test code: helpers, fixtures, conftest."""
        own = file_of(present_name(self.nodeid))
        return self._innermost("test", own) or self._innermost("test")

    def _innermost(self, origin: Origin, path: str | None = None) -> Frame | None:
        """The last frame of that origin (and file), in the first exception of the chain that has one."""
        for raised in self.chain:
            for frame in reversed(raised.frames):
                is_there = path is None or frame.path == path
                if frame.origin == origin and frame.lineno is not None and is_there:
                    return frame
        return None


def posix(path: str) -> str:
    """The path with forward slashes and without a leading `./`."""
    slashed = path.replace("\\", "/")
    return slashed.removeprefix("./")


def beneath(path: str, root: str | None) -> str:
    """The path relative to `root` where it lies beneath it, else as it is."""
    path = posix(path)
    if root and path.startswith(root.rstrip("/") + "/"):
        return path[len(root.rstrip("/")) + 1 :]
    return path


def is_test(path: str) -> bool:
    """Whether a path relative to the project is a test, a conftest or a helper beneath a test folder."""
    *folders, name = posix(path).split("/")
    return bool(_TEST_NAME.fullmatch(name)) or not _TEST_FOLDERS.isdisjoint(folders)


def origin_of(path: str, root: str | None = None) -> Origin:
    """Origin of a frame; a path that is absolute and not beneath `root` is somebody else's code."""
    near = beneath(path, root)
    if _LIBRARY.search(near) or near.startswith("<"):
        return "library"
    if near.startswith("/") or re.match(r"[A-Za-z]:/", near):
        return "library" if root else "unknown"
    if near.startswith("../"):
        return "library"
    return "test" if is_test(near) else "product"
