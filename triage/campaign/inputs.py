"""What clustering may use beside a run's failures: people's rules, checkout, experiments, what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from triage.campaign.experiments import first_bad_of, flips_of, tried_factors, tried_on_failures_of
from triage.campaign.flaky_tests import flaky_records, records_on_commit
from triage.campaign.moved import MovedFiles
from triage.campaign.services import Services
from triage.cluster.chance import Chance
from triage.cluster.context import Context
from triage.cluster.registry import ClusterRegistry
from triage.cluster.rules import SOURCE, Rules
from triage.cluster.rules_file import parse_rules
from triage.cluster.suspicion import Suspicions
from triage.errors import TriageError, UsageError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.model.base import reason_of
from triage.model.cluster import Cluster
from triage.model.failure import Failure
from triage.model.look import DOCUMENT, LookDocument
from triage.model.look import FOLDER as LOOK
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

_MOST_TESTS = 500
"""Red tests whose history is looked up; so many red at once have a cause that needs no history."""
_MOST_RUNS = 30
"""Earlier runs of each."""
_LONGEST_PATH = 300
"""Characters of a path in a failure; a longer text is no path."""


def _title_of(failure: Failure) -> str:
    """As `title_of`, which is imported for the first failure: most runs have none."""
    from triage.signature.title import title_of

    return title_of(failure)


def rules_of(root: Path, today: date, registry: ClusterRegistry) -> Rules:
    """The rules of the project; none where there is no file.

    Raises `UsageError` (bad-rules) for a file with anything wrong in it, or that names an unknown cluster.
    """
    path = root / SOURCE
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return Rules()
    except OSError as error:
        raise UsageError("bad-rules", f"{path}: {error.strerror}", "make the file readable") from error
    rules = parse_rules(text, today=today)
    rules.check_clusters(registry)
    return rules


def context_of(services: Services, record: RunRecord, registry: ClusterRegistry) -> Context:
    """Checkout, experiments, the look at red tests, and what is on record of flaky ones."""
    tried = tried_on_failures_of(record, tried_factors(services.output), registry, services.signer)
    moved = MovedFiles(services.root, services.output, record.stamp, registry)
    return Context(
        moved_files=moved,
        is_same_test=moved.is_same_test,
        exists=lambda path: in_checkout(services.root, path),
        first_bad=first_bad_of(tried),
        flips=flips_of(tried),
        suspicions=Suspicions(_look_of(services, record)),
        chance=Chance(
            records=flaky_records(services, registry, before=record.stamp),
            on_commit=records_on_commit(services, record, registry),
        ),
        title_of=_title_of,
        last_seen=_last_seen(services.output, record.stamp, registry),
    )


def _look_of(services: Services, record: RunRecord) -> LookDocument:
    """What the traced run of these tests has shown; empty where there was none."""
    for folder in EvidenceFolder.all(services.output, phase="a"):
        if folder.stamp == record.stamp and folder.campaign == record.campaign:
            return read_look(folder.path, services.progress.note)
    return LookDocument()


def read_look(folder: Path, note: Callable[[str], None]) -> LookDocument:
    """The document of a traced run in a STAMP folder; a damaged one is as none, and is said."""
    path = folder / LOOK / DOCUMENT
    if not path.is_file():
        return LookDocument()
    try:
        return LookDocument.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        note(f"clustered without the traced run: {LOOK}/{DOCUMENT}: {reason_of(error)}")
        return LookDocument()


def outcomes_at(services: Services, nodeids: Iterable[str], commit: str) -> Mapping[str, Outcome]:
    """The newest outcome of each test that the history has of a commit without uncommitted changes."""
    found: dict[str, Outcome] = {}
    try:
        store = services.open_store()
        for nodeid in sorted(nodeids)[:_MOST_TESTS]:
            rows = store.history(nodeid, _MOST_RUNS)
            at_commit = [row.outcome for row in rows if row.commit == commit and row.dirty is False]
            if at_commit:
                found[nodeid] = at_commit[0]
        store.close()
    except TriageError as error:
        services.progress.note(f"the base is asked without earlier runs: {error}")
    return found


def _last_seen(root: Path, stamp: str, registry: ClusterRegistry) -> Mapping[str, str]:
    """Cluster id to the STAMP of the last run before `stamp` that showed it, as the latest such run says."""
    for folder in reversed(EvidenceFolder.all(root, phase="a")):
        if folder.stamp >= stamp:
            continue
        try:
            rows = json.loads(read_record_bytes(folder.path / "clusters.json"))["clusters"]
            return _by_registered_id([Cluster.model_validate(row) for row in rows], registry)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return {}


def _by_registered_id(clusters: Iterable[Cluster], registry: ClusterRegistry) -> dict[str, str]:
    """Last STAMPs by the ids of the journal.

    A run without ledgers may have given the id to another cluster: only one that shares a signature with
    the journal's counts.
    """
    found: dict[str, str] = {}
    for cluster in clusters:
        if cluster.last_seen is None or cluster.id not in registry.clusters:
            continue
        known = registry.cluster(cluster.id)
        if set(known.signatures) & set(cluster.signatures):
            found[known.id] = max(cluster.last_seen, found.get(known.id, ""))
    return found


def in_checkout(root: Path, path: str) -> bool:
    """Whether a relative path that a failure names lies in the project."""
    leaves_project = path.startswith(("/", "~")) or ".." in path.split("/")
    is_no_path = len(path) > _LONGEST_PATH or "\0" in path
    if leaves_project or is_no_path:
        return False
    try:
        return (root / path).exists()
    except OSError:
        return False
