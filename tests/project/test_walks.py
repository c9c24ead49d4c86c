"""The counts of `python -m benchmarks walks`, on calls that can be counted by hand."""

from __future__ import annotations

from benchmarks.walks import ROOT, layers, traced
from triage.campaign.gate import Policy, judge
from triage.run.workers import run_jobs
from triage.text.plural import counted_noun


def test_every_room_has_a_layer():
    folders = {path.parent.name for path in (ROOT / "triage").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "triage").glob("*.py")}
    assert folders | modules == {*layers(), "__init__", "testing"}
    assert layers()["cli"] < layers()["run"] < layers()["text"]


def test_a_call_upward_is_a_climb_and_one_downward_is_none():
    def climb(_job):
        judge("", [], Policy(), known_members={}, today=None)

    with traced() as walk:
        counted_noun(2, "test")
        run_jobs([0, 1], 1, climb, tick=lambda: None, fail=lambda: None)
    assert set(walk.files) == {"text/plural.py", "run/workers.py", "campaign/gate.py"}
    assert walk.files["campaign/gate.py"] == 2
    assert walk.climbs == {("run/workers.py", "campaign/gate.py"): "judge"}
