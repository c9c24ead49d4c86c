"""A home folder of links: what is created or removed at its top stays there."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.process import home as module
from triage.process.home import mirror_home


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    (folder / ".config" / "tool").mkdir(parents=True)
    (folder / ".config" / "tool" / "rc").write_text("a")
    (folder / ".gitconfig").write_text("b")
    (folder / "gone").symlink_to("nowhere")
    return folder


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_what_is_there_can_be_read_and_what_is_made_or_removed_stays_apart(home, tmp_path):
    before = listing(home)
    copy = mirror_home(home, tmp_path / "copy")
    assert (copy / ".gitconfig").read_text() == "b"
    assert (copy / ".config" / "tool" / "rc").read_text() == "a"
    (copy / ".app").mkdir()
    (copy / ".config" / "other").write_text("new")
    (copy / ".gitconfig").unlink()
    assert listing(home) == before


def test_two_copies_do_not_meet(home, tmp_path):
    one, other = mirror_home(home, tmp_path / "one"), mirror_home(home, tmp_path / "other")
    (one / ".config" / "lock").touch()
    assert not (other / ".config" / "lock").exists()


def test_a_folder_that_the_user_linked_elsewhere_stays_a_link(home, tmp_path):
    (tmp_path / "real").mkdir()
    (home / ".cache").symlink_to(tmp_path / "real")
    assert (mirror_home(home, tmp_path / "copy") / ".cache").is_symlink()


@pytest.mark.parametrize("entries", [None, 3])
def test_a_home_that_cannot_be_mirrored_is_used_as_it_is(home, tmp_path, monkeypatch, entries):
    monkeypatch.setattr(module, "_MOST_ENTRIES", 1)
    given = home if entries else tmp_path / "nobody"
    assert mirror_home(given, tmp_path / "copy") == given
