"""The FAILURES and ERRORS of a pytest log, one block for each heading, captured output apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from triage.model.failure import is_test, posix
from triage.model.outcome import Phase

_HEADING = re.compile(r"^_{2,} (?P<heading>\S.*?) _+$")
_SUBTEST = re.compile(r"(?P<name>[^\s\[]+(?:\[[^\]]*\])?) (?P<subtest>(?:\[.*\])? ?(?:\(.*\))?)")
_CAPTURED = re.compile(r"^-{2,} Captured (?P<stream>stdout|stderr|log)(?: (?P<phase>\w+))? -{2,}$")
_PLUGIN = re.compile(r"^-{2,} \S.* -{2,}$")
_ERROR_AT = re.compile(r"^ERROR (?:at (?P<phase>setup|teardown) of (?P<name>.+)|collecting (?P<path>.+))$")
_LOCATION = re.compile(r"^(?P<path>[^\s:][^:\n]*\.py):\d+: ", re.MULTILINE)


@dataclass
class Block:
    """One failure as the log shows it."""

    heading: str
    """`TestB.test_c[d]`, or the path that could not be collected."""
    phase: Phase
    subtest: str | None = None
    lines: list[str] = field(default_factory=list)
    streams: dict[str, list[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The representation without captured output."""
        return "\n".join(self.lines).strip("\n")

    @property
    def stdout(self) -> str:
        """What was captured of it."""
        return "\n".join(self.streams.get("stdout", ()))

    @property
    def stderr(self) -> str:
        """What was captured of it."""
        return "\n".join(self.streams.get("stderr", ()))

    @property
    def log(self) -> str:
        """What was captured of it."""
        return "\n".join(self.streams.get("log", ()))

    def first_test_file(self) -> str:
        """The first file shown that is named like a test; an absolute one where nothing better is."""
        shown = [posix(match["path"]) for match in _LOCATION.finditer(self.text)]
        own = [path for path in shown if is_test(path)]
        return next(iter(own or shown), "")


def blocks_of(section: str, lines: Sequence[str]) -> Iterator[Block]:
    """The blocks of a FAILURES or ERRORS section; nothing of any other."""
    if section not in ("FAILURES", "ERRORS"):
        return
    block: Block | None = None
    stream: list[str] | None = None
    for line in lines:
        if found := _HEADING.match(line):
            if block is not None:
                yield block
            block, stream = _opened(found["heading"]), None
        elif block is not None and (captured := _CAPTURED.match(line)):
            stream = block.streams.setdefault(captured["stream"], [])
        elif block is not None and _PLUGIN.match(line):
            stream = []  # a plugin's own words, to the end of the section
        elif block is not None:
            (block.lines if stream is None else stream).append(line)
    if block is not None:
        yield block


def _opened(heading: str) -> Block:
    found = _ERROR_AT.match(heading)
    if found is None:
        part = _SUBTEST.fullmatch(heading)
        return Block(part["name"], Phase.CALL, part["subtest"]) if part else Block(heading, Phase.CALL)
    if found["path"]:
        return Block(found["path"], Phase.COLLECT)
    return Block(found["name"], Phase.SETUP if found["phase"] == "setup" else Phase.TEARDOWN)


_CAPTURED_HEADING = re.compile(
    r"^-{2,} Captured (?P<stream>stdout|stderr|log|Out|Err|Log)(?: (?P<phase>\w+))? -{2,}$", re.MULTILINE
)
_STREAMS = {"out": "stdout", "err": "stderr"}


def split_captured(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the first heading, and the streams behind them by name."""
    parts = _CAPTURED_HEADING.split(text)
    found: dict[str, str] = {}
    for name, _, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        stream = _STREAMS.get(name.lower(), name.lower())
        found[stream] = found.get(stream, "") + body.strip("\n") + "\n"
    return parts[0].rstrip("\n") if len(parts) > 1 else text, found
