"""`triage check`: green on what triage wrote, red on each kind of planted lie."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from triage.campaign.check.project import check_paths, check_project
from triage.cluster.event_factory import EventFactory
from triage.cluster.registry import ClusterRegistry
from triage.documents.ledgers import update_ledgers
from triage.documents.probe_page import page
from triage.documents.render import load_templates
from triage.documents.run_summary import write_run_summary
from triage.errors import UsageError
from triage.evidence import manifest
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.experiment import ProbeReport, RootCause
from triage.model.failure import Failure, Raised
from triage.model.journal import (
    AttemptRecorded,
    ClusterOpened,
    CriterionMet,
    Event,
    OwnerSet,
    RunRecorded,
    StatusChanged,
    with_evidence,
)
from triage.model.outcome import Outcome, Phase
from triage.model.run import Chunk, Limits, Plan, RunRecord, TestResult

STAMP, LATER, LATEST = "20261123T061000Z", "20261123T062000Z", "20261123T063000Z"
NODEID = "tests/t.py::test_x"


def _record() -> RunRecord:
    failure = Failure(
        nodeid=NODEID, phase=Phase.CALL, chain=(Raised(type="AssertionError", message="1 != 2"),)
    )
    results = (
        TestResult(nodeid="tests/t.py::ok", outcome=Outcome.PASSED, chunk="chunk_01", duration=0.25),
        TestResult(
            nodeid=NODEID, outcome=Outcome.FAILED, chunk="chunk_01", duration=1.5, failures=(failure,)
        ),
    )
    chunk = Chunk(name="chunk_01", nodeids=("tests/t.py::ok", NODEID))
    plan = Plan(chunks=(chunk,), limits=Limits(), durations_from="module sizes")
    return RunRecord(
        stamp=STAMP, campaign="x", root="/r", complete=True, results=results, plan=plan, seconds=2.0
    )


@pytest.fixture
def project(tmp_path) -> Path:
    """A run with one cluster, its probe, its resolution, and the ledgers."""
    run = EvidenceFolder.create(tmp_path, "x", "a", STAMP)
    record = _record()
    cluster = Cluster(id="C19", title="1 != 2", members=(NODEID,), state_in_run=RunState.NEW)
    run.write_json("results.json", record)
    run.write_json("clusters.json", {"stamp": STAMP, "clusters": [cluster]})
    run.write_json("failures.json", {"failures": [{"nodeid": NODEID, "cluster": "C19"}]})
    write_run_summary(tmp_path, run)
    run.seal()
    probe = EvidenceFolder.create(tmp_path, "x", "b", LATER)
    report = ProbeReport(
        subject=(NODEID,),
        cluster="C19",
        reproduced=True,
        root_cause=RootCause(kind="flaky", summary="7 of 9", confidence="likely"),
        runs=9,
    )
    probe.write_json("probe.json", report)
    probe.write_text("summary.md", page(report))
    probe.seal()
    verified = EvidenceFolder.create(tmp_path, "x", "d", LATEST)
    criterion = {"name": "targeted", "met": True, "scope": "alone", "runs": 10, "passed": 10, "evidence": []}
    verified.write_json(
        "verify.json", {"cluster": "C19", "resolved": True, "results": [criterion], "unmet": []}
    )
    verified.seal()
    factory = EventFactory("2026-11-23T06:30:00Z", "t")
    opened = {"title": "1 != 2", "stamp": STAMP, "signatures": (), "members": (NODEID,)}
    probed = {"cluster": "C19", "stamp": LATER}
    met = {"cluster": "C19", "stamp": LATEST}
    events = [
        factory.make(ClusterOpened, cluster="C19", **opened),
        _citing(run, "results.json", factory.make(RunRecorded, campaign="x", stamp=STAMP)),
        _citing(
            probe, "probe.json",
            factory.make(AttemptRecorded, phase="b", campaign="x", summary="found", **probed),
        ),
        _citing(
            probe, "probe.json",
            factory.make(StatusChanged, status=ClusterStatus.PROBED, reason="found", **probed),
        ),
        _citing(
            verified, "verify.json",
            factory.make(AttemptRecorded, phase="d", campaign="x", summary="met", **met),
        ),
        _citing(
            verified, "verify.json",
            factory.make(CriterionMet, criterion="targeted", scope="alone", runs=10, **met),
        ),
        _citing(
            verified, "verify.json",
            factory.make(StatusChanged, status=ClusterStatus.RESOLVED, reason="met", **met),
        ),
    ]  # fmt: skip
    Journal(tmp_path / "plans/journal.jsonl").append(events)
    _render(tmp_path)
    return tmp_path


def _citing(folder: EvidenceFolder, name: str, event: Event) -> Event:
    """The event with this file as its evidence, and the seal of its folder."""
    where = folder.relative(folder.path.parents[3])
    citing = event.model_copy(update={"evidence": (f"{where}/{name}",)})
    return with_evidence(citing, {where: manifest.read(folder.path).digest})


def _name_seals_again(root: Path) -> None:
    """Write the journal anew, as a forger with much patience would: its events name the present seals."""
    path = root / "plans/journal.jsonl"
    events = []
    for event in Journal(path).read():
        seals = {name: manifest.read(root / name).digest for name in getattr(event, "manifests", ())}
        events.append(with_evidence(event, seals) if seals else event)
    path.unlink()
    Journal(path).append(events)


def _render(root: Path) -> None:
    update_ledgers(root, ClusterRegistry.of(Journal(root / "plans/journal.jsonl").read()))


def _check(root: Path) -> list[str]:
    checked = check_project(root, load_templates())
    return [f"{problem.path}:{problem.line}: {problem.what}" for problem in checked.problems]


def _one(root: Path, pattern: str) -> Path:
    (path,) = root.glob(pattern)
    return path


def _reseal(path: Path) -> None:
    """What a forger would do who knows of the manifest."""
    folder = next(parent for parent in path.parents if (parent / "manifest.json").exists())
    manifest.seal(folder)


def test_what_triage_wrote_holds(project):
    checked = check_project(project, load_templates())
    assert checked.problems == []
    assert checked.notes == []
    assert (checked.folders, checked.documents, checked.regions) == (3, 1, 3)
    assert checked.claims > 10
    assert checked.files > 6


@pytest.mark.parametrize("reseal", [False, True])
@pytest.mark.parametrize(
    ("pattern", "old", "new", "where"),
    [
        ("reports/x/phase_a/*/summary.md", "| passed | 1 |", "| passed | 2 |", "summary.md"),
        ("reports/x/phase_a/*/summary.md", "the gate fails", "green", "summary.md"),
        ("reports/x/phase_a/*/summary.json", '"collected": 2', '"collected": 3', "summary.json"),
        ("reports/x/phase_a/*/summary.json", '"failing": 1', '"failing": 0', "summary.json"),
        ("reports/x/phase_a/*/results.json", '"outcome": "passed"', '"outcome": "skipped"', "summary.json"),
        ("reports/x/phase_a/*/failures.json", "test_x", "test_y", "failures.json"),
        ("reports/x/phase_a/*/clusters.json", "test_x", "test_y", "clusters.json"),
        ("reports/x/phase_b/*/summary.md", "7 of 9", "8 of 9", "summary.md"),
        ("reports/x/phase_b/*/probe.json", "7 of 9", "8 of 9", "summary.md"),
    ],
)  # fmt: skip
def test_a_planted_lie_is_found_even_under_a_new_seal(project, pattern, old, new, where, reseal):  # noqa: PLR0917
    path = _one(project, pattern)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    if reseal:
        _reseal(path)
    problems = _check(project)
    assert any(where in problem for problem in problems)
    assert reseal or any("not as the manifest recorded it" in problem for problem in problems)


@pytest.mark.parametrize(
    "name", ["results.json", "summary.json", "clusters.json", "failures.json", "summary.md"]
)
@pytest.mark.parametrize("reseal", [False, True])
def test_a_missing_artifact_is_found(project, name, reseal):
    path = _one(project, f"reports/x/phase_a/*/{name}")
    path.unlink()
    if reseal:
        _reseal(path)
    assert any("missing" in problem or "cannot be read" in problem for problem in _check(project)), name


def test_a_page_of_another_version_is_held_by_its_numbers(project):
    path = _one(project, "reports/x/phase_b/*/summary.md")
    path.write_text(path.read_text().replace("Phase B", "Experiments"))
    _reseal(path)
    assert any("neither journal nor git vouches for its words" in problem for problem in _check(project))
    _name_seals_again(project)
    checked = check_project(project, load_templates())
    assert checked.problems == []
    assert any("worded otherwise" in note for note in checked.notes)
    path.write_text(path.read_text() + "\nAll 12 experiments agree.\n")
    _reseal(path)
    assert any("the number 12 is not what" in problem for problem in _check(project))


def test_a_missing_seal_of_cited_evidence_is_found(project):
    _one(project, "reports/x/phase_b/*/manifest.json").unlink()
    assert any("not sealed" in problem for problem in _check(project))


def test_evidence_that_the_journal_names_must_exist(project):
    folder = _one(project, "reports/x/phase_b/*")
    folder.rename(folder.with_name("20261123T065000Z"))
    assert any("journal.jsonl" in p and "probe.json is missing" in p for p in _check(project))


def test_a_stray_document_has_nobody_to_vouch_for_it(project):
    path = _one(project, "reports/x/phase_a/*/summary.md").with_name("notes.md")
    path.write_text("All 692 tests pass.\n")
    _reseal(path)
    assert any("notes.md" in problem and "without claims" in problem for problem in _check(project))


@pytest.mark.parametrize("path", ["plans/fix_plan.md", "reports/remediation_tracker.md"])
def test_a_hand_in_a_ledger_is_found_and_text_outside_is_free(project, path):
    ledger = project / path
    text = ledger.read_text()
    ledger.write_text("Ours: 99 bottles.\n" + text + "\nMore of ours, 7.\n")
    assert _check(project) == []
    ledger.write_text(text.replace("resolved", "open", 1))
    assert any("changed by hand" in problem for problem in _check(project))


def test_a_ledger_behind_its_journal_is_found(project):
    journal = Journal(project / "plans/journal.jsonl")
    journal.append([EventFactory("2026-11-23T06:40:00Z", "t").make(OwnerSet, cluster="C19", owner="ada")])
    assert any("not what the journal gives" in problem for problem in _check(project))
    _render(project)
    assert _check(project) == []


def test_a_resolution_without_a_criterion_is_found(project):
    path = project / "plans/journal.jsonl"
    lines = [line for line in path.read_text().splitlines() if "criterion_met" not in line]
    path.write_text("\n".join(lines) + "\n")
    _render(project)
    assert any("no criterion was met" in problem for problem in _check(project))


def test_an_id_that_was_allotted_twice_is_mended_in_what_is_shown(project):
    path = project / "plans/journal.jsonl"
    fields = {"title": "another", "stamp": STAMP, "signatures": ("reason/1:0",), "members": ("t.py::y",)}
    again = EventFactory("2026-11-23T06:50:00Z", "t").make(ClusterOpened, cluster="C19", **fields)
    Journal(path).append([again])
    checked = check_project(project, load_templates())
    assert any("allotted C19; the younger is shown as C20" in note for note in checked.notes)


def test_a_corrupt_journal_line_is_one_problem(project):
    path = project / "plans/journal.jsonl"
    path.write_text(path.read_text() + "{not json\n")
    assert any(re.search(r"journal\.jsonl line 8 is no event", problem) for problem in _check(project))


def test_an_upgrade_that_keeps_the_former_template_leaves_old_documents_provable(project):
    """Neither journal nor git vouches for the run: its summary is rendered again from the former template."""
    (project / "plans/journal.jsonl").unlink()
    former = load_templates()["summary.md.j2"]
    upgraded = {**load_templates(), "summary.md.j2": former + "\nMore words.\n"}
    about_templates = [p for p in check_project(project, upgraded).problems if "other templates" in p.what]
    assert about_templates
    kept = {**upgraded, "earlier/1/summary.md.j2": former}
    assert not [p for p in check_project(project, kept).problems if "template" in p.what]
    document = next(project.glob("reports/*/phase_a/*/summary.md"))
    forged = document.read_text().replace("complete", "all good", 1)
    document.write_text(forged)
    sidecar_path = document.with_name(document.name + ".claims.json")
    sidecar = json.loads(sidecar_path.read_text())
    sidecar["sha256"] = hashlib.sha256(forged.encode()).hexdigest()
    sidecar_path.write_text(json.dumps(sidecar))
    manifest.seal(document.parent)
    words = [p.what for p in check_project(project, kept).problems if p.path.endswith("summary.md")]
    assert "is not what its template gives from its evidence" in words
    sidecar["templates_sha256"] = "0" * 64
    sidecar_path.write_text(json.dumps(sidecar))
    manifest.seal(document.parent)
    words = [p.what for p in check_project(project, kept).problems if p.path.endswith("summary.md")]
    assert any("neither journal nor git vouches" in what for what in words)


def test_other_templates_are_noted_and_claims_still_checked(project):
    templates = {**load_templates(), "summary.md.j2": "# {{ run.stamp }}\n"}
    checked = check_project(project, templates)
    assert checked.problems == []
    assert any("other templates" in note for note in checked.notes)
    path = project / "plans/journal.jsonl"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "run_recorded" not in line))
    problems = [problem.what for problem in check_project(project, templates).problems]
    assert any("neither journal nor git vouches for its words" in what for what in problems)


def test_an_unfinished_run_is_noted(project):
    EvidenceFolder.create(project, "x", "a", "20261124T000000Z")
    checked = check_project(project, load_templates())
    assert checked.problems == []
    assert any("did not finish" in note for note in checked.notes)


@pytest.mark.parametrize(
    "path",
    [
        "reports",
        "reports/x/phase_a",
        "plans/fix_plan.md",
        "plans/journal.jsonl",
        "reports/remediation_tracker.md",
    ],
)
def test_one_thing_can_be_checked_alone(project, path):
    assert check_paths(project, [project / path], load_templates()).problems == []


@pytest.mark.parametrize("path", ["nowhere", "plans", "../x", "reports/x/phase_a/x.md"])
def test_what_cannot_be_checked_is_a_usage_error(project, path):
    with pytest.raises(UsageError) as refusal:
        check_paths(project, [project / path], load_templates())
    assert refusal.value.slug == "nothing-to-check"


def _add(root: Path, name: str, value: object) -> None:
    """Put a file into the run's folder as if the run had written it."""
    path = _one(root, "reports/x/phase_a/*/summary.json").parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    _reseal(path)
    _name_seals_again(root)


def test_a_chunk_that_tells_another_story_is_found(project):
    _add(project, "chunks/chunk_01/report.json", {"tests": [{"nodeid": NODEID, "outcome": "failed"}]})
    assert _check(project) == []
    _add(project, "chunks/chunk_01/report.json", {"tests": [{"nodeid": NODEID, "outcome": "passed"}]})
    assert any("chunk_01/report.json" in p and "is passed here" in p for p in _check(project))


def test_a_collected_test_that_vanished_is_found(project):
    _add(project, "preflight.json", {"nodeids": [NODEID, "tests/t.py::ok"]})
    assert _check(project) == []
    _add(project, "preflight.json", {"nodeids": [NODEID, "tests/t.py::ok", "tests/t.py::lost"]})
    assert any("lost was collected 1 times and has 0 outcomes" in problem for problem in _check(project))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (
            "results.json",
            lambda d: d["results"].append(d["results"][0]),
            "planned 1 times and has 2 outcomes",
        ),
        ("results.json", lambda d: d["results"].pop(0), "planned 1 times and has 0 outcomes"),
        ("results.json", lambda d: d["results"][0].update(outcome="not_run"), "says complete, and 1 tests"),
        ("results.json", lambda d: d.update(surprise=1), "cannot be read"),
        ("clusters.json", lambda d: d["clusters"].append(d["clusters"][0]), "C19 is listed 2 times"),
        (
            "clusters.json",
            lambda d: d["clusters"][0].update(members=["tests/t.py::ok"]),
            "which did not fail",
        ),
        ("failures.json", lambda d: d["failures"].append(d["failures"][0]), "lists 2 failures"),
        ("failures.json", lambda d: d.pop("failures"), "cannot be read"),
        ("summary.json", lambda d: d["counts"].update(collected=702), "add up to 2, and it says that 702"),
        ("summary.json", lambda d: d["clusters"][0].update(title="other"), "at /clusters/0/title"),
        ("summary.json", lambda d: d.pop("counts"), "cannot be read"),
    ],
)
def test_each_sum_is_held(project, name, change, said):
    path = _one(project, f"reports/x/phase_a/*/{name}")
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    _reseal(path)
    assert any(said in problem for problem in _check(project)), _check(project)


@pytest.mark.parametrize(
    ("old", "new"),
    [("<!-- triage:end clusters -->\n", ""), ("<!-- triage:begin attempts", "<!-- triage:begin clusters")],
)
def test_broken_markers_are_found(project, old, new):
    path = project / "plans/fix_plan.md"
    path.write_text(path.read_text().replace(old, new, 1))
    assert any("plans/fix_plan.md" in problem and "marker" in problem for problem in _check(project))


def test_a_plan_of_nobody_is_found(project):
    path = project / "plans/active/x.md"
    path.parent.mkdir()
    path.write_text(
        "<!-- triage:begin C7.20260101T000000Z -->\nall done\n<!-- triage:end C7.20260101T000000Z -->\n"
    )
    assert any("belongs to no design" in problem for problem in _check(project))
    assert any(
        "belongs to no design" in p.what for p in check_paths(project, [path], load_templates()).problems
    )


def _without_last_line(project: Path) -> None:
    path = project / "plans/journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(True)[:-1]))


def test_the_last_line_of_the_journal_is_vouched_for_by_evidence_that_was_sealed_after_it(project):
    journal = Journal(project / "plans/journal.jsonl")
    journal.append([EventFactory("2026-11-24T01:00:00Z", "t").make(OwnerSet, cluster="C19", owner="ann")])
    folder = EvidenceFolder.create(project, "x", "e", "20261124T010000Z")
    folder.write_json("x.json", {})
    folder.seal()
    assert not [problem for problem in _check(project) if "sealed after" in problem]
    _without_last_line(project)
    assert [problem for problem in _check(project) if "sealed after a line of plans/journal.jsonl" in problem]


def test_manifests_of_before_keep_their_digest(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    older = manifest.seal(tmp_path)
    assert "journal" not in json.loads((tmp_path / "manifest.json").read_text())
    assert manifest.read(tmp_path).digest == older.digest
    newer = manifest.seal(tmp_path, ("0123",))
    assert newer.digest != older.digest
    assert manifest.read(tmp_path) == newer
