"""For which share of seeds a test fails, and which product lines all failing seeds run and no passing one.

That one seed passes proves nothing. Over twenty seeds a share can be stated; and where the failing ones are
those whose numbers lead through certain lines of the product, the input is random and the fault lies there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from triage.lab.lost_lines import Lines, executed_lines
from triage.lab.protocol import Answer, Observation, Setup, Step
from triage.model.failure import is_test
from triage.model.rate import wilson
from triage.probe.api import Case, Finding, look
from triage.probe.set_order import HASH_SEED
from triage.probe.symptoms import uses

COUNTED_SEEDS = 20
_LEAST_EACH = 3
"""Failing and passing seeds that must be on record before lines are said to tell them apart."""
_MOST_LINES = 6


@dataclass(frozen=True)
class SeedShare:
    """What a number of seeds gave."""

    failed: int
    total: int
    telling_lines: tuple[str, ...] = ()
    """Product lines (`path:line`) that every failing seed runs and no passing one."""
    of_hashes: bool = False
    """Whether the seeds are those of hashing, and no numbers are drawn from them."""

    @property
    def sentence(self) -> str:
        """The share with its interval, and what it leaves open."""
        low, high = wilson(self.failed, self.total)
        share = f"it fails for {self.failed} of {self.total} seeds"
        counted = f"{share} ({self.failed / self.total:.0%}, at 95 % {low:.0%} to {high:.0%})"
        if self.telling_lines:
            return f"{counted}, exactly those that lead through {', '.join(self.telling_lines)}"
        if self.of_hashes:
            return f"{counted}: the product or the test relies on the order of a set, or on a hash"
        return f"{counted}: the product, or the tolerance of the test, is wrong for their numbers"


def share_of_seeds(
    case: Case, setup_with: Callable[[int], Setup], known: Mapping[int, bool]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], SeedShare]:
    """Run more seeds, under the meter of lines, until twenty are counted; `known` tells which failed."""
    unused = [seed for seed in range(2 * COUNTED_SEEDS) if seed not in known]
    more = unused[: max(0, COUNTED_SEEDS - len(known))]
    setups = [setup_with(seed).measuring("lines") for seed in more]
    runs = yield from look(*setups, why="for which share of seeds it fails")
    failed = sum(known.values()) + sum(run.red(case.nodeid) for run in runs)
    telling = _telling_lines(case, runs)
    of_hashes = any(HASH_SEED in setup.env for setup in setups)
    return SeedShare(failed, len(known) + len(runs), telling, of_hashes)


def with_share(finding: Finding, share: SeedShare) -> Finding:
    """The finding with the share of seeds; a product defect where lines of the product tell them apart."""
    assert finding.cause is not None
    changes: dict[str, object] = {"summary": f"{finding.cause.summary}; {share.sentence}"}
    if share.telling_lines:
        changes["kind"] = "product-defect"
        changes["culprits"] = (*share.telling_lines, *finding.cause.culprits)
    return finding.model_copy(update={"cause": finding.cause.model_copy(update=changes)})


def _telling_lines(case: Case, runs: Sequence[Observation]) -> tuple[str, ...]:
    """Lines that every failing run executes and no passing one.

    None where the product itself draws the numbers: which way it takes is chance then, and no fault.
    """
    drawn = [str(line.get("where", "")).rpartition(":")[0] for line in uses(case, "random")]
    if not drawn or not all(is_test(path) for path in drawn):
        return ()
    failing = [executed_lines(run, case.nodeid) for run in runs if run.red(case.nodeid)]
    passing = [executed_lines(run, case.nodeid) for run in runs if run.passed(case.nodeid)]
    if min(len(failing), len(passing)) < _LEAST_EACH:
        return ()
    found = []
    for path in sorted(failing[0]):
        common = frozenset.intersection(*(_of(lines, path) for lines in failing))
        others = frozenset().union(*(_of(lines, path) for lines in passing))
        found += [f"{path}:{line}" for line in sorted(common - others)]
    return tuple(found[:_MOST_LINES])


def _of(lines: Lines, path: str) -> frozenset[int]:
    return lines.get(path, frozenset())
