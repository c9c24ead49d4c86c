"""Make one row a failing test and cluster, as CI formats need it: where, what, how bad, fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from triage.formats.reported_run import ReportedCause
from triage.model.base import Value
from triage.model.base_commit import BaseVerdict
from triage.model.nodeid import file_of
from triage.model.outcome import Outcome

Level = Literal["new", "regressed", "expired", "known", "unknown"]
"""`expired`: known, and out of quarantine: the gate holds it against the run."""
_ORDER: dict[Level, int] = {"new": 0, "regressed": 0, "expired": 0, "unknown": 1, "known": 2}
"""CI systems cut long lists: what is new comes first."""


class Row(Value):
    """A failing test with the cluster that it counts for."""

    nodeid: str
    outcome: str
    path: str
    """The file in which it is shown: relative, posix."""
    line: int
    cluster: str | None
    title: str
    level: Level
    base: str | None = None
    """What the base says of the test, where the run had one."""
    message: str
    test_path: str = ""
    """The file of the test, where the row is shown in another one."""
    cause: str | None = None
    """What experiments found, in one line."""
    quarantine: dict[str, Any] | None = None
    """Fields of its quarantine, as the summary has them; one that has ended too."""

    @property
    def state(self) -> str:
        """The level, as people read it: that a test is flaky says more than that its cluster is known."""
        if self.quarantine is not None and not self.quarantine["expired"]:
            return "quarantined"
        return "flaky" if self.outcome == Outcome.FLAKY else self.level

    @property
    def headline(self) -> str:
        """The cluster with its standing and its title, as a sentence."""
        subject = self.cluster or "A failure without a cluster"
        is_vouched_for = self.state in ("quarantined", "flaky")
        if self.base is not None and self.quarantine is None and not is_vouched_for:
            standing = f"is {BaseVerdict(self.base).in_words}"
        else:
            standing = _STANDING[self.state]
        return f"{subject} {standing}: {self.title or self.outcome}"

    @property
    def said(self) -> str:
        """What happened to the test; before it, who vouches for it until when, or did."""
        text = f"{self.nodeid}: {self.message}"
        if self.cause is not None:
            text = f"{text}\n{self.cause}"
        return text if self.quarantine is None else f"{self.quarantine['said']}\n{text}"

    @property
    def fingerprint(self) -> str:
        """The same for the same test and cluster in every run, whatever line or message they have."""
        identity = f"{self.nodeid}\0{self.cluster or ''}"
        return hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()


_STANDING = {
    "new": "is new",
    "regressed": "has regressed",
    "expired": "is out of quarantine",
    "unknown": "fails",
    "known": "is known",
    "flaky": "is flaky",
    "quarantined": "is in quarantine",
}
"""What is said of a cluster by the state of its row."""
NO_CAUSES: Mapping[str, ReportedCause] = MappingProxyType({})


def rows(
    summary: Mapping[str, Any], prefix: str = "", causes: Mapping[str, ReportedCause] = NO_CAUSES
) -> tuple[Row, ...]:
    """Make the rows of a run's `summary.json`: new and regressed first, then known, by test.

    `prefix` leads from the repository's top to the suite's root, since CI systems count from the top. A row
    lies at the lines that were proven guilty, else where the failure points.
    """
    clusters = {cluster["id"]: cluster for cluster in summary["clusters"]}
    gate = summary["gate"] or {}
    quarantined = frozenset(gate.get("quarantined", ()))
    found = []
    for red in summary["red"]:
        for row in _of(red, clusters, prefix):
            vouched_for = row.cluster in quarantined  # a warning: the gate lets it pass
            changes: dict[str, Any] = {"level": "known"} if vouched_for else {}
            cause = causes.get(row.cluster or "")
            if cause is not None:
                changes |= _at_cause(cause, prefix)
            found.append(row.model_copy(update=changes))
    return tuple(sorted(found, key=lambda row: (_ORDER[row.level], row.nodeid, row.cluster or "")))


def _at_cause(cause: ReportedCause, prefix: str) -> dict[str, Any]:
    """What a known cause changes of a row: what it says, and where it lies if lines are guilty."""
    changes: dict[str, Any] = {"cause": f"{cause.verdict}: {cause.summary}"}
    if cause.lines is not None:
        path, first, _ = cause.lines
        changes |= {"path": f"{prefix}/{path}" if prefix else path, "line": first}
    return changes


def _of(red: Mapping[str, Any], clusters: Mapping[str, Mapping[str, Any]], prefix: str) -> Iterator[Row]:
    path, line = _place(red)
    message = ": ".join(filter(None, (red["exception"], red["message"])))
    cluster_ids: Sequence[str | None] = red["clusters"] or [None]
    for cluster_id in cluster_ids:
        cluster = clusters.get(cluster_id or "", {})
        state = cluster.get("state")
        of_cluster = cluster.get("quarantine") or {}
        # of runs of older versions nobody has said whether it had ended
        quarantine = red.get("quarantine") if "expired" in (red.get("quarantine") or {}) else None
        has_ended = of_cluster.get("expired", False)
        yield Row(
            nodeid=red["nodeid"],
            outcome=red["outcome"],
            path=f"{prefix}/{path}" if prefix else path,
            line=line,
            cluster=cluster_id,
            title=cluster.get("title", ""),
            level="expired" if has_ended else _level(state, red.get("base")),
            base=red["base"]["verdict"] if red.get("base") else None,
            test_path="/".join(filter(None, (prefix, file_of(red["nodeid"])))),
            message=message or red["outcome"],
            quarantine=quarantine,
        )


def _level(state: str | None, base: Mapping[str, Any] | None) -> Level:
    """How bad a failing test is: as the base has it, else as the record of earlier runs has it."""
    verdict = base["verdict"] if base else None
    if verdict == BaseVerdict.RED or state == "flaky":
        return "known"  # a warning either way; the outcome of the row says which
    blames_change = verdict in (BaseVerdict.BROKEN, BaseVerdict.ABSENT)
    match state:
        case "new" | "regressed":
            return state
        case "known":
            return "new" if blames_change else "known"
        case _:
            return "unknown"


def _place(red: Mapping[str, Any]) -> tuple[str, int]:
    """The failing line where it lies in the project, else the start of the test's file."""
    place = red["place"]
    file = file_of(red["nodeid"])
    path, line = (place["path"], int(place["line"])) if place else (file, 1)
    return path.removeprefix("./") or file, max(1, line)
