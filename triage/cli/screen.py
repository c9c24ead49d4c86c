"""Lines with styles and links: coloured on a terminal, the same words everywhere else.

rich draws them, and only on a terminal: pipes, CI logs and `NO_COLOR` get plain text without any escape code.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 40
WIDEST = 200
"""Columns: below the first nothing fits beside its indent, above the second eyes lose the line."""
_USUAL_WIDTH = 80
"""Of a pipe or a log, which have no width of their own; `COLUMNS` names another one."""
_MARK_OF_CUT = "..."


@dataclass(frozen=True)
class Span:
    """A piece of a line."""

    text: str
    style: str = ""
    """A style of rich: `bold red`."""
    link: str | None = None
    """A URL that terminals open (OSC 8)."""


Line = tuple[Span, ...]


class Screen:
    """How wide a line may be, and whether it may have colours and links."""

    def __init__(self, *, width: int, styled: bool) -> None:
        self.width = min(max(width, NARROWEST), WIDEST)
        self.styled = styled

    @classmethod
    def of_stdout(cls, environ: Mapping[str, str]) -> Screen:
        """As the terminal is; a pipe has the usual width, and colours where the environment asks for them."""
        width = shutil.get_terminal_size((_USUAL_WIDTH, 0)).columns
        return cls(width=width, styled=_may_style(environ))

    def write(self, line: Iterable[Span]) -> None:
        """Write one line to standard output; its text is safe already."""
        spans = [span for span in line if span.text]
        if not self.styled:
            print("".join(span.text for span in spans).rstrip())
            return
        from rich.text import Text

        text = Text()
        for span in spans:
            link = f" link {span.link}" if span.link else ""
            text.append(span.text, style=f"{span.style}{link}".strip())
        self._console.print(text, soft_wrap=True, highlight=False)

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=sys.stdout, force_terminal=True, width=self.width, highlight=False, markup=False)


def _may_style(environ: Mapping[str, str]) -> bool:
    """`NO_COLOR` and `FORCE_COLOR` decide where they are set (no-color.org, force-color.org)."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return sys.stdout is not None and sys.stdout.isatty() and environ.get("TERM") != "dumb"


def file_link(path: Path, line: int | None = None) -> str | None:
    """The URL of a file, for terminals that open it; None where it is no absolute path."""
    if not path.is_absolute():
        return None
    fragment = f"#{line}" if line is not None else ""
    return path.as_uri() + fragment


def width_of(text: str) -> int:
    """Columns that a text takes: letters of East Asia take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits, with dots behind."""
    if width_of(text) <= width:
        return text
    kept = text[: max(width - len(_MARK_OF_CUT), 1)]
    while len(kept) > 1 and width_of(kept) > width - len(_MARK_OF_CUT):
        kept = kept[:-1]
    return kept.rstrip() + _MARK_OF_CUT


def wrapped(text: str, width: int, most: int) -> list[str]:
    """The text in at most so many lines, broken at blanks where there are any; what does not fit is cut."""
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < most - 1 and width_of(rest) > width:
        head = _fitting(rest, width)
        ends_with_word = rest[len(head)] == " "
        blank = len(head) if ends_with_word else head.rfind(" ")
        end = blank if blank > width // 2 else len(head)
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    if rest:
        lines.append(cut(rest, width))
    return lines


def _fitting(text: str, width: int) -> str:
    """The longest beginning that takes at most so many columns."""
    end = min(len(text), width)
    while end > 1 and width_of(text[:end]) > width:
        end -= 1
    return text[:end]
