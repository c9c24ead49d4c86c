"""What is known beside a run's failures when they are clustered: checkout, earlier runs, experiments,
people's rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from triage.cluster.book import Book
from triage.cluster.context import Context, Past
from triage.cluster.rules import SOURCE, Rules, parse_rules
from triage.errors import TriageError, UsageError
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster
from triage.model.run import RunRecord
from triage.phase.tools import Tools
from triage.phase.trials import first_bad_of, flips_of, of_run, trials_of
from triage.signature.api import title_of

_TESTS_LOOKED_UP = 500
_RUNS_LOOKED_AT = 30


def rules_of(root: Path, today: date, book: Book) -> Rules:
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
    rules.check_clusters(book)
    return rules


def context_of(tools: Tools, record: RunRecord, book: Book) -> Context:
    """Checkout, history and experiments; without a usable history the others alone."""
    red = [r.nodeid for r in (*record.results, *record.collect_errors) if r.outcome.is_red]
    trials = of_run(trials_of(tools.root), record, book, tools.sign)
    return Context(
        exists=lambda path: in_checkout(tools.root, path),
        history=_history(tools, record.stamp, red),
        first_bad=first_bad_of(trials),
        flips=flips_of(trials),
        title_of=title_of,
        last_seen=_last_seen(tools.root, record.stamp, book),
    )


def _last_seen(root: Path, stamp: str, book: Book) -> Mapping[str, str]:
    """Cluster id to the STAMP of the last run before `stamp` that showed it, as the latest such run says.

    A trial run without ledgers may have called another cluster so: the signatures must be the journal's.
    """
    for folder in reversed(EvidenceFolder.all(root, phase="a")):
        if folder.stamp < stamp:
            try:
                rows = json.loads((folder.path / "clusters.json").read_bytes())["clusters"]
                return _by_id(map(Cluster.model_validate, rows), book)
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return {}


def _by_id(clusters: Iterable[Cluster], book: Book) -> dict[str, str]:
    found: dict[str, str] = {}
    for cluster in clusters:
        if cluster.last_seen is not None and cluster.id in book.clusters:
            known = book.cluster(cluster.id)
            if set(known.signatures) & set(cluster.signatures):
                found[known.id] = max(cluster.last_seen, found.get(known.id, ""))
    return found


def in_checkout(root: Path, path: str) -> bool:
    """Whether a relative path that a failure names lies in the project."""
    if path.startswith(("/", "~")) or ".." in path.split("/") or len(path) > 300 or "\0" in path:
        return False
    try:
        return (root / path).exists()
    except OSError:
        return False


def _history(tools: Tools, stamp: str, red: Iterable[str]) -> Mapping[str, tuple[Past, ...]]:
    """Earlier colours of the first few hundred red tests, oldest first."""
    found: dict[str, tuple[Past, ...]] = {}
    try:
        store = tools.open_store()
        for nodeid in sorted(red)[:_TESTS_LOOKED_UP]:
            rows = [row for row in store.history(nodeid, _RUNS_LOOKED_AT) if row.stamp < stamp]
            found[nodeid] = tuple(Past(row.stamp, row.outcome.is_red) for row in reversed(rows))
        store.close()
    except TriageError as error:
        tools.progress.note(f"clustered without earlier runs: {error}")
    return found
