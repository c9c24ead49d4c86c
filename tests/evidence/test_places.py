"""Where triage writes: beneath the root or the output, wherever links and settings point."""

from __future__ import annotations

import os
import subprocess

import pytest

from triage.errors import UsageError
from triage.evidence.places import carry_journal, output_folder, state_folder, store_file


@pytest.mark.parametrize(
    "name",
    ["reports", "plans", ".triage", "plans/active", "plans/journal.jsonl", "reports/c", "reports/c/phase_a"],
)
def test_a_link_that_leads_out_is_refused(tmp_path, name):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    (root / name).parent.mkdir(parents=True)
    elsewhere.mkdir()
    (root / name).symlink_to(os.path.relpath(elsewhere, (root / name).parent))
    with pytest.raises(UsageError, match=r"outside-output") as refusal:
        output_folder(root, None)
    assert str(elsewhere) in refusal.value.what


@pytest.mark.parametrize("name", ["out", "out/reports", "out/plans", "out/.triage"])
def test_a_file_that_has_the_name_of_a_folder_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    for setting in ("out", "out/below" if name == "out" else "out"):
        with pytest.raises(UsageError, match="bad-output"):
            output_folder(tmp_path, setting)


def test_a_folder_that_has_the_name_of_the_journal_is_refused(tmp_path):
    (tmp_path / "plans" / "journal.jsonl").mkdir(parents=True)
    with pytest.raises(UsageError, match="bad-output"):
        output_folder(tmp_path, None)


def test_a_link_that_stays_inside_and_a_root_that_is_reached_by_a_link_are_fine(tmp_path):
    (tmp_path / "root" / "build").mkdir(parents=True)
    (tmp_path / "root" / "reports").symlink_to("build")
    (tmp_path / "link").symlink_to("root")
    for root in (tmp_path / "root", tmp_path / "link"):
        assert output_folder(root, None) == root


def test_an_output_that_somebody_names_may_lie_anywhere(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    assert output_folder(root, "../out") == tmp_path / "out"
    assert output_folder(root, str(tmp_path / "out")) == tmp_path / "out"
    assert not (tmp_path / "out").exists(), "reading makes nothing"


@pytest.mark.parametrize("setting", ["../../x", "/tmp/x.sqlite", "sub/../../x", "linked/x"])
def test_the_history_stays_beneath_the_output(tmp_path, setting):
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="outside-output"):
        store_file(root, setting)
    assert store_file(root, ".triage/history.sqlite") == root / ".triage/history.sqlite"


def test_git_ignores_the_state_though_nobody_said_so(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (state_folder(tmp_path) / "history.sqlite").touch()
    assert state_folder(tmp_path).is_dir()
    status = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True
    )
    assert status.stdout == b""


def test_another_output_gets_what_the_checkouts_journal_has_more(tmp_path):
    root, output = tmp_path / "root", tmp_path / "out"
    (root / "plans").mkdir(parents=True)
    (root / "plans" / "journal.jsonl").write_text('{"a": 1}\n{"b": 2}\n')
    carry_journal(root, output)
    journal = output / "plans" / "journal.jsonl"
    journal.write_text(journal.read_text() + '{"own": 3}\n')
    (root / "plans" / "journal.jsonl").write_text('{"a": 1}\n{"b": 2}\n{"pulled": 4}\n')
    for _ in range(2):
        carry_journal(root, output)
    assert journal.read_text().splitlines() == ['{"a": 1}', '{"b": 2}', '{"own": 3}', '{"pulled": 4}']
    carry_journal(root, root)
