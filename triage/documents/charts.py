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
_RECTANGLE = Markup('<rect class="{}" x="{:.0f}" y="{:.2f}" width="{:.0f}" height="{:.2f}">')
"""Left open, for a title in it."""
_NARROWEST = 1.0
"""So that no outcome is too rare to be seen."""


def outcome_bar(counts: Fact, mark: Mark) -> Markup:
    """The outcomes of all tests as one bar, each segment titled with its number."""
    parts = _outcomes_of(counts)
    total = sum(fact.value for _, fact in parts)
    if not total:
        return Markup()
    left = 0.0
    segments: list[Markup] = []
    for name, fact in parts:
        width = WIDTH * fact.value / total
        title = Markup("<title>{}: {}</title>").format(name, mark(fact, "num:"))
        rectangle = Markup('<rect class="{}" x="{:.2f}" y="0" width="{:.2f}" height="{:.0f}">{}</rect>')
        segments.append(rectangle.format(f"o-{name}", left, max(width, _NARROWEST), HEIGHT, title))
        left += width
    words = [Markup("{}: {} ").format(name, mark(fact, "num:")) for name, fact in parts]
    legend = Markup('<p class="legend">{}</p>').format(Markup("").join(words))
    return _svg("Outcomes of the tests", HEIGHT, Markup("").join(segments)) + legend


def bars(items: Iterable[Fact], label: str, value: str, title: str, mark: Mark) -> Markup:
    """A bar for each item, longest first as given, with its label and number."""
    rows = [(item.member(label), item.member(value)) for item in items]
    shown = [(name, number) for name, number in rows if name is not None and number is not None]
    largest = max((float(number.value) for _, number in shown), default=0.0)
    if not largest > 0:
        return Markup()
    rows_of_chart: list[Markup] = []
    for position, (name, number) in enumerate(shown):
        top = position * (HEIGHT + GAP)
        width = (WIDTH - LABEL) * float(number.value) / largest
        bar = Markup('<rect class="bar" x="{:.0f}" y="{:.0f}" width="{:.2f}" height="{:.0f}"></rect>').format(
            LABEL, top, max(width, _NARROWEST), HEIGHT
        )
        named = Markup('<text x="{:.0f}" y="{:.0f}" text-anchor="end">{}</text>').format(
            LABEL - GAP, top + _BASELINE, _short(name, mark)
        )
        numbered = Markup('<text x="{:.0f}" y="{:.0f}">{}</text>').format(
            LABEL + GAP, top + _BASELINE, mark(number, "num:.2f")
        )
        rows_of_chart.append(Markup("<g>{}{}{}</g>").format(bar, named, numbered))
    return _svg(title, len(shown) * (HEIGHT + GAP), Markup("").join(rows_of_chart))


def columns(items: Iterable[Fact], label: str, value: str, title: str, mark: Mark) -> Markup:
    """A column for each item in its order, each titled with its label and number."""
    rows = [(item.member(label), item.member(value)) for item in items]
    shown = [(name, number) for name, number in rows if name is not None and number is not None]
    largest = max((float(number.value) for _, number in shown), default=0.0)
    if not largest > 0:
        return Markup()
    parts: list[Markup] = []
    for position, (name, number) in enumerate(shown):
        height = _COLUMN_HEIGHT * float(number.value) / largest
        where = (position * _COLUMN, _COLUMN_HEIGHT - height, _COLUMN - _COLUMN_GAP, height)
        rectangle = _RECTANGLE.format("bar", *where)
        titled = Markup("<title>{}: {}</title>").format(mark(name, "html"), mark(number, "num:"))
        parts.append(rectangle + titled + Markup("</rect>"))
    width = max(len(shown) * _COLUMN, WIDTH / 2)
    return _svg(title, _COLUMN_HEIGHT, Markup("").join(parts), width)


def outcome_columns(runs: Iterable[Fact], title: str, mark: Mark) -> Markup:
    """A column for each run, in their order, its tests stacked by outcome."""
    shown = [(run.member("stamp"), run.member("counts")) for run in runs]
    stacks = [(stamp, _outcomes_of(counts)) for stamp, counts in shown if stamp is not None and counts]
    largest = max((sum(fact.value for _, fact in stack) for _, stack in stacks), default=0)
    if not largest:
        return Markup()
    parts: list[Markup] = []
    for position, (stamp, stack) in enumerate(stacks):
        bottom = _COLUMN_HEIGHT
        for name, fact in stack:
            height = _COLUMN_HEIGHT * fact.value / largest
            bottom -= height
            where = (position * _COLUMN, bottom, _COLUMN - _COLUMN_GAP, height)
            rectangle = _RECTANGLE.format(f"o-{name}", *where)
            titled = Markup("<title>{}: {} {}</title>").format(mark(stamp, "html"), mark(fact, "num:"), name)
            parts.append(rectangle + titled + Markup("</rect>"))
    width = max(len(stacks) * _COLUMN, WIDTH / 2)
    return _svg(title, _COLUMN_HEIGHT, Markup("").join(parts), width)


def _outcomes_of(counts: Fact) -> list[tuple[str, Fact]]:
    """The outcomes that occur, with their numbers."""
    members = [(name, counts.member(name)) for name in counts.value]
    return [
        (name, fact)
        for name, fact in members
        if fact is not None and fact.value and name not in ("collected", "collect_errors")
    ]


def trend(numbers: Fact, title: str, mark: Mark) -> Markup:
    """Small columns of a list of numbers, in its order; zero is a line."""
    values = numbers.members()
    largest = max((float(each.value) for each in values), default=0.0) or 1.0
    parts: list[Markup] = []
    for position, each in enumerate(values):
        height = max(_SMALLEST, _TREND_HEIGHT * float(each.value) / largest)
        kind = "o-failed" if each.value else "o-none"
        where = (position * _TREND_COLUMN, _TREND_HEIGHT - height, _TREND_COLUMN - 1, height)
        rectangle = _RECTANGLE.format(kind, *where)
        parts.append(rectangle + Markup("<title>{}</title></rect>").format(mark(each, "num:")))
    return _svg(title, _TREND_HEIGHT, Markup("").join(parts), max(1, len(values)) * _TREND_COLUMN, "trend")


def _short(name: Fact, mark: Mark) -> Markup:
    """The end of a long name tells more than its start; the whole is in the title."""
    return Markup("<title>{}</title>{}").format(mark(name, "html"), mark(name, _LABEL_SPEC))


def _svg(title: str, height: float, inner: Markup, width: float = WIDTH, kind: str = "chart") -> Markup:
    drawing = Markup(
        '<svg role="img" class="{}" preserveAspectRatio="xMinYMid meet" viewBox="0 0 {:.0f} {:.0f}"'
        ' aria-label="{}"><title>{}</title>{}</svg>\n'
    )
    return drawing.format(kind, width, height, title, title, inner)
