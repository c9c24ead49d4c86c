"""Which documents each command prints with --json, by name; a class is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from triage.cli.json_documents.base import Document

_BASE, _RUNS, _CLUSTERS, _PROJECT, _PHASES = "base", "runs", "clusters", "project", "phases"

DOCUMENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "assign": ((_CLUSTERS, "ClusterDocument"),),
    "check": ((_PROJECT, "CheckDocument"),),
    "clusters": ((_CLUSTERS, "ClustersDocument"), (_CLUSTERS, "RulesPreviewDocument")),
    "collect": ((_RUNS, "CollectDocument"),),
    "config": ((_PROJECT, "ConfigDocument"),),
    "design": ((_PHASES, "DesignDocument"), (_PHASES, "DesignsDocument")),
    "diff": ((_RUNS, "DiffDocument"),),
    "doctor": ((_PROJECT, "DoctorDocument"),),
    "error": ((_BASE, "ErrorDocument"),),
    "explain": ((_CLUSTERS, "ExplainDocument"),),
    "flaky": ((_RUNS, "FlakyDocument"),),
    "history": ((_RUNS, "HistoryDocument"),),
    "hunt": ((_PHASES, "HuntDocument"),),
    "import": ((_RUNS, "ImportDocument"),),
    "init": ((_PROJECT, "InitDocument"),),
    "merge": ((_CLUSTERS, "ClusterDocument"),),
    "next": ((_PROJECT, "NextDocument"),),
    "probe": ((_PHASES, "ProbeDocument"), (_PHASES, "JointDocument")),
    "prune": ((_PROJECT, "PruneDocument"),),
    "quarantine": (
        (_CLUSTERS, "QuarantinesDocument"),
        (_CLUSTERS, "QuarantineDocument"),
        (_CLUSTERS, "LiftedDocument"),
    ),
    "rename": ((_CLUSTERS, "ClusterDocument"),),
    "results": ((_RUNS, "ResultsDocument"),),
    "run": ((_RUNS, "RunDocument"), (_RUNS, "NothingFailedDocument")),
    "schema": ((_PROJECT, "SchemasDocument"),),
    "show": ((_CLUSTERS, "ShowDocument"), (_CLUSTERS, "ShowTestDocument")),
    "split": ((_CLUSTERS, "SplitDocument"), (_CLUSTERS, "ApartDocument")),
    "status": ((_PROJECT, "StatusDocument"),),
    "verify": ((_PHASES, "VerificationDocument"), (_PHASES, "VerificationsDocument")),
}
"""Command to the module and the class of each form of its answer; `error` is any command's."""


def document_classes(name: str) -> tuple[type[Document], ...]:
    """The forms of one command's document. Raises KeyError for a name that has none."""
    found = []
    for module, class_name in DOCUMENTS[name]:
        imported = import_module(f"triage.cli.json_documents.{module}")
        found.append(getattr(imported, class_name))
    return tuple(found)
