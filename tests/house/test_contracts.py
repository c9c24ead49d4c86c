"""The import contracts hold, and each of them goes red on a planted violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = "Floors: each room"
STRANGERS = "Triage and the simulator"
PURE = "Pure rooms touch"
PROCESSES = "Only executor starts"
SQL = "Only store speaks"
RECORDER = "The recorder drags"
KIT = "Nothing shipped leans"
SIM = "Simulator floors"
CYCLES = "No cycles between siblings"
LIGHT = "The root package stays empty"
COMPOSITION = "Only the composition root"

# (file, line to plant, the contract that must break)
PLANTED = [
    ("triage/cluster/book.py", "import triage.signature", FLOORS),
    ("triage/run/__init__.py", "import triage.phase", FLOORS),
    ("triage/model/base.py", "import triage.store", FLOORS),
    ("triage/attic/__init__.py", '"""An unplaced room."""', FLOORS),
    ("triage/hooks/spec.py", "import triage.cluster", FLOORS),
    (
        "triage/store/api.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import triage.run",
        FLOORS,
    ),
    ("triage/report/__init__.py", "import simulator", STRANGERS),
    ("simulator/units.py", "import triage.errors", STRANGERS),
    ("triage/ledger/__init__.py", "import time", PURE),
    ("triage/errors.py", "import os", PURE),
    ("triage/probe/__init__.py", "import subprocess", PURE),
    ("triage/phase/__init__.py", "import sqlite3", None),
    ("triage/cli/main.py", "import subprocess", PROCESSES),
    ("triage/evidence/__init__.py", "import multiprocessing", PROCESSES),
    ("triage/run/__init__.py", "import sqlite3", SQL),
    ("triage/recorder/__init__.py", "import triage.model.base", RECORDER),
    ("triage/recorder/__init__.py", "import pluggy", RECORDER),
    ("triage/config/__init__.py", "import triage.testing", KIT),
    ("simulator/units.py", "import simulator.config", SIM),
    ("simulator/detector/__init__.py", "import simulator.crystal", SIM),
    ("triage/model/base.py", "import triage.model.outcome", CYCLES),
    ("triage/__init__.py", "import triage.cli", LIGHT),
    ("triage/__init__.py", "import pluggy", LIGHT),
    ("triage/phase/__init__.py", "import triage.store.sqlite", COMPOSITION),
]


def lint(folder: Path) -> tuple[int, set[str]]:
    """Exit code of import-linter in a folder, and the names of the contracts that broke."""
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder), "PATH": ""}, timeout=120,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    return run.returncode, {line.partition(" BROKEN")[0] for line in lines if " BROKEN" in line}


@pytest.fixture
def tree(tmp_path):
    for package in ("triage", "simulator"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_every_contract(tree):
    assert lint(tree) == (0, set())


def test_every_contract_has_a_planted_violation():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {contract["name"] for contract in document["tool"]["importlinter"]["contracts"]}
    unplanted = {name for name in names if not any(mark and name.startswith(mark) for *_, mark in PLANTED)}
    assert unplanted == set()


@pytest.mark.slow
@pytest.mark.parametrize(("file", "line", "mark"), [p for p in PLANTED if p[2]], ids=lambda v: str(v)[:40])
def test_a_planted_violation_goes_red(tree, file, line, mark):
    path = tree / file
    if path.with_suffix("").is_dir():
        path = path.with_suffix("") / "__init__.py"
    if not path.exists() and path.name == "__init__.py" and path.parent.with_suffix(".py").exists():
        path = path.parent.with_suffix(".py")
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}\n")
    code, broken = lint(tree)
    assert code == 1
    assert (mark == FLOORS and "attic" in file) or any(name.startswith(mark) for name in broken), broken
