"""The second run of a test shares what the process keeps, and nothing that pytest made for the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SUITE = """
import unittest

import pytest

LEFT = []


class TestPlain:
    def test_attribute(self):
        assert not hasattr(self, "left")
        self.left = 1


class Case(unittest.TestCase):
    def setUp(self):
        self.count = 0

    def test_counts(self):
        self.count += 1
        assert self.count == 1
        assert not hasattr(self, "left")
        self.left = 1


@pytest.fixture
def box():
    return []


@pytest.mark.parametrize("value", [1, 2])
def test_fixtures(box, value, tmp_path, monkeypatch):
    assert box == []
    box.append(value)
    assert not list(tmp_path.iterdir())
    (tmp_path / "x").touch()


def test_leaves():
    LEFT.append(1)
    assert len(LEFT) == 1
"""


def run(folder, settings):
    (folder / "test_it.py").write_text(SUITE)
    document = folder / "instruments.json"
    document.write_text(json.dumps({"twice": settings}))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "triage.instruments.treatments.twice", "test_it.py"],
        cwd=folder,
        env={**os.environ, "TRIAGE_INSTRUMENT": str(document), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("settings", "ending"),
    [({"on": True}, "1 failed, 9 passed"), ({"files": True}, "1 failed, 9 passed"), ({}, "5 passed")],
    ids=["twice", "files", "idle"],
)
def test_only_what_the_process_keeps_is_shared(tmp_path, settings, ending):
    printed = run(tmp_path, settings)
    assert ending in printed
    if settings:
        assert "FAILED test_it.py::test_leaves" in printed
