"""One row a failing test, as every CI format needs it: where, what, how bad, and a stable fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from triage.model.base import Value

Level = Literal["new", "regressed", "known", "unknown"]


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
    message: str

    @property
    def fingerprint(self) -> str:
        """The same for the same test and cluster in every run, whatever line or message they have."""
        return hashlib.sha256(
            f"{self.nodeid}\0{self.cluster or ''}".encode("utf-8", "backslashreplace")
        ).hexdigest()


def rows(summary: Mapping[str, Any], prefix: str = "") -> tuple[Row, ...]:
    """Rows of a run's `summary.json`: new and regressed first, then known, by test.

    `prefix` leads from the repository's top to the suite's root, since CI systems count from the top.
    """
    clusters = {cluster["id"]: cluster for cluster in summary["clusters"]}
    found = [row for red in summary["red"] for row in _of(red, clusters, prefix)]
    order = {"new": 0, "regressed": 0, "unknown": 1, "known": 2}
    return tuple(sorted(found, key=lambda row: (order[row.level], row.nodeid, row.cluster or "")))


def _of(red: Mapping[str, Any], clusters: Mapping[str, Mapping[str, Any]], prefix: str) -> Iterator[Row]:
    path, line = _place(red)
    what = red["exception"] + (": " if red["exception"] and red["message"] else "") + red["message"]
    for cluster in _ids(red["clusters"]):
        known = clusters.get(cluster or "", {})
        state = known.get("state")
        yield Row(
            nodeid=red["nodeid"],
            outcome=red["outcome"],
            path=f"{prefix}/{path}" if prefix else path,
            line=line,
            cluster=cluster,
            title=known.get("title", ""),
            level=state if state in ("new", "regressed", "known") else "unknown",
            message=what or red["outcome"],
        )


def _ids(clusters: Sequence[str]) -> Sequence[str | None]:
    return list(clusters) or [None]


def _place(red: Mapping[str, Any]) -> tuple[str, int]:
    """The failing line where it lies in the project, else the start of the test's file."""
    place = red["place"]
    file = red["nodeid"].partition("::")[0]
    path, line = (place["path"], int(place["line"])) if place else (file, 1)
    return path.removeprefix("./") or file, max(1, line)
