"""Hand in what may be known beside the failures themselves: the checkout, the run's other outcomes,
experiments. All of it is optional; each adds evidence and none is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from triage.cluster.chance import Chance
from triage.cluster.suspicion import Suspicions
from triage.model.failure import Failure
from triage.model.journal import Relocation
from triage.model.outcome import Outcome


def _nothing_is_there(path: str) -> bool:
    return False


def _nothing_moved() -> Sequence[Relocation]:
    return ()


def _nobody_compared(old: str, new: str) -> bool:
    return False


@dataclass(frozen=True)
class Flip:
    """What one changed factor did to failing tests: an experiment whose control behaved."""

    factor: str
    """As `--factor` takes it: KIND:NAME=VALUE; of an order, which tests were left out or put before."""
    flipped: frozenset[str]
    """Node ids that failed without and passed with it."""
    unmoved: frozenset[str]
    """Node ids that failed with it too."""
    evidence: str = ""
    """Where the observations lie."""
    cluster: str | None = None
    """The cluster whose failure was experimented on, by its id then; None: whichever has the tests."""
    said: str = ""
    """What it showed, as a sentence with its evidence; empty where the factor says it."""


@dataclass(frozen=True)
class Context:
    """Handed to `assign`."""

    exists: Callable[[str], bool] = _nothing_is_there
    """Whether a relative path is in the checkout."""
    moved_files: Callable[[], Sequence[Relocation]] = _nothing_moved
    """Files renamed since the known clusters were seen; asked for only where something is missing or new."""
    is_same_test: Callable[[str, str], bool] = _nobody_compared
    """Whether a test that is gone and one that is there (node ids without parameters) have one body."""
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """Of every planned test of this run."""
    earlier_stamps: tuple[str, ...] = ()
    """Runs whose red tests alone this one executed: what was new in them is still new."""
    first_bad: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Node id to the commits of which one broke it."""
    flips: tuple[Flip, ...] = ()
    suspicions: Suspicions = field(default_factory=Suspicions)
    """What the traced run of the red tests says of their causes."""
    chance: Chance = field(default_factory=Chance)
    """What is on record of flaky tests; `assign` adds the results of the run."""
    title_of: Callable[[Failure], str] | None = None
    """One line for people about one failure; None: what its signature says."""
    last_seen: Mapping[str, str] = field(default_factory=dict)
    """Cluster id to the STAMP of the latest earlier run that showed it: the journal has only news."""
