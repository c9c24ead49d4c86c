"""Say in a sentence why failures are one cluster: `together because all raised KeyError`."""

from __future__ import annotations

from collections.abc import Mapping

from triage.model.cluster import Why, WhyKind

CLAUSES: Mapping[WhyKind, str] = {
    "exception": "all raised",
    "chain": "the same other exception stands behind each:",
    "message": "the failures say alike:",
    "frame": "all lead to the same code:",
    "file": "all lead to the same file:",
    "line": "the same line fails:",
    "comparison": "the comparison fails in the same way:",
    "parameter": "they share a parameter:",
    "process-state": "they share the state of their process:",
    "co-failure": "they broke at the same commit:",
    "experiment": "an experiment shows it:",
    "signature": "it is a known failure:",
    "move": "a file was renamed:",
    "rule": "a rule of this project says so:",
    "person": "a person decided it:",
}
"""What stands between `because` and the detail of the evidence; a detail may be a name or half a sentence."""


def reason_in_words(why: Why) -> str:
    """Return the reason as a sentence: `together because all raised KeyError`; a proposal is called one."""
    beginning = "proposed because" if why.proposal else "together because"
    return f"{beginning} {CLAUSES[why.kind]} {why.detail}"
