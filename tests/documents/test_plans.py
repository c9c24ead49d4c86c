"""The plan of a campaign: a region a design, ticked by verification, archived when nothing is open."""

from __future__ import annotations

import json

import pytest

from triage.campaign.check.project import check_paths
from triage.cluster.registry import ClusterRegistry
from triage.documents.plans import designs, update_plans
from triage.documents.render import load_templates
from triage.errors import UsageError
from triage.model.cluster import ClusterStatus
from triage.model.journal import AttemptRecorded, ClusterOpened, StatusChanged


class _Story:
    """A project in which designs and verifications are only written down, to see what plans make of them."""

    def __init__(self, root):
        self.root, self.events, self.number = root, [], 0

    def _next(self) -> dict:
        self.number += 1
        return {"id": str(self.number), "at": f"2026-01-01T00:00:{self.number:02d}.000000Z", "by": "t"}

    def open(self, cluster):
        members = {"signatures": (), "members": (f"t.py::{cluster}",)}
        self.events.append(
            ClusterOpened(cluster=cluster, title=cluster, stamp="20260101T000000Z", **members, **self._next())
        )

    def attempt(self, cluster, phase, stamp, value, campaign="x"):
        name = {"c": "design.json", "d": "verify.json"}[phase]
        folder = f"reports/{campaign}/phase_{phase}/{stamp}"
        (self.root / folder).mkdir(parents=True)
        (self.root / folder / name).write_text(json.dumps({"folder": folder, "stamp": stamp, **value}))
        (self.root / folder / "manifest.json").write_text("{}")
        self.events.append(
            AttemptRecorded(
                cluster=cluster, phase=phase, campaign=campaign, stamp=stamp, summary="s",
                evidence=(f"{folder}/{name}",), **self._next(),
            )
        )  # fmt: skip

    def design(self, cluster, stamp, campaign="x"):
        criterion = {"name": "targeted", "text": "passes", "scope": "alone", "runs": 4}
        value = {
            "cluster": cluster, "title": f"title of {cluster}", "probe": "reports/p.json", "run": None,
            "choice": None, "options": [], "criteria": [criterion],
            "commands": {"verify": f"triage verify {cluster}"},
        }  # fmt: skip
        self.attempt(cluster, "c", stamp, value, campaign)

    def verify(self, cluster, stamp, met, campaign="x"):
        result = {"name": "targeted", "text": "passes", "met": met, "runs": 4, "passed": 4 if met else 1}
        self.attempt(cluster, "d", stamp, {"resolved": met, "results": [result]}, campaign)
        if met:
            status = ClusterStatus.RESOLVED
            self.events.append(
                StatusChanged(cluster=cluster, status=status, reason="met", stamp=stamp, **self._next())
            )

    def update(self):
        journal = self.root / "plans/journal.jsonl"
        journal.parent.mkdir(exist_ok=True)
        journal.write_text("".join(f"{event.model_dump_json(exclude_none=True)}\n" for event in self.events))
        return update_plans(self.root, ClusterRegistry.of(self.events))

    def text(self, path="plans/active/x.md"):
        return (self.root / path).read_text()


@pytest.fixture
def story(tmp_path):
    made = _Story(tmp_path)
    made.open("C1")
    made.open("C2")
    return made


def test_a_plan_waits_for_all_of_its_clusters(story):
    story.design("C1", "20260101T000001Z")
    story.design("C2", "20260101T000002Z")
    assert story.update() == ["plans/active/x.md: rendered"]
    assert story.text().count("- [ ] targeted: passes (alone, 4 runs)") == 2
    story.verify("C1", "20260101T000003Z", met=True)
    story.update()
    assert "[x] targeted: passes (4 of 4 runs)" in story.text()
    story.verify("C2", "20260101T000004Z", met=False)
    story.update()
    assert "**not met**" in story.text()
    assert "[ ] targeted: passes (1 of 4 runs)" in story.text()
    story.verify("C2", "20260101T000005Z", met=True)
    assert "moved to plans/archive/x-20260101T000002Z.md" in story.update()[-1]
    assert not (story.root / "plans/active/x.md").exists()
    assert story.update() == []
    archived = story.root / "plans/archive/x-20260101T000002Z.md"
    checked = check_paths(story.root, [archived], load_templates())
    assert [p.what for p in checked.problems if "region" in p.what] == []
    later = {**load_templates(), "plan.md.j2": load_templates()["plan.md.j2"].replace("Verified", "Checked")}
    checked = check_paths(story.root, [archived], later)
    assert [p.what for p in checked.problems if "region" in p.what] == []
    assert any("worded otherwise" in note for note in checked.notes)
    later = {
        **load_templates(),
        "plan.md.j2": load_templates()["plan.md.j2"].replace("result.met", "not result.met"),
    }
    checked = check_paths(story.root, [archived], later)
    assert any("is not what its evidence gives" in problem.what for problem in checked.problems)
    archived.write_text(archived.read_text().replace("[x] targeted", "[ ] targeted", 1))
    checked = check_paths(story.root, [archived], load_templates())
    assert any("changed by hand" in problem.what for problem in checked.problems)


def test_a_cluster_that_comes_back_gets_a_plan_of_its_own(story):
    story.design("C1", "20260101T000001Z")
    story.verify("C1", "20260101T000002Z", met=True)
    story.update()
    before = story.text("plans/archive/x-20260101T000001Z.md")
    reopened = StatusChanged(cluster="C1", status=ClusterStatus.OPEN, reason="again", **story._next())
    story.events.append(reopened)
    story.design("C1", "20260101T000009Z")
    story.update()
    assert "C1.20260101T000009Z" in story.text()
    assert "C1.20260101T000001Z" not in story.text()
    assert story.text("plans/archive/x-20260101T000001Z.md") == before
    assert [design.verification for design in designs(ClusterRegistry.of(story.events))][1] is None


def test_campaigns_have_plans_of_their_own_and_people_keep_their_text(story):
    story.design("C1", "20260101T000001Z")
    story.design("C2", "20260101T000002Z", campaign="y")
    story.update()
    path = story.root / "plans/active/x.md"
    path.write_text("Ours.\n" + path.read_text() + "\nOurs too.\n")
    story.verify("C1", "20260101T000003Z", met=False)
    story.update()
    assert story.text().startswith("Ours.\n")
    assert story.text().endswith("\nOurs too.\n")
    assert "C2" in story.text("plans/active/y.md")
    path.write_text(path.read_text().replace("[ ] targeted", "[x] targeted"))
    story.verify("C1", "20260101T000004Z", met=False)
    with pytest.raises(UsageError) as refusal:
        story.update()
    assert refusal.value.slug == "region-edited"
