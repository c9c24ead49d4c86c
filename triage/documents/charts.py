"""Pictures for the HTML report: inline SVG by hand, with a title for those who cannot see them.

Widths are derived from facts; each number that a reader sees is shown by `mark` and so is a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from markupsafe import Markup

from triage.documents.template_values import Fact

Mark = Callable[[Fact, str], Markup]
WIDTH, HEIGHT, GAP = 720.0, 22.0, 6.0
LABEL = 420.0


def outcome_bar(counts: Fact, mark: Mark) -> Markup:
    """The outcomes of all tests as one bar, each segment titled with its number."""
    parts = [
        (name, fact)
        for name in counts.value
        if name not in ("collected", "collect_errors")
        and (fact := counts.member(name)) is not None
        and fact.value
    ]
    total = sum(fact.value for _, fact in parts)
    if not total:
        return Markup()
    left, shapes = 0.0, []
    for name, fact in parts:
        width = WIDTH * fact.value / total
        title = Markup("<title>{}: {}</title>").format(name, mark(fact, "num:"))
        shapes.append(
            Markup('<rect class="{}" x="{:.2f}" y="0" width="{:.2f}" height="{:.0f}">{}</rect>').format(
                f"o-{name}", left, max(width, 1.0), HEIGHT, title
            )
        )
        left += width
    label = Markup("").join(Markup("{}: {} ").format(name, mark(fact, "num:")) for name, fact in parts)
    return _svg("Outcomes of the tests", HEIGHT, Markup("").join(shapes)) + Markup(
        '<p class="legend">{}</p>'
    ).format(label)


def bars(items: Iterable[Fact], label: str, value: str, title: str, mark: Mark) -> Markup:
    """A bar for each item, longest first as given, with its label and number."""
    rows = [(item.member(label), item.member(value)) for item in items]
    shown = [(name, number) for name, number in rows if name is not None and number is not None]
    largest = max((float(number.value) for _, number in shown), default=0.0)
    if not largest > 0:
        return Markup()
    shapes = []
    for at, (name, number) in enumerate(shown):
        top = at * (HEIGHT + GAP)
        width = (WIDTH - LABEL) * float(number.value) / largest
        shapes.append(
            Markup(
                '<g><rect class="bar" x="{:.0f}" y="{:.0f}" width="{:.2f}" height="{:.0f}"></rect>'
                '<text x="{:.0f}" y="{:.0f}" text-anchor="end">{}</text>'
                '<text x="{:.0f}" y="{:.0f}">{}</text></g>'
            ).format(
                LABEL, top, max(width, 1.0), HEIGHT, LABEL - GAP, top + 15, _short(name, mark),
                LABEL + GAP, top + 15, mark(number, "num:.2f"),
            )
        )  # fmt: skip
    return _svg(title, len(shown) * (HEIGHT + GAP), Markup("").join(shapes))


def _short(name: Fact, mark: Mark) -> Markup:
    """The end of a long name tells more than its start; the whole is in the title."""
    return Markup("<title>{}</title>{}").format(mark(name, "html"), mark(name, "tail:52"))


def _svg(title: str, height: float, inner: Markup) -> Markup:
    return Markup(
        '<svg role="img" viewBox="0 0 {:.0f} {:.0f}" aria-label="{}"><title>{}</title>{}</svg>\n'
    ).format(WIDTH, height, title, title, inner)
