"""One real suite with a cause of each kind, run for real: who is together, and what `explain` says why."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

FILES = {
    "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["."]\n',
    "data/table.csv": "a,b\n",
    "data/names.txt": "x\n",
    "tool/__init__.py": "",
    "tool/io.py": """
import os
import pathlib


def table(path):
    with open(path) as stream:
        return stream.read()


def names(path):
    if not pathlib.Path(path).is_file():
        raise RuntimeError(f"names not found: {path}")


def limit():
    return {"safe": 1, "slow": 2}[os.environ.get("TOOL_MODE", "safe")]
""",
    "tests/test_b_leaks.py": """
import os
import tempfile
import threading
import time

import torch

def test_moves():
    os.chdir(tempfile.mkdtemp())

def test_sets():
    os.environ["TOOL_MODE"] = "fast"

def test_starts():
    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()

def test_doubles():
    torch.set_default_dtype(torch.float64)
""",
    "tests/test_c_folder.py": """
from pathlib import Path
from tool.io import names, table

def test_table():
    assert table("data/table.csv")

def test_names():
    names("data/names.txt")

def test_exists():
    assert Path("data/table.csv").exists()
""",
    "tests/test_d_mode.py": """
import os
from tool.io import limit

def test_limit():
    assert limit() == 1

def test_mode():
    assert os.environ.get("TOOL_MODE", "safe") == "safe"
""",
    "tests/test_e_threads.py": """
import threading

def test_alone():
    assert threading.active_count() == BEFORE

def test_nobody_else():
    assert ["alone"][threading.active_count() - BEFORE]

BEFORE = threading.active_count()
""",
    "tests/test_f_dtype.py": """
import torch

WEIGHTS = torch.ones(2, 2, dtype=torch.float32)

def test_kind():
    assert torch.ones(2).dtype == WEIGHTS.dtype

def test_product():
    assert (torch.ones(2, 2) @ WEIGHTS).sum() == 4
""",
    "tests/test_g_other.py": """
def test_other():
    raise LookupError("nothing to do with the others")
""",
}
SUITE = {
    "a relative path of the project is not found: the working directory moved": {
        "test_table", "test_names", "test_exists",
    },
    "each looks at the environment variable TOOL_MODE: its process may have another one": {
        "test_limit", "test_mode",
    },
    "each looks at the number of threads by active_count: its process may have another one": {
        "test_alone", "test_nobody_else",
    },
}  # fmt: skip
ONLY_PROPOSED = ("test_kind", "test_product")
"""Both look at the default dtype: a mark of a whole process, which every failure of it may show."""


def bare(nodeid):
    """The function's name alone."""
    return nodeid.rpartition("::")[2].partition("[")[0]


def test_each_kind_of_evidence_joins_its_own_and_is_explained(project):
    (project.root / "pytest.ini").unlink()
    for name, text in FILES.items():
        project.file(name, text)
    project.commit()
    assert project.triage("init").code == 0
    said = project.triage("run", "--chunks", "1")
    assert said.code == 1, said.err
    found = project.triage("clusters", "--json").json["clusters"]
    together = {frozenset(map(bare, cluster["members"])): cluster["id"] for cluster in found}
    alone = ({name} for name in ("test_other", *ONLY_PROPOSED))
    assert set(together) == {*map(frozenset, SUITE.values()), *map(frozenset, alone)}
    said = project.triage("explain", together[frozenset({"test_kind"})]).out
    assert "default dtype" in said
    assert "proposed" in said
    for why, tests in SUITE.items():
        said = project.triage("explain", together[frozenset(tests)])
        assert f": {why}\n" in said.out
        assert "proposed" not in said.out
