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
_NARROWEST = 1.0
"""So that no outcome is too rare to be seen."""


def outcome_bar(counts: Fact, mark: Mark) -> Markup:
    """The outcomes of all tests as one bar, each segment titled with its number."""
    parts: list[tuple[str, Fact]] = []
    for name in counts.value:
        fact = counts.member(name)
        if fact is not None and fact.value and name not in ("collected", "collect_errors"):
            parts.append((name, fact))
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


def _short(name: Fact, mark: Mark) -> Markup:
    """The end of a long name tells more than its start; the whole is in the title."""
    return Markup("<title>{}</title>{}").format(mark(name, "html"), mark(name, _LABEL_SPEC))


def _svg(title: str, height: float, inner: Markup) -> Markup:
    return Markup(
        '<svg role="img" viewBox="0 0 {:.0f} {:.0f}" aria-label="{}"><title>{}</title>{}</svg>\n'
    ).format(WIDTH, height, title, title, inner)
