"""Draw the charts of the HTML report: inline SVG with a title for those who cannot see it.

Widths are derived from facts; each number that a reader sees is shown by `mark` and so is a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from markupsafe import Markup

from triage.documents.template_values import Fact

Mark = Callable[[Fact, str], Markup]
WIDTH = 720.0
"""Of a chart, in units of its view box; the page scales it."""
HEIGHT, GAP = 22.0, 6.0
"""Of a bar, and between two of them."""
LABEL = 420.0
"""Room for the label on the left of a bar: 52 characters of a node id."""
_LABEL_SPEC = "tail:52"
_BASELINE = 15.0
"""Of a text in its bar, from the top."""
_COLUMN, _COLUMN_GAP, _COLUMN_HEIGHT = 12.0, 2.0, 90.0
"""Of a chart of columns: the width of one with its gap, the gap, the height of the largest."""
_TREND_COLUMN, _TREND_HEIGHT, _SMALLEST = 5.0, 16.0, 1.0
"""Of the small columns in a line of a table."""
_NARROWEST = 1.0
"""So that no outcome is too rare to be seen."""


def outcome_bar(counts: Fact, mark: Mark) -> Markup:
    """The outcomes of all tests as one bar, each segment titled with its number."""
    parts = _outcomes_of(counts)
    total = sum(fact.value for _, fact in parts)
    if not total:
        return Markup()
    segment = Markup('<rect class="{}" x="{:.2f}" y="0" width="{:.2f}" height="{:.0f}">{}</rect>')
    left = 0.0
    segments: list[Markup] = []
    words: list[Markup] = []
    for name, fact in parts:
        width = WIDTH * fact.value / total
        title = Markup("<title>{}: {}</title>").format(name, mark(fact, "num:"))
        segments.append(segment.format(f"o-{name}", left, max(width, _NARROWEST), HEIGHT, title))
        words.append(Markup("{}: {} ").format(name, mark(fact, "num:")))
        left += width
    legend = Markup('<p class="legend">{}</p>').format(_joined(words))
    return _svg("Outcomes of the tests", HEIGHT, _joined(segments)) + legend


def bars(items: Iterable[Fact], label: str, value: str, title: str, mark: Mark) -> Markup:
    """A bar for each item, longest first as given, with its label and number."""
    shown = _labels_and_numbers(items, label, value)
    largest = _largest(number for _, number in shown)
    if not largest:
        return Markup()
    bar = Markup('<rect class="bar" x="{:.0f}" y="{:.0f}" width="{:.2f}" height="{:.0f}"></rect>')
    name_before = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="end">{}</text>')
    number_on_bar = Markup('<text x="{:.0f}" y="{:.0f}">{}</text>')
    rows: list[Markup] = []
    for position, (name, number) in enumerate(shown):
        top = position * (HEIGHT + GAP)
        baseline = top + _BASELINE
        width = (WIDTH - LABEL) * float(number.value) / largest
        drawn = (
            bar.format(LABEL, top, max(width, _NARROWEST), HEIGHT),
            name_before.format(LABEL - GAP, baseline, _short(name, mark)),
            number_on_bar.format(LABEL + GAP, baseline, mark(number, "num:.2f")),
        )
        rows.append(Markup("<g>{}{}{}</g>").format(*drawn))
    return _svg(title, len(shown) * (HEIGHT + GAP), _joined(rows))


def columns(items: Iterable[Fact], label: str, value: str, title: str, mark: Mark) -> Markup:
    """A column for each item in its order, each titled with its label and number."""
    shown = _labels_and_numbers(items, label, value)
    largest = _largest(number for _, number in shown)
    if not largest:
        return Markup()
    parts: list[Markup] = []
    for position, (name, number) in enumerate(shown):
        height = _COLUMN_HEIGHT * float(number.value) / largest
        words = Markup("{}: {}").format(mark(name, "html"), mark(number, "num:"))
        parts.append(_column("bar", position, _COLUMN_HEIGHT - height, height, words))
    return _chart_of_columns(title, parts, len(shown))


def outcome_columns(runs: Iterable[Fact], title: str, mark: Mark) -> Markup:
    """A column for each run, in their order, its tests stacked by outcome."""
    stacks: list[tuple[Fact, list[tuple[str, Fact]]]] = []
    for run in runs:
        stamp, counts = run.member("stamp"), run.member("counts")
        if stamp is not None and counts:
            stacks.append((stamp, _outcomes_of(counts)))
    largest = max((sum(fact.value for _, fact in stack) for _, stack in stacks), default=0)
    if not largest:
        return Markup()
    parts: list[Markup] = []
    for position, (stamp, stack) in enumerate(stacks):
        top = _COLUMN_HEIGHT
        for name, fact in stack:
            height = _COLUMN_HEIGHT * fact.value / largest
            top -= height
            words = Markup("{}: {} {}").format(mark(stamp, "html"), mark(fact, "num:"), name)
            parts.append(_column(f"o-{name}", position, top, height, words))
    return _chart_of_columns(title, parts, len(stacks))


def trend(numbers: Fact, title: str, mark: Mark) -> Markup:
    """Small columns of a list of numbers, in its order; zero is a line."""
    values = numbers.members()
    largest = _largest(values) or 1.0
    parts: list[Markup] = []
    for position, each in enumerate(values):
        height = max(_SMALLEST, _TREND_HEIGHT * float(each.value) / largest)
        kind = "o-failed" if each.value else "o-none"
        where = (position * _TREND_COLUMN, _TREND_HEIGHT - height, _TREND_COLUMN - 1, height)
        parts.append(_rectangle(kind, where, mark(each, "num:")))
    width = max(1, len(values)) * _TREND_COLUMN
    return _svg(title, _TREND_HEIGHT, _joined(parts), width, "trend")


def _outcomes_of(counts: Fact) -> list[tuple[str, Fact]]:
    """The outcomes that occur, with their numbers."""
    found = []
    for name in counts.value:
        fact = counts.member(name)
        is_outcome = name not in ("collected", "collect_errors")
        if is_outcome and fact is not None and fact.value:
            found.append((name, fact))
    return found


def _labels_and_numbers(items: Iterable[Fact], label: str, value: str) -> list[tuple[Fact, Fact]]:
    """Two members of each item, of those items that have both."""
    found = []
    for item in items:
        name, number = item.member(label), item.member(value)
        if name is not None and number is not None:
            found.append((name, number))
    return found


def _largest(numbers: Iterable[Fact]) -> float:
    """The largest of the numbers; 0 where none is above it, or there are none."""
    return max([0.0, *(float(number.value) for number in numbers)])


def _column(kind: str, position: int, top: float, height: float, words: Markup) -> Markup:
    """The rectangle of a chart of columns, with its words as its title."""
    where = (position * _COLUMN, top, _COLUMN - _COLUMN_GAP, height)
    return _rectangle(kind, where, words)


def _rectangle(kind: str, where: tuple[float, float, float, float], words: Markup) -> Markup:
    """A rectangle with a title; `where` is x, y, width and height."""
    rectangle = Markup(
        '<rect class="{}" x="{:.0f}" y="{:.2f}" width="{:.0f}" height="{:.2f}"><title>{}</title></rect>'
    )
    return rectangle.format(kind, *where, words)


def _chart_of_columns(title: str, parts: Iterable[Markup], number: int) -> Markup:
    """At least half as wide as other charts, so that a few columns do not fill the page."""
    width = max(number * _COLUMN, WIDTH / 2)
    return _svg(title, _COLUMN_HEIGHT, _joined(parts), width)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _short(name: Fact, mark: Mark) -> Markup:
    """The end of a long name tells more than its start; the whole is in the title."""
    return Markup("<title>{}</title>{}").format(mark(name, "html"), mark(name, _LABEL_SPEC))


def _svg(title: str, height: float, inner: Markup, width: float = WIDTH, kind: str = "chart") -> Markup:
    drawing = Markup(
        '<svg role="img" class="{}" preserveAspectRatio="xMinYMid meet" viewBox="0 0 {:.0f} {:.0f}"'
        ' aria-label="{}"><title>{}</title>{}</svg>\n'
    )
    return drawing.format(kind, width, height, title, title, inner)
