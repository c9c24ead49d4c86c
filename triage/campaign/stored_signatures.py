"""`signatures.json` of a run: the signature and cluster of each failure, without the failures themselves.

`triage explain` reads it: a run with 20,000 failures has tens of megabytes of texts that it does not need.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from triage.campaign.recorded import read_failures
from triage.errors import VoidError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.model.failure import Failure
from triage.model.run import RunRecord
from triage.model.signature import Signature

if TYPE_CHECKING:
    from triage.cluster.assign import Assignment

DOCUMENT = "signatures.json"


class Placed(NamedTuple):
    """One failure of a run: its test, its current signature, its cluster."""

    nodeid: str
    signature: str
    cluster: str


@dataclass(frozen=True)
class StoredSignatures:
    """What a run has of the signatures of its failures."""

    failures: tuple[Placed, ...]
    """By node id."""
    fields: Mapping[str, Mapping[str, str]]
    """Signature id to what was hashed into it, by name; empty for a run that an older triage wrote."""

    def members(self, clusters: Iterable[str]) -> dict[str, list[Signature]]:
        """Node id to the signatures of its failures that are in one of these clusters."""
        wanted = set(clusters)
        made: dict[str, Signature] = {}
        found: dict[str, list[Signature]] = defaultdict(list)
        for placed in self.failures:
            if placed.cluster in wanted:
                if placed.signature not in made:
                    made[placed.signature] = self._signature(placed.signature)
                found[placed.nodeid].append(made[placed.signature])
        return dict(found)

    def clusters_of(self, nodeid: str) -> list[str]:
        """The clusters of a test's failures, each once."""
        return list(dict.fromkeys(placed.cluster for placed in self.failures if placed.nodeid == nodeid))

    def _signature(self, signature_id: str) -> Signature:
        """The signature with its fields."""
        return Signature(id=signature_id, title="", fields=dict(self.fields.get(signature_id, {})))


def failures_by_cluster(record: RunRecord, stored: StoredSignatures) -> dict[str, list[Failure]]:
    """The failures of a run by the cluster that it put them in, in the order of the record."""
    clusters_of: Mapping[str, list[str]] = defaultdict(list)
    for placed in stored.failures:
        clusters_of[placed.nodeid].append(placed.cluster)
    found: dict[str, list[Failure]] = defaultdict(list)
    position: dict[str, int] = defaultdict(int)
    for failure in record.failures:
        index = position[failure.nodeid]
        position[failure.nodeid] += 1
        clusters = clusters_of.get(failure.nodeid, [])
        if index < len(clusters):
            found[clusters[index]].append(failure)
    return dict(found)


def write_signatures(folder: EvidenceFolder, assignment: Assignment) -> None:
    """Write the document of a run."""
    rows = []
    for (nodeid, index), cluster in sorted(assignment.cluster_of.items()):
        signatures = assignment.signatures_of.get((nodeid, index), ())
        if signatures:
            rows.append(Placed(nodeid, signatures[0], cluster))
    folder.write_json(DOCUMENT, {"stamp": folder.stamp, "fields": assignment.fields_of, "failures": rows})


def read_signatures(folder: EvidenceFolder) -> StoredSignatures:
    """Read the document; of a run without one what its `failures.json` says.

    Raises `VoidError` (bad-evidence) where it is damaged.
    """
    path = folder.path / DOCUMENT
    if not path.is_file():
        return StoredSignatures(_from_failures(folder), {})
    try:
        document = json.loads(read_record_bytes(path))
        failures = tuple(Placed(*row) for row in document["failures"])
        return StoredSignatures(failures, document["fields"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VoidError(
            "bad-evidence", f"{path}: {error}", "'triage check' tells what was changed"
        ) from error


def _from_failures(folder: EvidenceFolder) -> tuple[Placed, ...]:
    rows = read_failures(folder.path)
    return tuple(
        Placed(row.nodeid, row.signature, row.cluster) for row in rows if row.signature and row.cluster
    )
