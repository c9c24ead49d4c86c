"""The end of `triage hunt`: a table by kind, a block for each cause, what was covered and what was not."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from triage.cli.screen import Span, cut, wrapped
from triage.hunt.wording import claim_of, cost_in_words, coverage_in_words
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.cli.context import App
    from triage.hunt.document import HuntReport, Latent, Suspected

_INDENT = "    "
_MOST_LINES = 4
"""Of a note, or of what was covered."""
_MOST_TESTS = 5
"""Tests of one list that are named; `hunt.json` has all of them."""
_LABEL = 10
"""Columns of the words in front of the lines at the end."""


def say_hunt(app: App, report: HuntReport) -> None:
    """Print what was found, what was not proven, and how much was tried."""
    from triage.cli.json_documents.phases import HuntDocument

    app.emit(HuntDocument.of(report))
    app.line(Span(claim_of(report), "bold"))
    if report.latent:
        app.say()
        _say_table(app, report.latent)
    in_order = sorted(report.latent, key=lambda each: (each.kind, each.tests))
    for found in in_order:
        app.say()
        _say_latent(app, found)
    _say_listed(app, "fails as it stands, left out", report.red_already)
    _say_listed(app, "red in one of two equal runs", report.by_chance)
    _say_suspected(app, report.suspected)
    app.say()
    for line in coverage_in_words(report):
        label, _, text = line.partition(": ")
        _say_labelled(app, label, text)
    for note in report.notes:
        _say_labelled(app, "note", note)
    _say_labelled(app, "cost", cost_in_words(report))
    app.line(Span(f"{'evidence':<{_LABEL}}"), Span(f"{report.folder}/summary.md"))
    if in_order:
        shown = shlex.quote(in_order[0].cluster or in_order[0].tests[0])
        app.line(Span(f"{'next':<{_LABEL}}"), Span(f"triage show {shown}", "bold"))


def _say_table(app: App, latent: Sequence[Latent]) -> None:
    """By kind: causes, those that no run or hunt knew, and tests."""
    kinds = sorted({found.kind for found in latent})
    width = max(len("kind"), *map(len, kinds))
    app.line(Span(f"{_INDENT}{'kind':<{width}}  causes  new  tests", "dim"))
    for kind in kinds:
        mine = [found for found in latent if found.kind == kind]
        new = sum(found.new for found in mine)
        tests = len({nodeid for found in mine for nodeid in found.tests})
        app.line(Span(f"{_INDENT}{kind:<{width}}  {len(mine):>6}  {new:>3}  {tests:>5}"))


def _say_latent(app: App, found: Latent) -> None:
    """One cause; lines fit the screen, but for commands and paths, which are there to be copied."""
    mark, style = ("new", "bold yellow") if found.new else ("known", "yellow")
    tests = counted_noun(len(found.tests), "test")
    app.line(
        Span(f"{found.cluster or '-':<4}", "bold"),
        Span(f"latent, {mark}", style),
        Span(f"   {found.kind}   {tests}"),
    )
    _say_some(app, found.tests, "cyan")
    # ids stay whole: they are there to be copied
    summary = textwrap.wrap(
        app.clean(found.summary),
        app.screen.width - len(_INDENT),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in summary:
        app.line(Span(_INDENT), Span(line))
    app.line(Span(f"{_INDENT}shows it: "), Span(found.command, "bold"))
    if found.repair is not None:
        app.line(Span(f"{_INDENT}repair that was tried: {found.repair}", "green"))


def _say_listed(app: App, heading: str, nodeids: Sequence[str]) -> None:
    if not nodeids:
        return
    app.say()
    app.line(Span(f"{heading} ({len(nodeids)})"))
    _say_some(app, nodeids)


def _say_suspected(app: App, suspected: Sequence[Suspected]) -> None:
    """Tests that were red and are not proven, by the reason."""
    reasons: dict[str, list[Suspected]] = {}
    for each in suspected:
        reasons.setdefault(each.reason, []).append(each)
    room = app.screen.width - len(_INDENT)
    for reason, several in reasons.items():
        app.say()
        for line in wrapped(
            app.clean(f"not proven ({len(several)}): {reason}"), app.screen.width, _MOST_LINES
        ):
            app.line(Span(line))
        _say_some(app, [cut(app.clean(f"{each.nodeid} ({each.found_by})"), room) for each in several])


def _say_some(app: App, rows: Sequence[str], style: str = "") -> None:
    """The first rows of a list, and how many more it has."""
    for row in rows[:_MOST_TESTS]:
        app.line(Span(f"{_INDENT}{row}", style))
    if len(rows) > _MOST_TESTS:
        app.line(Span(f"{_INDENT}and {len(rows) - _MOST_TESTS} more"))


def _say_labelled(app: App, label: str, text: str) -> None:
    room = app.screen.width - _LABEL
    first, *others = wrapped(app.clean(text), room, _MOST_LINES) or [""]
    app.line(Span(f"{label:<{_LABEL}}"), Span(first))
    for line in others:
        app.line(Span(" " * _LABEL), Span(line))
