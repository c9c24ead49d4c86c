"""A few animals of the zoo, probed for real; the benchmark measures all of them."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from tests.planted.faults.api import all_plants, grow
from triage.cli import wiring
from triage.cli.context import App
from triage.cli.probe import known_probes
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget
from triage.probe.investigate import Request, probe

ALL = {p.name: p for p in all_plants()}
SAMPLE = ("state-setter", "missing-deleted", "segfault", "wrong-by-far")
"""Fails for want of another test, for want of a file, by a crash, and by its code alone (a decoy)."""


def test_names_are_unique_and_the_zoo_is_large():
    assert len(ALL) == len(all_plants())
    assert sum(not p.decoy for p in ALL.values()) >= 60
    assert sum(p.decoy for p in ALL.values()) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_right_kind_right_culprit_no_wrong_proof(name, tmp_path, monkeypatch):
    for variable, value in NO_FOREIGN_PLUGINS.items():
        monkeypatch.setenv(variable, value)
    one, root = ALL[name], tmp_path / name
    grow(one, root)
    app = App(str(root))
    request = Request(subject=one.subject, probes=known_probes(), budget=Budget(seconds=300), workers=2)
    report = probe(
        wiring.services(app),
        request,
        lambda: EvidenceFolder.create_free(root, "zoo", "b", app.world.stamp(), app.redact),
    )
    cause = report.root_cause
    assert report.reproduced
    assert cause.kind in one.kinds
    if one.decoy:
        assert cause.confidence != "proven"
    elif one.culprit:
        assert any(one.culprit in culprit for culprit in cause.culprits)
