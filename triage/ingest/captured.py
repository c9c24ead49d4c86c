"""Output that a report has under pytest's headings, inside of a representation or of one stream."""

from __future__ import annotations

import re

_HEADING = re.compile(
    r"^-{2,} Captured (?P<stream>stdout|stderr|log|Out|Err|Log)(?: (?P<phase>\w+))? -{2,}$", re.MULTILINE
)
_STREAMS = {"out": "stdout", "err": "stderr"}


def split_captured(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the first heading, and the streams behind them by name."""
    parts = _HEADING.split(text)
    found: dict[str, str] = {}
    for name, _, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        stream = _STREAMS.get(name.lower(), name.lower())
        found[stream] = found.get(stream, "") + body.strip("\n") + "\n"
    return parts[0].rstrip("\n") if len(parts) > 1 else text, found
