"""A failure as people read it in a terminal: a short traceback with source, then what the test printed."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from triage.cli.screen import Span
from triage.text.pattern import pattern
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.cli.context import App
    from triage.model.failure import Captured, Failure, Frame, Raised

_COLOUR = pattern(
    r"\x1b \[ [0-9;]* m",
    matches=["\x1b[31m", "\x1b[0m", "\x1b[1;32m"],
    rejects=["\x1b[2J", "[31m", "\x1b]8;;"],
)
_MOST_FRAMES = 12
"""Of one exception; the first tells who began, the last ones where it happened."""
_FIRST_FRAMES = 2
_MOST_MESSAGE_LINES = 20
_MOST_OUTPUT_LINES = 15
"""Of one stream, from its end: that is nearest to the failure."""
_BETWEEN = {
    "cause": "which was the direct cause of",
    "context": "and while that was handled",
    "member": "which is one of the exceptions of",
    "raised": "then",
}


def say_failure(app: App, failure: Failure, *, full: bool) -> None:
    """Print the traceback and the captured output of a failure; with `full` all of both."""
    phase = f" ({failure.phase.value})" if failure.phase.value != "call" else ""
    subtest = f" [{failure.subtest}]" if failure.subtest else ""
    app.line(Span(f"  {failure.nodeid}{subtest}{phase}", "bold"))
    # what came first is shown first, as Python does it
    for position, raised in enumerate(reversed(failure.chain)):
        if position:
            app.line(Span(f"    {_BETWEEN[failure.chain[-position].relation]}"))
        _say_raised(app, raised, full=full)
    if full and failure.longrepr:
        app.line(Span("  as pytest shows it", "bold"))
        _say_block(app, failure.longrepr.splitlines())
    _say_captured(app, failure.captured, full=full)


def source_line(root: Path, frame: Frame) -> str:
    """As it was recorded; of a death the record has the place alone, and the file is asked."""
    if frame.code:
        return frame.code
    is_inside = not frame.path.startswith(("/", "..", "<"))
    return linecache.getline(str(root / frame.path), frame.lineno or 0).strip() if is_inside else ""


def _say_raised(app: App, raised: Raised, *, full: bool) -> None:
    frames = raised.frames if full else _without_libraries(raised.frames)
    cut = len(frames) - _MOST_FRAMES
    for position, frame in enumerate(frames):
        is_cut = not full and cut > 0 and _FIRST_FRAMES <= position < _FIRST_FRAMES + cut
        if is_cut and position == _FIRST_FRAMES:
            app.line(Span(f"    ... {counted_noun(cut, 'more line')}, shown by --full"))
        if not is_cut:
            _say_frame(app, frame)
    lines = [*raised.message.splitlines(), *raised.notes]
    first = f"{raised.type}: {lines[0]}" if lines else raised.type
    shown = [first, *lines[1:]]
    most = len(shown) if full else _MOST_MESSAGE_LINES
    for line in shown[:most]:
        app.line(Span(f"    E   {line}", "red"))
    if len(shown) > most:
        app.line(Span(f"    E   ... {counted_noun(len(shown) - most, 'more line')}, shown by --full", "red"))


def _without_libraries(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The suite's own lines; where there are none, all."""
    own = [frame for frame in frames if frame.origin != "library"]
    return own or frames


def _say_frame(app: App, frame: Frame) -> None:
    place = f"{frame.path}:{frame.lineno}" if frame.lineno is not None else frame.path
    where = f" in {frame.function}" if frame.function else ""
    linked = app.file_span(app.root / frame.path, place, frame.lineno, "cyan")
    app.line(Span("    "), linked, Span(where))
    code = source_line(app.root, frame)
    if code:
        app.line(Span(f"        {app.clean(code)}"))


def _say_captured(app: App, captured: Captured, *, full: bool) -> None:
    streams: tuple[Literal["stdout", "stderr", "log"], ...] = ("stdout", "stderr", "log")
    for name in streams:
        lines = getattr(captured, name).rstrip().splitlines()
        if not lines:
            continue
        app.line(Span(f"  captured {name}", "bold"))
        shown = lines if full else lines[-_MOST_OUTPUT_LINES:]
        left_out = len(lines) - len(shown)
        if left_out:
            app.line(Span(f"    ... {counted_noun(left_out, 'earlier line')}, shown by --full"))
        _say_block(app, shown)


def _say_block(app: App, lines: Sequence[str]) -> None:
    for line in _without_colours(lines):
        app.line(Span(f"    {line}"))


def _without_colours(lines: Sequence[str]) -> Iterator[str]:
    """Colours that a test printed are no news; any other escape stays, spelled out."""
    for line in lines:
        yield _COLOUR.sub("", line)
