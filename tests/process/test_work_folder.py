"""Temporary folders of a suite: gone afterwards, found where their maker was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from triage.process.work_folder import (
    COPY,
    LABORATORY,
    OWNER,
    WORKTREE,
    abandoned_folders,
    is_named_for,
    remove_tree,
    work_folder,
)

MAKER = """
import sys, time
from pathlib import Path
from triage.process.work_folder import work_folder
with work_folder(sys.argv[1], Path(sys.argv[2])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("kind", [WORKTREE, COPY, LABORATORY])
def test_a_folder_is_gone_afterwards_and_nobodys_leftover_meanwhile(place, tmp_path, kind):
    with work_folder(kind, tmp_path) as folder:
        locked = folder / "locked"
        locked.mkdir()
        (locked / "x").touch()
        locked.chmod(0)
        assert abandoned_folders(tmp_path, place) == ()
    assert list(place.iterdir()) == []


def test_the_folder_of_a_killed_process_is_found_by_its_own_suite_alone(place, tmp_path):
    command = [sys.executable, "-c", MAKER, WORKTREE, str(tmp_path)]
    maker = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(place)}
    )
    folder = maker.stdout.readline().strip()
    assert abandoned_folders(tmp_path, place) == ()
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    maker.stdout.close()
    (found,) = abandoned_folders(tmp_path, place)
    assert str(found) == folder
    assert is_named_for(found / "tree", tmp_path)
    assert not is_named_for(found / "tree", tmp_path / "other")
    assert abandoned_folders(tmp_path / "other", place) == ()
    remove_tree(found)
    assert abandoned_folders(tmp_path, place) == ()


def test_a_folder_without_an_owner_is_left_over_once_it_is_old(place, tmp_path):
    with work_folder(LABORATORY, tmp_path) as folder:
        (folder / OWNER).unlink()
        assert abandoned_folders(tmp_path, place) == ()
        os.utime(folder, (0, 0))
        assert abandoned_folders(tmp_path, place) == (folder,)


def test_a_link_in_the_place_of_a_folder_is_left_alone(place, tmp_path):
    with work_folder(LABORATORY, tmp_path) as folder:
        name = folder.name
    (place / name).symlink_to(tmp_path)
    assert abandoned_folders(tmp_path, place) == ()
