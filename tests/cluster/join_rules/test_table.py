"""Both sides of the vocabulary know all of it: what failures show, what rules read, what the page says."""

from __future__ import annotations

import ast
from enum import StrEnum
from pathlib import Path

import pytest

from triage.cluster.context import Context
from triage.cluster.groups import Group, SlottedFailure, Unit
from triage.cluster.join_rules.process_state import explanation, process_state
from triage.cluster.join_rules.table import JOIN_RULES
from triage.model.failure import Failure
from triage.model.outcome import Phase
from triage.model.signature import Feature, ProcessState, Signature, signature_id
from triage.signature.features import READERS

ROOT = Path(__file__).resolve().parents[3]
NOT_READ = {Feature.MEASURED}
"""For people alone, who read it in what a plugin or a script prints of a signature."""


def members_named(enum: type[StrEnum], *paths: Path) -> set[StrEnum]:
    """Members that the code in these files names, as in `Feature.SITE`."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_member = isinstance(node, ast.Attribute) and node.attr in enum.__members__
            if is_member and isinstance(node.value, ast.Name) and node.value.id == enum.__name__:
                found.add(enum[node.attr])
    return found


def test_every_rule_has_a_row_on_the_page_and_a_reason() -> None:
    page = (ROOT / "docs" / "clustering.md").read_text(encoding="utf-8")
    section = page.partition("## Joins")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    names = [rule.name for rule in JOIN_RULES]
    assert rows[2:] == [*names, "rule"], "the last is no evidence: people decided it"
    assert all(rule.reason for rule in JOIN_RULES)
    assert len({rule.find for rule in JOIN_RULES}) == len(JOIN_RULES) == len(set(names))


def test_every_feature_is_read_off_failures() -> None:
    assert {*READERS, Feature.NEAR} == set(Feature)


def test_every_feature_is_read_by_a_rule() -> None:
    read = members_named(Feature, *(ROOT / "triage" / "cluster").rglob("*.py"))
    assert read | NOT_READ == set(Feature)
    assert not read & NOT_READ


def test_every_process_state_is_read_off_failures() -> None:
    shown = members_named(ProcessState, *(ROOT / "triage" / "signature").rglob("*.py"))
    assert shown == set(ProcessState)


def showing(nodeid: str, state: ProcessState) -> Unit:
    """A unit whose failure shows the state, is about numbers and misses a file."""
    features = {Feature.STATE: (state,), Feature.MISSING: ("data/a.csv",)}
    signature = Signature(
        id=signature_id("words/1", {"test": nodeid}), fields={"kind": "close"}, features=features
    )
    slotted = SlottedFailure((nodeid, 0), Failure(nodeid=nodeid, phase=Phase.CALL))
    return Unit(Group.of(slotted, (signature,)), [slotted.slot], home=None)


@pytest.mark.parametrize("state", ProcessState)
def test_every_process_state_joins_or_proposes(state: ProcessState) -> None:
    units = [showing("a.py::a", state), showing("b.py::b", state)]
    joins = list(process_state(units, Context()))
    assert [(join.one, join.other, join.why.detail) for join in joins] == [(0, 1, explanation(state))]
