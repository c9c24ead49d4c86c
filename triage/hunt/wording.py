"""What a hunt says to people: of each latent test a sentence, of the whole its coverage and cost. Pure."""

from __future__ import annotations

from triage.hunt.coverage import share
from triage.hunt.document import HuntReport
from triage.hunt.proof import Proof
from triage.text.plural import counted_noun

_MOST_LEFT = 4
"""Arms that are named where the budget had no time for them."""


def summary_of(proof: Proof) -> str:
    """The cause as a clause, with what leaks and who writes it."""
    named = " and ".join(proof.culprits)
    others = "".join(f"; so it does after {' and '.join(tests)}" for tests in proof.more)
    match proof.dependence:
        case "polluted":
            together = ": it needs all of them" if len(proof.culprits) > 1 else ""
            text = f"it passes alone and fails after {named}{together}{others}"
        case "brittle":
            others = others.replace("so it does", "it passes too")
            what = "beside the import of" if proof.is_by_import else "after"
            text = f"it fails alone and passes {what} {named}, which makes what it needs{others}"
        case "not-idempotent":
            when = "the second time" if proof.culprits == (proof.nodeid,) else "the second time its file runs"
            text = f"it passes once and fails {when} in one process: it leaves something behind"
        case _:
            text = f"it passes as it stands and fails {in_or_with(named)}"
    if proof.leaked is not None:
        text += f"; what leaks is {', '.join(proof.leaked.shown)}: with that restored it passes"
    if proof.writer is not None:
        text += f"; {proof.writer.sentence}"
    return text


def in_or_with(factor: str) -> str:
    """A factor behind a verb: `with another folder`, `in twenty years`."""
    return factor if factor.startswith("in ") else f"with {factor}"


def claim_of(report: HuntReport) -> str:
    """The result in one sentence."""
    tests = len({nodeid for each in report.latent for nodeid in each.tests})
    clusters = len({each.cluster for each in report.latent})
    verb = "was" if tests == 1 else "were"
    hunted = counted_noun(report.tests, "test")
    if not tests:
        return f"Of {hunted} none was shown to be flaky."
    return f"Of {hunted} {tests} {verb} shown to be flaky ({counted_noun(clusters, 'cluster')})."


def coverage_in_words(report: HuntReport) -> tuple[str, ...]:
    """How much of what could be tried has been tried."""
    cover = report.coverage
    covered = (
        f"covered: {share(cover.covered_pairs, cover.pairs):.0%} of ordered pairs of tests, "
        f"{share(cover.covered_file_pairs, cover.file_pairs):.0%} of files side by side, "
        f"{share(cover.alone, report.tests):.0%} of tests alone, "
        f"{share(cover.twice, report.tests):.0%} twice; {counted_noun(len(cover.factors), 'factor')}"
    )
    lines = [covered]
    if report.not_tried:
        named = ", ".join(report.not_tried[:_MOST_LEFT])
        more = len(report.not_tried) - _MOST_LEFT
        named += f" and {more} more" if more > 0 else ""
        lines.append(f"no time: for {named}; --budget {report.seconds_for_all:.0f} has it, or the next hunt")
    return tuple(lines)


def cost_in_words(report: HuntReport) -> str:
    """What it took."""
    cost = report.cost
    return (
        f"{cost.processes} processes ({cost.experiments} of them in experiments), "
        f"{counted_noun(cost.executions, 'test execution')}, "
        f"{cost.seconds:.1f} s of {cost.budget:.0f} s"
    )
