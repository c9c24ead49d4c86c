"""The site of all runs: its index, its pages, that only news is written, and that it is checked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.campaign.test_html_report import STAMPS, TEMPLATES, WRITING, write_run
from triage.campaign.check.project import check_paths
from triage.campaign.site.build import SiteBuild, SiteBuilder
from triage.cli.app import run
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import Journal
from triage.model.journal import ClusterOpened, OwnerSet
from triage.model.outcome import Outcome


@pytest.fixture
def root(tmp_path):
    """Three runs: green, red, green again."""
    write_run(tmp_path, STAMPS[0], {"t.py::a": Outcome.PASSED, "t.py::b": Outcome.PASSED})
    write_run(tmp_path, STAMPS[1], {"t.py::a": Outcome.FAILED, "t.py::b": Outcome.PASSED})
    write_run(tmp_path, STAMPS[2], {"t.py::a": Outcome.PASSED, "t.py::b": Outcome.FLAKY})
    return tmp_path


def build(root: Path, site: str = "public") -> SiteBuild:
    return SiteBuilder(root, root, TEMPLATES, {}, WRITING).build(root / site)


def test_the_index_has_every_run_and_what_became_of_the_causes(root):
    build(root)
    data = json.loads((root / "public/site.json").read_text())
    (campaign,) = data["campaigns"]
    assert [each["stamp"] for each in campaign["runs"]] == list(reversed(STAMPS))
    assert [each["opened"] for each in campaign["runs"]] == [[], ["C1"], []]
    assert [each["red"] for each in campaign["runs"]] == [0, 1, 0]
    (cluster,) = campaign["clusters"]
    assert (cluster["id"], cluster["trend"]) == ("C1", [0, 1, 1])
    index = (root / "public/index.html").read_text()
    for stamp in STAMPS:
        assert f'href="runs/x/{stamp}.html"' in index
        assert (root / f"public/runs/x/{stamp}.html").is_file()
    assert "<script" not in index


def test_a_run_that_was_cut_short_is_not_hidden_by_an_older_one(root):
    EvidenceFolder.create(root, "x", "a", "20261124T060000Z").write_json("plan.json", {})
    build(root)
    (campaign,) = json.loads((root / "public/site.json").read_text())["campaigns"]
    newest = campaign["runs"][0]
    assert (newest["verdict"], newest["void"], newest["page"]) == ("void", "it was not concluded", None)
    assert newest["closed"] == [], "what it did not see is not gone"
    assert "20261124T060000Z" in (root / "public/index.html").read_text()
    assert check_paths(root, [root / "public"], TEMPLATES).problems == []


def test_only_what_has_news_is_written_again(root):
    assert build(root).written == 3
    assert (build(root).written, build(root).kept) == (0, 3)
    opened = ClusterOpened(
        id="a" * 16, at="2026-11-23T06:30:00.000000Z", by="triage run", cluster="C1", title="boom",
        stamp=STAMPS[1], signatures=("reason/1:1",), members=("t.py::a",),
    )  # fmt: skip
    owner = OwnerSet(id="b" * 16, at="2026-11-23T06:40:00.000000Z", by="me", cluster="C1", owner="@me")
    Journal(root / "plans/journal.jsonl").append((opened, owner))
    # the first run saw no cluster: there is no news in its page
    assert (build(root).written, build(root).kept) == (2, 3)
    assert "@me" in (root / "public/index.html").read_text()
    write_run(root, "20261123T064500Z", {"t.py::a": Outcome.PASSED})
    assert build(root).written == 1


def test_pages_of_runs_that_are_gone_are_removed(root):
    build(root)
    ours = root / "public/notes.txt"
    ours.write_text("mine")
    shutil.rmtree(root / f"reports/x/phase_a/{STAMPS[0]}")
    built = build(root)
    assert (built.removed, built.written) == (1, 2), "the others' history has changed"
    assert not (root / f"public/runs/x/{STAMPS[0]}.html").exists()
    assert ours.read_text() == "mine"


def test_a_site_holds_until_it_is_changed(root):
    build(root)
    site = root / "public"
    assert check_paths(root, [site], TEMPLATES).problems == []
    data = (site / "site.json").read_text()
    (site / "site.json").write_text(data.replace('"red": 1', '"red": 0'))
    assert any("site.json" in problem.path for problem in check_paths(root, [site], TEMPLATES).problems)
    (site / "site.json").write_text(data)
    (site / f"runs/x/{STAMPS[1]}.html").unlink()
    whats = [problem.what for problem in check_paths(root, [site], TEMPLATES).problems]
    assert any("missing" in what for what in whats)


@pytest.mark.parametrize("place", ["../elsewhere", ".", "reports", "file.txt"])
def test_a_site_has_a_folder_of_its_own_in_the_project(root, place):
    (root / "file.txt").write_text("")
    with pytest.raises(UsageError, match=r"bad-site|holds something else|no folder beneath|is a file"):
        build(root, place)
    assert not (root / place / "site.json").exists()


def test_the_command_says_what_it_wrote(root, capsys):
    assert run(["report", "--site", str(root / "public"), "--root", str(root)]) == 0
    assert "3 pages written, 0 kept" in capsys.readouterr().err
    assert run(["check", str(root / "public"), "--root", str(root)]) == 0


def test_the_policy_of_the_index_names_its_style():
    template = TEMPLATES["site.html.j2"]
    style = re.search(r"<style>(.*?)</style>", template, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in template, f"write sha256-{digest} into the policy"
