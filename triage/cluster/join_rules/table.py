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
from triage.cluster.join_rules.history import co_failure, first_bad
from triage.cluster.join_rules.parameters import parameter_axis
from triage.cluster.join_rules.places import same_code, same_line, same_none, same_site, same_subject
from triage.cluster.join_rules.process_state import process_state, same_folder
from triage.cluster.join_rules.product import same_culprit, same_giver, same_symptom
from triage.cluster.join_rules.values import (
    near_decades,
    same_difference,
    same_factor,
    same_kind_given,
    same_values,
    same_words_changed,
)
from triage.cluster.join_rules.words import same_cause, same_message, same_note, similar_wording
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
    JoinRule("same message", same_message, "nobody words a message twice that names an object of the code"),
    JoinRule("same note", same_note, "a note is added at one place, whatever passed there"),
    JoinRule("same cause", same_cause, "wrappings differ by caller; what they wrap was raised once"),
    JoinRule("similar wording", similar_wording, "one format string with other values in quotations"),
    JoinRule("near decades", near_decades, "noise moves an error over the border of a decade"),
    JoinRule("same difference", same_difference, "chance does not bring one odd difference twice"),
    JoinRule("same factor", same_factor, "a lost unit or factor is wrong by the same ratio in every result"),
    JoinRule("same values", same_values, "chance does not bring one wrong value for one right value twice"),
    JoinRule("same words changed", same_words_changed, "one word exchanged in the product is in every text"),
    JoinRule("same kind given", same_kind_given, "another kind of value fails all tests of its function"),
    JoinRule("same None", same_none, "a function that returns too little fails all its callers"),
    JoinRule("same site", same_site, "one line of the product that raises has one fault, mostly"),
    JoinRule("same line", same_line, "one assertion fails alike for many parameters"),
    JoinRule("same code", same_code, "the same line of a test file fails alike, and nothing better is known"),
    JoinRule("same subject", same_subject, "assertions about one attribute fail with it"),
    JoinRule("same folder", same_folder, "a folder that is not there takes all its files along"),
    JoinRule("process state", process_state, "tests of one process, or of one machine, share its state"),
    JoinRule("parameter", parameter_axis, "red by one value of a parameter and green by all others"),
    JoinRule("co-failure", co_failure, "what changes colour in the same runs changes for the same reason"),
    JoinRule("first bad commit", first_bad, "one commit broke all of them"),
)  # fmt: skip
"""In no order of importance: joins are carried out strongest kind first, see `union.STRENGTH`."""
