"""Every command with its module and its line in the help: read without importing any of them."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a command lives, what it does, and the heading it stands under."""

    module: str
    summary: str
    group: str


TABLE: dict[str, Entry] = {
    "init": Entry("init", "Write [tool.triage], the ledgers and .gitattributes.", "Set up"),
    "config": Entry("config", "Print each setting with its value and its origin.", "Set up"),
    "doctor": Entry("doctor", "Say what is wrong with machine, settings and ledgers.", "Set up"),
    "demo": Entry("demo", "Play the first campaign, red to resolved, in its own repository.", "Set up"),
    "run": Entry("run", "Phase A: run the suite in chunks and cluster what failed.", "Run"),
    "import": Entry("import_", "Read JUnit XML, JSON reports, logs as if they were a run.", "Run"),
    "collect": Entry("collect", "Join the shards of one run.", "Run"),
    "results": Entry("results", "Every planned test with its one outcome.", "Look"),
    "clusters": Entry("clusters", "Clusters with members and the evidence for each join.", "Look"),
    "explain": Entry("explain", "Why these failures are together; why this one is (not) in it.", "Look"),
    "show": Entry("show", "All that is known of one cluster.", "Look"),
    "status": Entry("status", "Where the campaign stands.", "Look"),
    "next": Entry("next", "What to do next, computed from the state.", "Look"),
    "history": Entry("history", "How one test fared over the runs.", "Look"),
    "diff": Entry("diff", "What changed between two runs.", "Look"),
    "report": Entry("report", "HTML, GitHub, GitLab, SARIF, CTRF, JUnit.", "Look"),
    "probe": Entry("probe", "Phase B: find the root cause by controlled experiment.", "Remedy"),
    "design": Entry("design", "Phase C: compare repairs by running them.", "Remedy"),
    "verify": Entry("verify", "Phase D: run the exit criteria; resolve what meets them.", "Remedy"),
    "check": Entry("check", "Recompute every number that a document states.", "Remedy"),
    "merge": Entry("merge", "Decide that clusters have one cause.", "Decide"),
    "split": Entry("split", "Decide that some members have another cause.", "Decide"),
    "assign": Entry("assign", "Say who takes care of a cluster.", "Decide"),
    "rename": Entry("rename", "Give a cluster a better title.", "Decide"),
    "help": Entry("help_", "Explain an error by its slug.", "Help"),
}
