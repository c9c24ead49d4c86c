"""Find secrets in tables of plain text: below a column whose title says secret (CSV, TSV, psql, markdown)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.text.mark import Span
from triage.text.secret_names import NAME_HINT, Strength, strength_of
from triage.text.secret_values import is_password_like

_MOST_ROWS = 200
_MOST_LINE = 500
_LINE_END = re.compile(r"\r?\n|\\+n")
_CELL = re.compile(r"""[^,;\t|\\]+""")
_TITLE = re.compile(r"""(?:[^\n]{0,200}:[ ])?(?:E[ \t]+)?[ \t>'"]*(?P<name>[A-Za-z][\w -]{0,40}?)[ \t'"]*""")
_RULE = re.compile(r"[ \t>E|+:=-]*")
"""The line below the titles: `---+---`, `| --- | --- |`."""
_SEPARATORS = ",;\t|"


def column_spans(text: str) -> Iterator[Span]:
    """Yield values of columns whose titles leave no doubt."""
    done = 0
    for hint in NAME_HINT.finditer(text.lower()):
        if hint.start() < done:
            continue
        start, end = _line_around(text, hint.start())
        done = end
        if end - start > _MOST_LINE or not any(char in _SEPARATORS for char in text[start:end]):
            continue
        titles = list(_CELL.finditer(text, start, end))
        columns = [number for number, title in enumerate(titles) if _is_secret_title(title[0])]
        is_header = len(titles) >= 2 and all(
            _TITLE.fullmatch(title[0]) for title in titles if title[0].strip()
        )
        if columns and is_header:
            for span in _below(text, end, len(titles), columns):
                yield Span(span.start, span.end, hint.start())


def _line_around(text: str, position: int) -> tuple[int, int]:
    """Return the borders of a line; an escaped line end counts as one."""
    start = max(0, position - _MOST_LINE)
    for line_end in _LINE_END.finditer(text, start, position):
        start = line_end.end()
    following = _LINE_END.search(text, position, position + _MOST_LINE)
    return start, len(text) if following is None else following.start()


def _is_header(cells: list[str]) -> bool:
    """Whether the cells of a line are all titles, or empty."""
    return len(cells) >= 2 and all(_TITLE.fullmatch(cell) for cell in cells if cell.strip())


def _is_secret_title(title: str) -> bool:
    match = _TITLE.fullmatch(title)
    return match is not None and strength_of(match["name"].replace(" ", "_")) is Strength.STRONG


def _below(text: str, position: int, width: int, columns: list[int]) -> Iterator[Span]:
    """Yield the cells of some columns in the rows that follow, as long as each has as many cells."""
    for _ in range(_MOST_ROWS):
        line_end = _LINE_END.match(text, position)
        if line_end is None:
            return
        start = line_end.end()
        following = _LINE_END.search(text, start, start + _MOST_LINE)
        end = min(len(text), start + _MOST_LINE) if following is None else following.start()
        position = end
        if _RULE.fullmatch(text, start, end):
            continue
        cells = list(_CELL.finditer(text, start, end))
        if len(cells) != width:
            return
        for column in columns:
            value = cells[column][0].strip(" '\"")
            if is_password_like(value):
                first = text.index(value, cells[column].start())
                yield Span(first, first + len(value))
