"""One cluster of a run as a few lines: state, place, what differs, the source line, cause, what to type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage.campaign.explanation import KnownCause
from triage.campaign.rerun_command import RerunCommand
from triage.cli.failure_text import source_line
from triage.cli.screen import Span, cut, width_of, wrapped
from triage.documents.shown_cluster import place_text, places_of, state_in_words
from triage.model.outcome import Phase
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.cli.context import App
    from triage.model.cluster import Cluster
    from triage.model.failure import Failure, Frame
    from triage.model.joint_search import JointCause

_INDENT = "    "
_GAP = "   "
_MOST_TITLE_LINES = 2
_MOST_CAUSE_LINES = 3
"""`triage show` has the whole sentence."""
_MOST_HUNK_LINES = 6
"""Changed lines of a cause that are shown; the whole is in git."""


@dataclass(frozen=True)
class ClusterBlock:
    """What the block of one cluster is made of."""

    cluster: Cluster
    failure: Failure | None
    """The one that stands for the others."""
    cause: KnownCause | None = None
    joint: JointCause | None = None
    """What this very run found by `--attribute`; it goes before what is on record."""
    rerun: RerunCommand | None = None
    """None where all of its tests pass alone."""
    next: str | None = None
    owner: str | None = None


def say_block(app: App, block: ClusterBlock) -> None:
    """Print the block; each line fits the screen, but for commands, which are there to be copied."""
    places = places_of(block.failure)
    _say_heading(app, block, places.statement)
    style = "" if block.failure is None else "red"
    for line in wrapped(app.clean(block.cluster.title), app.screen.width - len(_INDENT), _MOST_TITLE_LINES):
        app.line(Span(_INDENT), Span(line, style))
    _say_source(app, places.statement, places.caller)
    _say_cause(app, block)
    if block.owner is not None:
        app.line(Span(f"{_INDENT}owner {block.owner}"))
    _say_commands(app, block)


def say_short_block(app: App, block: ClusterBlock) -> None:
    """Print a cluster that does not fail the run: what it is, which test shows it, its cause if known."""
    _say_heading(app, block, places_of(block.failure).statement)
    room = app.screen.width - len(_INDENT)
    for line in wrapped(app.clean(block.cluster.title), room, _MOST_TITLE_LINES):
        app.line(Span(_INDENT), Span(line))
    first, *others = block.cluster.members or ("",)
    more = f" and {len(others)} more" if others else ""
    app.line(Span(_INDENT), Span(f"{first}{more}", "dim"))
    _say_cause(app, block, most=1)


def _say_heading(app: App, block: ClusterBlock, statement: Frame | None) -> None:
    cluster = block.cluster
    state = state_in_words(cluster, app.world.now().date())
    tests = f"{counted_noun(len(cluster.members), 'test')}{_phase(block.failure)}"
    style = "bold red" if cluster.is_unexplained else "bold yellow"
    words = f"{cluster.id:<4}{state}{_GAP}{tests}"
    head = [Span(f"{cluster.id:<4}", "bold"), Span(state, style), Span(f"{_GAP}{tests}")]
    if statement is None:
        app.line(*head)
        return
    place = place_text(statement)
    shown = app.file_span(app.root / statement.path, place, statement.lineno, "cyan")
    if len(words) + len(_GAP) + width_of(place) <= app.screen.width:
        app.line(*head, Span(_GAP), shown)
    else:
        app.line(*head)
        app.line(Span(_INDENT), shown)


def _phase(failure: Failure | None) -> str:
    """Which part failed, where it was not the test itself."""
    if failure is None or failure.phase is Phase.CALL:
        return ""
    return f" in {failure.phase.value}" if failure.phase is not Phase.COLLECT else " while collecting"


def _say_source(app: App, statement: Frame | None, caller: Frame | None) -> None:
    """The failing statement, and the line of the test that led to it, beside it where there is room."""
    if statement is None:
        return
    room = app.screen.width - len(_INDENT)
    code = source_line(app.root, statement)
    sign = "" if code.startswith(">>>") else "> "  # a doctest brings its own
    source = cut(f"{sign}{app.clean(code)}", room) if code else ""
    from_ = f"from {place_text(caller)}" if caller is not None else ""
    linked = None
    if caller is not None:
        linked = app.file_span(app.root / caller.path, from_, caller.lineno, "cyan")
    if source and linked is not None and width_of(source) + len(_GAP) + width_of(from_) <= room:
        app.line(Span(_INDENT), Span(source), Span(_GAP), linked)
        return
    if source:
        app.line(Span(_INDENT), Span(source))
    if linked is not None:
        app.line(Span(_INDENT), linked)


def _say_cause(app: App, block: ClusterBlock, most: int = _MOST_CAUSE_LINES) -> None:
    if block.joint is not None and block.joint.confidence != "unknown":
        heading, summary = f"cause ({block.joint.confidence})", block.joint.summary
    elif block.cause is not None:
        heading, summary = block.cause.heading, block.cause.summary
    else:
        return
    room = app.screen.width - len(_INDENT)
    first, *others = wrapped(app.clean(f"{heading}: {summary}"), room, most)
    app.line(Span(_INDENT), Span(first, "green"))
    for line in others:
        app.line(Span(_INDENT), Span(line, "green"))
    if block.joint is not None and most > 1:
        _say_hunks(app, block.joint)


def _say_hunks(app: App, joint: JointCause) -> None:
    """The changed lines that broke the tests."""
    changed = [
        (sign, line)
        for hunk in joint.hunks
        for sign, text in (("-", hunk.before), ("+", hunk.after))
        for line in text.splitlines()
    ]
    room = app.screen.width - len(_INDENT) - 4
    for sign, line in changed[:_MOST_HUNK_LINES]:
        style = "red" if sign == "-" else "green"
        app.line(Span(f"{_INDENT}  "), Span(f"{sign} {cut(app.clean(line), room)}", style))
    if len(changed) > _MOST_HUNK_LINES:
        app.line(Span(f"{_INDENT}  and {counted_noun(len(changed) - _MOST_HUNK_LINES, 'more line')}"))


def _say_commands(app: App, block: ClusterBlock) -> None:
    if block.rerun is None:
        app.line(Span(f"{_INDENT}passes alone: it fails only behind tests that ran before it"))
    else:
        app.line(Span(f"{_INDENT}{block.rerun.text}", "bold"))
        if block.rerun.left_out:
            app.line(
                Span(
                    f"{_INDENT}(and {counted_noun(block.rerun.left_out, 'more test')}:"
                    f" triage show {block.cluster.id} --full)"
                )
            )
    if block.next is not None:
        app.line(Span(f"{_INDENT}next: {block.next}"))
