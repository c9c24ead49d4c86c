"""Failures with one cause, and why they are held to have it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

from pydantic import field_validator

from triage.model.base import Value
from triage.model.base_commit import BaseVerdict
from triage.model.quarantine import Quarantine

_CLUSTER_ID = re.compile(r"C[1-9][0-9]*")

WhyKind = Literal[
    "signature", "frame", "message", "exception", "comparison", "chain", "file", "line", "parameter",
    "process-state", "co-failure", "rule", "experiment", "person", "move",
]  # fmt: skip


def is_cluster_id(text: str) -> bool:
    """Whether a text has the form of a cluster id: C19."""
    return _CLUSTER_ID.fullmatch(text) is not None


class ClusterStatus(StrEnum):
    """Where a cluster stands in its campaign."""

    OPEN = "open"
    PROBED = "probed"
    DESIGNED = "designed"
    RESOLVED = "resolved"
    MERGED = "merged"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done about it."""
        return self not in (ClusterStatus.RESOLVED, ClusterStatus.MERGED)


class RunState(StrEnum):
    """What one run says of a cluster."""

    NEW = "new"
    KNOWN = "known"
    FLAKY = "flaky"
    """Seen, and each of its tests is flaky: red and green in this run, or red as its recorded rate lets
    happen; or not seen, and not passed often enough for that rate."""
    REGRESSED = "regressed"
    """Resolved before and seen again; or flaky before, and red now more often than chance lets happen."""
    FIXED = "fixed"
    SKIPPED = "skipped"
    LATENT = "latent"
    """A hunt showed its tests red under a stated factor; as they stand they are green, in this run too."""
    NOT_COLLECTED = "not_collected"
    NOT_RUN = "not_run"

    @property
    def is_seen(self) -> bool:
        """Whether the run (or of flaky tests, their record) shows the cluster's failure."""
        return self.is_unexplained or self in (RunState.KNOWN, RunState.FLAKY)

    @property
    def is_unexplained(self) -> bool:
        """Whether the run showed what nobody expects: the gate fails under every policy."""
        return self in (RunState.NEW, RunState.REGRESSED)


class Why(Value):
    """One piece of evidence for a join."""

    kind: WhyKind
    detail: str
    proposal: bool = False
    """A proposal joins nothing until somebody or an experiment confirms it."""
    confirm: str | None = None
    """The command that would confirm it."""


class Cluster(Value):
    """A cluster as the journal knows it, with its members in one run."""

    id: str
    title: str
    status: ClusterStatus = ClusterStatus.OPEN
    state_in_run: RunState | None = None
    signatures: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    why: tuple[Why, ...] = ()
    owner: str | None = None
    first_seen: str | None = None
    last_seen: str | None = None
    latent: bool = False
    """Whether it was opened by a hunt: its tests are green as they stand."""
    may_be_lucky: bool = False
    """Not seen in the run, and not passed often enough for its recorded failure rate to be called fixed."""
    quarantine: Quarantine | None = None
    """Of the cluster, or the one that ends first where all of its tests have one; ended ones too."""
    aliases: tuple[str, ...] = ()
    """Ids that were merged into this one."""
    base: BaseVerdict | None = None
    """What the base says of its members in this run; None where the run had no base."""

    @field_validator("id")
    @classmethod
    def _well_formed(cls, text: str) -> str:
        if not is_cluster_id(text):
            raise ValueError(f"{text!r} is not a cluster id such as C19")
        return text

    @property
    def is_seen(self) -> bool:
        """Whether the run showed the cluster's failure."""
        return self.state_in_run is not None and self.state_in_run.is_seen and not self.may_be_lucky

    @property
    def is_unexplained(self) -> bool:
        """Whether the gate holds the cluster against the run under every policy.

        What the base says goes before what is stored: a base that has the failure excuses a new cluster, and
        a known one is not excused where the change broke its tests.
        """
        state = self.state_in_run
        if state is None or not self.is_seen or state is RunState.FLAKY:
            return False
        if self.base is None or self.base is BaseVerdict.UNDECIDED:
            return state.is_unexplained
        return self.base.blames_change

    @property
    def number(self) -> int:
        """19 for C19."""
        return int(self.id[1:])
