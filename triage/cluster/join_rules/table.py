"""List the rules by which evidence joins failures.

To join failures by something else, write a rule in a file beside this one, give it a row here with the reason
why what it finds speaks for one cause, and a row in `docs/clustering.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.experiments import flipped_together
from triage.cluster.join_rules.history import first_bad
from triage.cluster.join_rules.places import same_code, same_line, same_none, same_site
from triage.cluster.join_rules.process_state import process_state, same_folder
from triage.cluster.join_rules.product import same_culprit, same_giver, same_symptom
from triage.cluster.join_rules.values import (
    same_difference,
    same_factor,
    same_kind_given,
    same_values,
    same_words_changed,
)
from triage.cluster.join_rules.words import same_cause
from triage.cluster.union import Join


class JoinRule(NamedTuple):
    """One kind of evidence that failures have one cause."""

    name: str
    find: Callable[[Sequence[Unit], Context], Iterator[Join]]
    """Joins and proposals among the units of one run, in time linear in their number."""
    reason: str
    """Why what it finds speaks for one cause."""


JOIN_RULES = (
    JoinRule("flipped together", flipped_together, "one change mended all of them: an experiment proves it"),
    JoinRule("same culprit", same_culprit, "one line that red tests execute and green ones do not"),
    JoinRule("same symptom", same_symptom, "one function that gives what is wrong in one way"),
    JoinRule("same giver", same_giver, "without a line to blame, what gave the wrong values is nearest"),
    JoinRule("same cause", same_cause, "who wraps it differs by caller; what names an object is worded once"),
    JoinRule("same difference", same_difference, "chance does not bring one odd difference twice"),
    JoinRule("same factor", same_factor, "a lost unit or factor is wrong by the same ratio in every result"),
    JoinRule("same values", same_values, "chance does not bring one wrong value for one right value twice"),
    JoinRule("same words changed", same_words_changed, "one word exchanged in the product is in every text"),
    JoinRule("same kind given", same_kind_given, "another kind of value fails all tests of its function"),
    JoinRule("same None", same_none, "a function that returns too little fails all its callers"),
    JoinRule("same site", same_site, "one line of the product that raises has one fault, mostly"),
    JoinRule("same line", same_line, "one assertion fails alike for many parameters"),
    JoinRule("same code", same_code, "the same line of a test file fails alike, and nothing better is known"),
    JoinRule("same folder", same_folder, "a folder that is not there takes all its files along"),
    JoinRule("process state", process_state, "tests of one process, or of one machine, share its state"),
    JoinRule("first bad commit", first_bad, "one commit broke all of them"),
)  # fmt: skip
"""In no order of importance: joins are carried out strongest kind first, see `union.STRENGTH`."""
