"""Take apart what pytest shows of a test's output: each stream under a heading of its own."""

from __future__ import annotations

import re

from triage.text.pattern import pattern

CAPTURED_HEADING = pattern(
    r"""
    ^ -{2,} [ ] Captured [ ]
    (?P<stream> stdout | stderr | log     # the terminal
              | Out | Err | Log )         # JUnit XML
    (?: [ ] (?P<phase> \w+ ) )?
    [ ] -{2,} $
    """,
    matches=[
        "---------- Captured stdout call ----------",
        "a\n-- Captured log --\nb",
        "---- Captured Out ----",
    ],
    rejects=["Captured stdout call", "---- Captured tty ----", "- Captured stdout -"],
    flags=re.MULTILINE,
)
_NAMES_IN_JUNIT = {"out": "stdout", "err": "stderr"}


def stream_name(heading: re.Match[str]) -> str:
    """stdout, stderr or log."""
    name = heading["stream"].lower()
    return _NAMES_IN_JUNIT.get(name, name)


def split_captured(text: str) -> tuple[str, dict[str, str]]:
    """Split a text into what stands before the first heading, and the streams behind them by name."""
    headings = list(CAPTURED_HEADING.finditer(text))
    if not headings:
        return text, {}
    streams: dict[str, str] = {}
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        name = stream_name(heading)
        content = text[heading.end() : end].strip("\n")
        streams[name] = streams.get(name, "") + content + "\n"
    before = text[: headings[0].start()]
    return before.rstrip("\n"), streams
