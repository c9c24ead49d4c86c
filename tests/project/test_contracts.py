"""The import contracts hold, and each of them goes red on a planted violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = "Layers: each room"
STRANGERS = "Triage and the simulator"
PURE = "Pure rooms touch"
PURE_PROBES = "Probes are pure"
PROCESSES = "Only process starts"
SQL = "Only evidence.history speaks"
RECORDER = "The recorder drags"
CARRIED = "What is carried"
KIT = "Nothing shipped leans on the conformance kits"
TESTS = "Nothing shipped leans on tests"
SIM = "Simulator layers"
CYCLES = "No cycles between siblings"
LIGHT = "The root package stays empty"
COMPOSITION = "Only the composition root"

PROBE_FLOW = {"case_facts", "investigate", "members", "record", "reproduce", "schedule", "subject"}
"""Modules of `triage.probe` that run experiments and read or write files; all others are pure."""

# (file, line to plant, the contract that must break)
PLANTED = [
    ("triage/cluster/registry.py", "import triage.signature", LAYERS),
    ("triage/run/__init__.py", "import triage.campaign", LAYERS),
    ("triage/lab/__init__.py", "import triage.probe", LAYERS),
    ("triage/base/__init__.py", "import triage.campaign", LAYERS),
    ("triage/repair/__init__.py", "import triage.probe", LAYERS),
    ("triage/model/base.py", "import triage.evidence", LAYERS),
    ("triage/attic/__init__.py", '"""An unplaced room."""', LAYERS),
    ("triage/plugins.py", "import triage.cluster", LAYERS),
    (
        "triage/evidence/history/api.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import triage.run",
        LAYERS,
    ),
    ("triage/documents/__init__.py", "import simulator", STRANGERS),
    ("simulator/units.py", "import triage.errors", STRANGERS),
    ("triage/formats/__init__.py", "import time", PURE),
    ("triage/signature/__init__.py", "import random", PURE),
    ("triage/base/decide.py", "import time", PURE),
    ("triage/errors.py", "import os", PURE),
    ("triage/probe/probes/clock.py", "import time", PURE_PROBES),
    ("triage/lab/verdict.py", "import subprocess", PURE_PROBES),
    ("triage/cli/app.py", "import subprocess", PROCESSES),
    ("triage/evidence/__init__.py", "import multiprocessing", PROCESSES),
    ("triage/run/__init__.py", "import sqlite3", SQL),
    ("triage/recorder/__init__.py", "import triage.model.base", RECORDER),
    ("triage/recorder/__init__.py", "import pluggy", RECORDER),
    ("triage/instruments/registry.py", "import triage.model.outcome", CARRIED),
    ("triage/config.py", "import triage.testing", KIT),
    ("triage/lab/__init__.py", "import tests", TESTS),
    ("simulator/units.py", "import simulator.config", SIM),
    ("simulator/detector/__init__.py", "import simulator.crystal", SIM),
    ("triage/model/base.py", "import triage.model.run", CYCLES),
    ("triage/__init__.py", "import triage.cli", LIGHT),
    ("triage/__init__.py", "import pluggy", LIGHT),
    ("triage/campaign/__init__.py", "import triage.evidence.history.sqlite", COMPOSITION),
]


def lint(folder: Path) -> tuple[int, dict[str, str]]:
    """Exit code of import-linter in a folder, and what it says of each contract that broke."""
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder), "PATH": ""}, timeout=120,
    )  # fmt: skip
    summary, _, details = run.stdout.partition("Broken contracts\n")
    broken = [line.partition(" BROKEN")[0] for line in summary.splitlines() if " BROKEN" in line]
    if run.returncode != 0 and not broken:
        return run.returncode, {LAYERS: run.stdout}  # a room without a layer stops the linter
    starts = [details.find(f"\n{name}\n") for name in broken]
    ends = [*starts, len(details)][1:]
    return run.returncode, {
        name: details[start:end] for name, start, end in zip(broken, starts, ends, strict=False)
    }


@pytest.fixture
def tree(tmp_path):
    for package in ("triage", "simulator"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_tree_keeps_every_contract(tree):
    assert lint(tree) == (0, {})


def test_every_contract_has_a_planted_violation():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {contract["name"] for contract in document["tool"]["importlinter"]["contracts"]}
    unplanted = {name for name in names if not any(mark and name.startswith(mark) for *_, mark in PLANTED)}
    assert unplanted == set()


def test_every_module_of_probe_is_pure_or_part_of_the_flow():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = document["tool"]["importlinter"]["contracts"]
    listed = next(c["source_modules"] for c in contracts if c["name"].startswith(PURE_PROBES))
    pure = {name.rpartition(".")[2] for name in listed if name.startswith("triage.probe.")}
    here = {path.stem for path in (ROOT / "triage/probe").iterdir() if path.stem[0] not in "_."}
    assert here == pure | PROBE_FLOW


def rounds() -> list[list[tuple[str, str, str]]]:
    """The planted violations, shared out so that no round plants two for one contract.

    One process of import-linter judges a round, instead of one for each violation.
    """
    shared: list[list[tuple[str, str, str]]] = []
    for planted in PLANTED:
        free = (one for one in shared if planted[2] not in {mark for *_, mark in one})
        into = next(free, None)
        if into is None:
            into = []
            shared.append(into)
        into.append(planted)
    return shared


def names(section: str, module: str) -> bool:
    """Whether the linter names the module: cycles are told relative to their package."""
    return module in section or f".{module.rpartition('.')[2]}" in section


def plant(tree: Path, file: str, line: str) -> None:
    path = tree / file
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}\n")


@pytest.mark.slow
@pytest.mark.parametrize("planted", rounds(), ids=lambda one: f"{len(one)} planted")
def test_a_planted_violation_goes_red(tree, planted):
    for file, line, _ in planted:
        plant(tree, file, line)
    code, sections = lint(tree)
    assert code == 1
    for file, line, mark in planted:
        section = next((text for name, text in sections.items() if name.startswith(mark)), None)
        assert section is not None, (file, line, sorted(sections))
        importer = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        words = line.split()
        # what is planted breaks the contract itself, and not only what others of the round have planted
        assert names(section, importer), (file, line, section)
        if words[-2:-1] == ["import"]:
            assert names(section, words[-1]), (file, line, section)
