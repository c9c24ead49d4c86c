"""Every way to tamper with evidence, journal and views is found; what honest people do is not a fault."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.campaign.forgery import JOURNAL, one, render_views, rewrite_journal, seal_again
from tests.campaign.tamperings import COMMITTED, EDITED, RECORDED, RENDERED, SEALED, A, B, Tampering
from tests.fixtures.probed_project import pristine_project
from triage.campaign.check.project import check_project
from triage.cluster.mending import mended
from triage.documents.render import load_templates
from triage.documents.run_summary import write_run_summary
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal
from triage.model.journal import OwnerSet

__all__ = ["pristine_project"]

ROOT = Path(__file__).resolve().parents[2]


def problems(root: Path) -> set[str]:
    found = check_project(root, load_templates()).problems
    return {f"{problem.path}: {problem.what}" for problem in found}


def tamper(root: Path, tampering: Tampering) -> None:
    tampering.change(root)
    if tampering.depth is EDITED:
        return
    if tampering.depth is RENDERED:
        run = one(root, A)
        shutil.copy(run / "manifest.json", root / "seal")
        (run / "manifest.json").unlink()
        write_run_summary(root, EvidenceFolder.open(run))
        shutil.move(root / "seal", run / "manifest.json")
    seal_again(root)
    if tampering.depth is not SEALED:
        rewrite_journal(root)


@pytest.fixture(scope="module")
def recorded(pristine_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence, journal and views of a run that was recorded here; without the git repository."""
    root = tmp_path_factory.mktemp("recorded") / "project"
    shutil.copytree(pristine_project, root, ignore=shutil.ignore_patterns(".git", ".triage"))
    render_views(root)
    assert problems(root) == set()
    return root


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """The committed campaign without its repository; and what does not hold in it here, to be left out."""
    root = tmp_path_factory.mktemp("committed")
    for name in ("reports", "plans"):
        shutil.copytree(ROOT / name, root / name)
    return root, problems(root)


def test_there_are_enough_ways_to_tamper():
    names = [tampering.name for tampering in (*RECORDED, *COMMITTED)]
    assert len(set(names)) == len(names) >= 50


@pytest.mark.parametrize("tampering", RECORDED, ids=lambda tampering: tampering.name)
def test_tampering_with_a_recorded_run_is_found(recorded: Path, tmp_path: Path, tampering: Tampering) -> None:
    root = shutil.copytree(recorded, tmp_path / "project")
    tamper(root, tampering)
    assert problems(root)


@pytest.mark.parametrize("tampering", COMMITTED, ids=lambda tampering: tampering.name)
def test_tampering_with_the_committed_campaign_is_found(
    committed: tuple[Path, set[str]], tmp_path: Path, tampering: Tampering
) -> None:
    source, known = committed
    root = shutil.copytree(source, tmp_path / "project")
    tamper(root, tampering)
    assert problems(root) - known


def git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True, timeout=60)


@pytest.fixture
def repository(recorded: Path, tmp_path: Path) -> Path:
    """The recorded run, committed as it is."""
    root = shutil.copytree(recorded, tmp_path / "repository")
    (root / ".gitattributes").write_text("plans/journal.jsonl merge=union\nreports/** -text\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "run")
    return root


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_whole_forgery_is_found_where_git_has_the_files(repository: Path, is_committed: bool) -> None:
    """Log, seal, journal and views fit each other; only history tells."""
    log = one(repository, f"{A}/chunks/*/pytest.log")
    log.write_text("4 passed\n")
    seal_again(repository)
    rewrite_journal(repository)
    if is_committed:
        git(repository, "commit", "-q", "-a", "-m", "forged")
    found = problems(repository)
    assert any("manifest.json" in problem and "sealed again" in problem for problem in found)
    assert any(JOURNAL in problem and "changed or removed" in problem for problem in found)
    (repository / ".git").rename(repository / ".gone")
    assert problems(repository) == set(), "nothing else can know"


def own(root: Path, name: str, at: str) -> None:
    """Somebody takes the cluster, and the views follow."""
    journal = Journal(root / JOURNAL)
    factory = mended(journal.read()).event_factory(at, name)
    journal.append([factory.make(OwnerSet, cluster="C2", owner=name)])
    render_views(root)


def test_branches_that_are_merged_hold(repository: Path) -> None:
    for number, name in enumerate(("ada", "bob"), start=1):
        git(repository, "checkout", "-q", "-b", name, "main")
        own(repository, name, f"2026-11-2{number}T00:00:00Z")
        git(repository, "commit", "-q", "-a", "-m", name)
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "-q", "--no-edit", "ada")  # the views conflict; the journal does not
    assert any("conflict marks" in problem for problem in problems(repository))
    own(repository, "eve", "2026-11-23T00:00:00Z")
    assert problems(repository) == set()
    git(repository, "commit", "-q", "-a", "-m", "merged")
    assert problems(repository) == set()


def test_clones_with_little_or_no_history_hold(repository: Path, tmp_path: Path) -> None:
    own(repository, "ada", "2026-11-21T00:00:00Z")
    git(repository, "commit", "-q", "-a", "-m", "own")
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), "shallow")
    assert problems(tmp_path / "shallow") == set()
    shutil.rmtree(tmp_path / "shallow" / ".git")
    assert problems(tmp_path / "shallow") == set()


def test_other_line_ends_and_text_of_people_hold(repository: Path) -> None:
    for name in (JOURNAL, "plans/fix_plan.md", "reports/remediation_tracker.md"):
        path = repository / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    tracker = repository / "reports/remediation_tracker.md"
    tracker.write_bytes(b"Ours: 99 bottles, all green.\r\n" + tracker.read_bytes() + b"\r\nMore of ours.\r\n")
    (repository / "reports/README.md").write_text("Our 4 rules.\n")
    assert problems(repository) == set()
    own(repository, "ada", "2026-11-21T00:00:00Z")
    assert problems(repository) == set()


def test_a_run_that_was_cut_short_holds(recorded: Path, tmp_path: Path) -> None:
    root = shutil.copytree(recorded, tmp_path / "project")
    cut = shutil.copytree(one(root, A), one(root, A).with_name("20270101T000000Z"))
    for name in ("manifest.json", "summary.md", "summary.md.claims.json", "summary.json", "results.json"):
        (cut / name).unlink()
    started = one(root, B).with_name("20270101T000100Z")
    (started / "runs").mkdir(parents=True)
    (started / "experiments.jsonl").write_text("{")
    checked = check_project(root, load_templates())
    assert checked.problems == []
    assert sum("did not finish" in note for note in checked.notes) == 2
