"""Say in words what a joint search found, how far it is confirmed, and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from triage.attribute.causes import FoundCause
from triage.attribute.commit_stage import BrokenSince
from triage.attribute.confirm import Judged
from triage.model.experiment import Status
from triage.model.joint_search import Confidence, SearchCost
from triage.text.hunks import Hunk
from triage.text.plural import counted_noun

_MOST_NAMED = 3
"""Hunks in a sentence."""


def summary_of(found: FoundCause) -> str:
    """Which lines broke the tests, since when, and how far that is confirmed."""
    places = places_of(in_order(found.hunks))
    together = " together" if len(found.hunks) > 1 else ""
    when = ""
    if found.since.entries:
        when = f", in {_commits(found.since)}"
    elif found.since.bad is None:
        when = ", which is not committed"
    return f"{places}{together} broke it{when}: {_how_confirmed(found)}"


def red_since(since: BrokenSince) -> str:
    """The beginning of a sentence on a test of which only its commit is known, or that it is one of a few."""
    if not since.entries:
        return ""
    return f"red since {_commits(since)}; "


def _commits(since: BrokenSince) -> str:
    first, last = since.entries[0], since.entries[-1]
    if len(since.entries) == 1:
        return f"{first.id[:12]} {first.subject} ({first.author}, {first.date[:10]})"
    return f"one of {len(since.entries)} commits from {first.id[:12]} to {last.id[:12]}"


def _how_confirmed(found: FoundCause) -> str:
    without = [judged.result for judged in found.judged if _is_reversal(judged, found)]
    alone = [judged.result for judged in found.judged if _is_addition(judged)]
    is_plural = len(found.hunks) > 1 or any(hunk.has_several_lines for hunk in found.hunks)
    without_them, they_make = (
        ("without them", "they alone make") if is_plural else ("without it", "it alone makes")
    )
    said = []
    if any(result.status is Status.CONFIRMED for result in without):
        said.append(f"{without_them} the tests pass")
    if any(result.status is Status.CONFIRMED for result in alone):
        said.append(f"on the base {they_make} the tests fail")
    if found.also:
        others = places_of([hunk for hunks in found.also for hunk in in_order(hunks)])
        said.append(f"some of them have another cause as well: {others}")
    return ", ".join(said) or "seen in single runs, not confirmed by repeats"


def _is_reversal(judged: Judged, found: FoundCause) -> bool:
    """Whether it ran tests of this cause without its lines; others of them may have left it since."""
    factor = judged.result.factor
    is_reverted = factor is not None and factor.to == "reverted"
    return is_reverted and not set(judged.experiment.watch).isdisjoint(found.tests)


def _is_addition(judged: Judged) -> bool:
    return judged.result.factor is not None and judged.result.factor.to == "base"


def confidence_of(found: FoundCause) -> Confidence:
    """Proven where both directions are confirmed; likely where one is."""
    if found.is_proven:
        return "proven"
    reversals = [judged.result for judged in found.judged if _is_reversal(judged, found)]
    return "likely" if any(result.status is Status.CONFIRMED for result in reversals) else "unknown"


def weakest(all_of_them: Iterable[Confidence]) -> Confidence:
    """The least of several confidences; unknown for none."""
    order: tuple[Confidence, ...] = ("unknown", "likely", "proven")
    return min(all_of_them, key=order.index, default="unknown")


def title_of_cause(found: FoundCause) -> str:
    """The title of a cluster that is split off for a cause."""
    return f"broken by {places_of(in_order(found.hunks))}"


def places_of(hunks: Sequence[Hunk]) -> str:
    """Where hunks lie, in words; of many the first few."""
    shown = " and ".join(hunk.in_words for hunk in hunks[:_MOST_NAMED])
    more = len(hunks) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def in_order(hunks: Iterable[Hunk]) -> list[Hunk]:
    """Hunks by file and line."""
    return sorted(hunks, key=lambda hunk: (hunk.path, hunk.first))


def cost_in_words(cost: SearchCost) -> list[str]:
    """What the search took, beside what a search for each test alone would have taken."""
    said = []
    if cost.checkouts:
        said.append(
            f"commits: {counted_noun(cost.checkouts, 'check-out')} among {cost.commits} for all red tests"
            f" together; bisecting each alone takes {cost.checkouts_alone}"
        )
    if cost.experiments:
        said.append(
            f"hunks: {counted_noun(cost.experiments, 'experiment')} on {counted_noun(cost.hunks, 'hunk')} for"
            f" all red tests together; searching for each alone takes {cost.experiments_alone}"
        )
    said.append(f"{counted_noun(cost.processes, 'run')} of pytest in all, confirmations included")
    if cost.is_cut:
        said.append("the budget ended the search; a larger --budget goes on")
    return said
