"""A real suite, run for real: one test moves the working directory, one offset shows three times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.cluster.assign import assign
from triage.cluster.registry import ClusterRegistry
from triage.formats.importer import read
from triage.signature.api import signatures_of

FILES = {
    "pytest.ini": "[pytest]\n",
    "data/table.csv": "a,b\n",
    "scripts/plot.py": "print('plotted')\n",
    "ring/__init__.py": "",
    "ring/core.py": """
import sys


class Ring:
    def __init__(self, size):
        self.centre = size / 2 + 0.5
        self.gas = None


def read(path):
    with open(path) as stream:
        return stream.read()


def command(arguments):
    if "-x" not in arguments:
        print("Error: need -x or --default")
        sys.exit(1)
""",
    "tests/test_a.py": """
import os
import tempfile


def test_moves_the_folder():
    os.chdir(tempfile.mkdtemp())
""",
    "tests/test_b.py": """
import subprocess
import sys
from pathlib import Path

from ring.core import read


def test_read():
    assert read("data/table.csv")


def test_exists():
    assert Path("data/table.csv").exists()


class TestScripts:
    def test_output(self):
        done = subprocess.run([sys.executable, "scripts/plot.py"], capture_output=True, text=True)
        assert done.returncode == 0, f"script failed: {done.stderr}"

    def test_checked(self):
        subprocess.run([sys.executable, "scripts/plot.py"], check=True, capture_output=True)
""",
    "tests/test_c.py": """
from ring.core import Ring, command


def test_command():
    command([])


def test_command_again():
    command(["-y"])


def test_small():
    assert abs(Ring(8).centre - 4.0) < 0.1, "centre is off"


def test_middle():
    assert Ring(16).centre == 8.0


def test_large():
    ring = Ring(100)
    assert abs(ring.centre - 50) < 0.01, f"a ring of 100 has its centre at {ring.centre}"


def test_gas():
    assert Ring(1).gas.density > 0
""",
}
CAUSES = {
    "moved": {"test_read", "test_exists", "test_output", "test_checked"},
    "command line": {"test_command", "test_command_again"},
    "centre": {"test_small", "test_middle", "test_large"},
    "no gas": {"test_gas"},
}


@pytest.mark.slow
@pytest.mark.parametrize("report", ["junit.xml", "pytest.log"])
def test_one_cluster_for_each_cause(tmp_path: Path, report: str) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junit-xml={tmp_path / 'junit.xml'}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "/usr/bin:/bin", **NO_FOREIGN_PLUGINS},
    )  # fmt: skip
    (tmp_path / "pytest.log").write_text(done.stdout)
    record = read([tmp_path / report], root=tmp_path, stamp="S")
    registry = ClusterRegistry.of(())
    found = assign(
        record, registry, signer=signatures_of, factory=registry.event_factory("2026-01-01T00:00:00Z", "x")
    )
    clusters: dict[str, set[str]] = {}
    for (nodeid, _), cluster in found.cluster_of.items():
        clusters.setdefault(cluster, set()).add(nodeid.rpartition("::")[2])
    assert sorted(map(sorted, clusters.values())) == sorted(map(sorted, CAUSES.values()))
    why = {why.detail for cluster in found.clusters for why in cluster.why}
    assert "a relative path of the project is not found: the working directory moved" in why
    assert "off by 0.5 in Ring.centre" in why
