# ruff: noqa: E501 - suites are written as text
"""Other plugins beside us, and another project's own suite: taken from the package index, skipped without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.fixtures.projects import WITH_FOREIGN_PLUGINS
from tests.planted.hostile.api import HostileSuite
from triage.model.run import RunRecord

Run = Callable[..., RunRecord]
PLUGINS = (
    "pytest-xdist",
    "pytest-randomly",
    "pytest-timeout",
    "pytest-rerunfailures",
    "pytest-cov",
    "pytest-random-order",
)
PROJECT = "pluggy"
"""pytest needs it, so it is installed here, and its own tests need nothing else."""


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"pip {words[0]}: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the plugins, for PYTHONPATH: only the suite under test sees them."""
    target = tmp_path_factory.mktemp("plugins")
    pip("install", "--no-deps", "--target", str(target), "execnet", *PLUGINS)
    return str(target)


@pytest.mark.slow
def test_beside_other_plugins_nothing_is_lost_and_what_is_off_is_said(
    tmp_path: Path, run_here: Run, plugins: str, isolation: str
) -> None:
    options = (
        "-n 2 --dist loadscope --cov=. --cov-fail-under=99 --reruns 1 --timeout 20 -x --maxfail=1 --random-order "
        "--junitxml=out.xml"
    )
    files = {
        "pytest.ini": f"[pytest]\naddopts = {options}\n",
        "test_p.py": """
            import os, time
            import pytest
            @pytest.mark.parametrize("n", range(5))
            def test_n(n): assert n != 3
            def test_crash(): os.abort()
            RUNS = []
            @pytest.mark.flaky(reruns=3)
            def test_flaky():
                RUNS.append(1)
                assert len(RUNS) > 2
            @pytest.mark.flaky(reruns=0)
            @pytest.mark.timeout(1)
            def test_slow(): time.sleep(30)
        """,
        "test_q.py": "def test_a(): pass\ndef test_b(): pass\n",
    }
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(isolation=isolation, workers=2, env={"PYTHONPATH": plugins, **WITH_FOREIGN_PLUGINS})
    outcomes = {r.nodeid.partition("::test_")[2]: r.outcome.value for r in record.results}
    assert outcomes == {
        "n[0]": "passed", "n[1]": "passed", "n[2]": "passed", "n[3]": "failed", "n[4]": "passed", "crash": "crashed",
        "flaky": "passed", "slow": "failed", "a": "passed", "b": "passed",
    }  # fmt: skip
    said = "\n".join(record.notes)
    for name in (
        "-x/--maxfail",
        "--junitxml",
        "pytest-xdist",
        "pytest-cov's reports and --cov-fail-under",
        "pytest-randomly",
        "pytest-random-order",
    ):
        assert f"{name} switched off" in said or f"{name}'s shuffling switched off" in said, name
    flaky = next(r for r in record.results if r.nodeid.endswith("test_flaky"))
    assert flaky.note == "run 3 times by pytest-rerunfailures"
    assert not (tmp_path / "suite" / "out.xml").exists()
    assert {p.name for p in (tmp_path / "suite").glob(".coverage*")} == {".coverage"}


LIBRARY = "def one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n"


def lines_of(root: Path, environ: dict[str, str]) -> dict[str, list[int]]:
    """Lines of the library that `coverage` says were run."""
    command = [sys.executable, "-m", "coverage", "json", "-q", "-o", "-"]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=True)
    files = json.loads(done.stdout)["files"]
    return {name: value["executed_lines"] for name, value in files.items() if name.startswith("lib")}


@pytest.mark.slow
def test_coverage_of_all_chunks_is_joined(
    tmp_path: Path, run_here: Run, plugins: str, isolation: str
) -> None:
    """As with plain pytest, data configuration included; a process that died has none, a later one has."""
    names = ("one", "two", "three")
    files = {f"test_{name}.py": f"import lib\ndef test_it(): assert lib.{name}()\n" for name in names}
    files |= {"pytest.ini": "[pytest]\naddopts = --cov=lib --cov-report=term --cov-fail-under=100\n"}
    files |= {"lib.py": LIBRARY, ".coveragerc": "[run]\ndata_file = data/measured\n"}
    HostileSuite(files, {}).write(tmp_path / "suite")
    root, environ = tmp_path / "suite", {**os.environ, "PYTHONPATH": plugins, **WITH_FOREIGN_PLUGINS}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly"],
        cwd=root,
        env=environ,
        stdout=subprocess.DEVNULL,
    )
    plain = lines_of(root, environ)
    assert plain["lib.py"] == [1, 2, 5, 6, 9, 10]
    (root / "data" / "measured").unlink()
    (root / "test_four.py").write_text("import os\ndef test_dies(): os.abort()\ndef test_after(): pass\n")
    record = run_here(
        isolation=isolation, workers=2, chunks=4, env={"PYTHONPATH": plugins, **WITH_FOREIGN_PLUGINS}
    )
    assert (record.counts.passed, record.counts.crashed) == (4, 1)
    assert lines_of(root, environ) == plain
    assert [p.name for p in (root / "data").iterdir()] == ["measured"]
    assert any("coverage of" in note and "joined" in note for note in record.notes)
    assert not any("isolation fresh instead" in note for note in record.notes), "these plugins fork well"


@pytest.mark.slow
def test_a_public_projects_own_suite_gives_what_plain_pytest_gives(tmp_path: Path, run_here: Run) -> None:
    """Its tests are only in the source distribution; the project itself is installed in this environment."""
    pip(
        # what builds it may be a wheel
        *("download", "--no-deps", "--no-binary", PROJECT),
        *("--dest", str(tmp_path / "sdist"), f"{PROJECT}=={version(PROJECT)}"),
    )
    archive = next((tmp_path / "sdist").glob("*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "source", filter="data")
    root = next((tmp_path / "source").iterdir())
    tests = "tests" if (root / "tests").is_dir() else "testing"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    report = tmp_path / "plain.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        tests,
        "--json-report",
        f"--json-report-file={report}",
    ]
    subprocess.run(command, cwd=root, env=environ, stdout=subprocess.DEVNULL, timeout=300, check=False)
    plain = {test["nodeid"]: test["outcome"] for test in json.loads(report.read_text())["tests"]}
    assert len(plain) > 20
    for isolation in ("warm", "fresh"):
        record = run_here(
            root,
            selectors=(tests,),
            isolation=isolation,
            workers=2,
            env=WITH_FOREIGN_PLUGINS,
        )
        assert {r.nodeid: r.outcome.value for r in record.results} == plain
        assert len(record.results) == len(plain)
