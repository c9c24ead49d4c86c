"""Which modules that Python imports when it starts are those of the suite."""

from __future__ import annotations

import sys
import sysconfig
from types import ModuleType

import pytest

from triage.recorder import modules


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder that stands for Python's library."""
    folder = tmp_path / "lib"
    folder.mkdir()
    monkeypatch.setattr(sysconfig, "get_paths", lambda: dict.fromkeys(
        ("stdlib", "platstdlib", "purelib", "platlib"), str(folder)
    ))  # fmt: skip
    monkeypatch.delitem(sys.modules, "usercustomize", raising=False)
    return folder


def strangers(monkeypatch, path) -> list[str]:
    module = ModuleType("sitecustomize")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "sitecustomize", module)
    return modules._early_strangers()


def test_a_sitecustomize_beside_the_suite_is_the_suites(tmp_path, library, monkeypatch):
    assert strangers(monkeypatch, tmp_path / "suite" / "sitecustomize.py") == ["sitecustomize"]


def test_one_in_the_library_is_pythons_also_where_it_is_a_link(tmp_path, library, monkeypatch):
    """Debian's Python has a link to /etc/python3.11/sitecustomize.py."""
    elsewhere = tmp_path / "etc" / "sitecustomize.py"
    elsewhere.parent.mkdir()
    elsewhere.write_text("")
    (library / "sitecustomize.py").symlink_to(elsewhere)
    assert strangers(monkeypatch, library / "sitecustomize.py") == []


def test_a_library_that_is_a_link_itself_is_the_library(tmp_path, library, monkeypatch):
    (library / "sitecustomize.py").write_text("")
    (tmp_path / "lib64").symlink_to(library)
    assert strangers(monkeypatch, tmp_path / "lib64" / "sitecustomize.py") == []
