"""Why failures are one cluster, in a sentence."""

from __future__ import annotations

from typing import get_args

from triage.cluster.why_words import CLAUSES, reason_in_words
from triage.model.cluster import Why, WhyKind


def test_every_kind_of_evidence_has_its_words():
    assert set(CLAUSES) == set(get_args(WhyKind))


def test_a_reason_is_a_sentence_and_a_proposal_says_that_it_is_one():
    joined = Why(kind="exception", detail="KeyError")
    proposed = Why(kind="experiment", detail="both pass with env:MODE=null", proposal=True)
    assert reason_in_words(joined) == "together because all raised KeyError"
    assert (
        reason_in_words(proposed) == "proposed because an experiment shows it: both pass with env:MODE=null"
    )
