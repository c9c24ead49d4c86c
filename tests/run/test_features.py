# ruff: noqa: E501 - suites are written as text
"""Fork servers, reports, limits, other interpreters, other plugins, plain sessions."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.fixtures.projects import WITH_FOREIGN_PLUGINS
from tests.planted.hostile.api import HostileSuite
from triage.errors import UsageError
from triage.model.run import RunRecord
from triage.run.standalone import read_recorded

pytestmark = pytest.mark.slow

Survive = Callable[..., RunRecord]
Run = Callable[..., RunRecord]
MIXED = """
import os, pytest
def test_pass(): print("said"); print("warned", file=__import__("sys").stderr)
def test_fail(): assert [1, 2] == [1, 3]
@pytest.fixture
def bad(): raise RuntimeError("in setup")
def test_error(bad): pass
@pytest.mark.skip(reason="not now")
def test_skip(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
def test_property(record_property): record_property("k", 1)
"""
ATTACHING = """
def test_attaches(record_property, tmp_path):
    file = tmp_path / "server.log"
    file.write_text("kept")
    record_property("attachment", str(file))
"""
MIXED_OUTCOMES = {
    "test_pass": "passed", "test_fail": "failed", "test_error": "error", "test_skip": "skipped",
    "test_xfail": "xfailed", "test_xpass": "xpassed", "test_property": "passed",
}  # fmt: skip


def mixed(name: str = "test_mixed.py", more: str = "", **extra: str) -> HostileSuite:
    expected = {f"{name}::{test}": word for test, word in MIXED_OUTCOMES.items()}
    return HostileSuite({name: MIXED + more}, expected | {f"{name}::{k}": v for k, v in extra.items()})


# -- reports ------------------------------------------------------------------------------------


def test_report_is_the_plugins_own(
    survive: Survive, isolation: str, tmp_path: Path, evidence: Callable[[], Path]
) -> None:
    survive(mixed(), isolation=isolation, env=WITH_FOREIGN_PLUGINS)
    ours = json.loads(next(evidence().rglob("report.json")).read_text())
    assert ours.pop("triage") == {"made_from": "pytest-json-report"}
    plain = tmp_path / "plain.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--json-report",
        f"--json-report-file={plain}",
        "-p",
        "no:cacheprovider",
    ]
    environ = {**os.environ, **WITH_FOREIGN_PLUGINS}
    subprocess.run(command, cwd=tmp_path / "suite", env=environ, stdout=subprocess.DEVNULL, check=False)
    theirs = json.loads(plain.read_text())
    assert set(ours) == set(theirs)
    assert ours["summary"] == theirs["summary"]
    assert ours["exitcode"] == theirs["exitcode"]
    times = ("duration", "keywords", "log")

    def still(test: dict[str, object]) -> dict[str, object]:
        return {
            k: {x: y for x, y in v.items() if x not in times} if isinstance(v, dict) else v
            for k, v in test.items()
            if k not in times
        }

    assert [still(t) for t in ours["tests"]] == [still(t) for t in theirs["tests"]]
    assert "test_mixed.py" in {c["nodeid"] for c in ours["collectors"]}


def test_report_from_events_says_so_and_has_the_same_schema(
    survive: Survive, isolation: str, evidence: Callable[[], Path]
) -> None:
    suite = mixed(
        more=f"def test_zcrash(): os.abort()\ndef test_zlast(): pass\n{ATTACHING}",
        test_zcrash="crashed",
        test_zlast="passed",
        test_attaches="passed",
    )
    record = survive(suite, isolation=isolation)
    (attaching,) = [result for result in record.results if result.attachments]
    assert attaching.nodeid == "test_mixed.py::test_attaches"
    assert [(each.name, each.data) for each in attaching.attachments or ()] == [("server.log", "kept")]
    report = json.loads(next(evidence().rglob("report.json")).read_text())
    assert report["triage"]["made_from"] == "events"
    tests = {t["nodeid"].partition("::")[2]: t for t in report["tests"]}
    assert {n: t["outcome"] for n, t in tests.items()} == MIXED_OUTCOMES | {
        "test_zcrash": "error",
        "test_zlast": "passed",
        "test_attaches": "passed",
    }
    assert tests["test_zcrash"]["metadata"]["triage"]["outcome"] == "crashed"
    assert tests["test_pass"]["call"]["stdout"] == "said\n"
    assert tests["test_fail"]["call"]["crash"]["lineno"] == 4
    assert tests["test_error"]["setup"]["outcome"] == "failed"
    assert report["summary"]["total"] == 10


def test_junit_has_each_test_once(survive: Survive, evidence: Callable[[], Path]) -> None:
    more = "@pytest.fixture\ndef late():\n    yield\n    raise OSError\ndef test_both(late): assert 0\ndef test_zcrash(): os.abort()\n"
    survive(mixed(more=more, test_both="failed", test_zcrash="crashed"))
    suite = ElementTree.parse(next(evidence().rglob("junit.xml"))).getroot().find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert len({case.get("name") for case in cases}) == len(cases) == int(suite.get("tests", 0)) == 9
    assert [child.tag for case in cases if case.get("name") == "test_both" for child in case] == [
        "failure",
        "error",
    ]


def test_threads_of_several_workers_sleep_while_they_wait(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    text = "import os\ndef test_w(): assert os.environ.get('OMP_WAIT_POLICY') == os.environ['WANTED']\n"
    HostileSuite({"test_w.py": text, "test_v.py": text}, {}).write(tmp_path / "suite")
    assert run_here(workers=2, env={"WANTED": "PASSIVE"}).counts.passed == 2
    assert json.loads((evidence() / "env.json").read_text())["added"] == {"OMP_WAIT_POLICY": "PASSIVE"}
    assert run_here(workers=2, env={"WANTED": "ACTIVE", "OMP_WAIT_POLICY": "ACTIVE"}).counts.passed == 2
    assert run_here(workers=1, env={"WANTED": "None"}).counts.failed == 2, "one worker: left alone"


def test_a_large_chunk_has_its_report_from_the_events(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    text = "import pytest\n@pytest.mark.parametrize('n', range({}))\ndef test_n(n): pass\n"
    files = {"test_small.py": text.format(1000), "test_large.py": text.format(1001)}
    manifest = json.dumps({"small": ["test_small.py"], "large": ["test_large.py"]})
    HostileSuite(files | {"chunks.json": manifest}, {}).write(tmp_path / "suite")
    record = run_here(manifest="chunks.json", workers=2, env=WITH_FOREIGN_PLUGINS)
    assert record.counts.passed == 2001
    made = {
        name: json.loads((evidence() / "chunks" / name / "report.json").read_text())
        for name in ("small", "large")
    }
    assert made["small"]["triage"] == {"made_from": "pytest-json-report"}
    assert made["large"]["triage"]["made_from"] == "events"
    assert "too many tests for the plugin" in made["large"]["triage"]["why"]
    assert {name: report["summary"]["passed"] for name, report in made.items()} == {
        "small": 1000,
        "large": 1001,
    }


# -- limits, plans, interpreters ------------------------------------------------------------------


def test_memory_limit_makes_a_memory_error_not_a_death(survive: Survive, isolation: str) -> None:
    text = "def test_hungry(): bytearray(4 << 30)\ndef test_after(): pass\n"
    expected = {"test_m.py::test_hungry": "failed", "test_m.py::test_after": "passed"}
    record = survive(
        HostileSuite({"test_m.py": text}, expected), isolation=isolation, limits={"memory_bytes": 1 << 30}
    )
    assert record.results[0].failures[0].exception == "MemoryError"


def test_limits_as_they_applied_are_evidence(survive: Survive, evidence: Callable[[], Path]) -> None:
    survive(mixed(), limits={"test_timeout": 11.0, "chunk_timeout": 22.0, "total_timeout": 333.0})
    limits = json.loads((evidence() / "plan.json").read_text())["limits"]
    assert (limits["test_timeout"], limits["chunk_timeout"], limits["total_timeout"]) == (11.0, 22.0, 333.0)


def test_a_manifest_names_the_chunks(tmp_path: Path, run_here: Run) -> None:
    files = {"test_a.py": "def test_1(): pass\ndef test_2(): pass\n", "test_b.py": "def test_3(): pass\n"}
    files["chunks.json"] = json.dumps({"late": ["test_a.py::test_2"], "early": ["test_b.py"]})
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(manifest="chunks.json")
    assert {r.nodeid: r.chunk for r in record.results} == {
        "test_a.py::test_2": "late", "test_b.py::test_3": "early", "test_a.py::test_1": "chunk_rest",
    }  # fmt: skip
    with pytest.raises(UsageError, match="no-manifest"):
        run_here(manifest="missing.json", stamp="20260101T000000Z")


def test_commands_are_taken_back_by_a_shell(
    tmp_path: Path, run_here: Run, evidence: Callable[[], Path]
) -> None:
    text = "import pytest\n@pytest.mark.parametrize('x', ['a b', \"q'q\", '$HOME', '`id`'] + list(range(20)))\ndef test_p(x): assert x != 7\n"
    HostileSuite({"test_odd name.py": text}, {}).write(tmp_path / "suite")
    run_here(env={"GREETING": "hi there"})
    command = [
        line
        for line in (evidence() / "commands.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    done = subprocess.run(
        ["sh", "-c", command[0] + " -p no:cacheprovider"], capture_output=True, text=True, check=False
    )
    assert (
        "1 failed, 23 passed" in done.stdout
        or "1 failed, 23 passed"
        in subprocess.run(["sh", "-c", command[0]], capture_output=True, text=True, check=False).stdout
    )


def bare_interpreter(place: Path) -> Path:
    """A virtual environment with pytest and what it needs, and nothing of ours."""
    venv.create(place, with_pip=False, symlinks=True)
    site = next(place.glob("lib/python*/site-packages"))
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (site / name).symlink_to(Path(spec.origin).parent)
        for info in Path(spec.origin).parents[1].glob(f"{name}-*.dist-info"):
            (site / info.name).symlink_to(info)
    (site / "py.py").symlink_to(Path(pytest.__file__).parents[1] / "py.py")
    return place / "bin" / "python"


def test_an_interpreter_without_triage_is_served_too(tmp_path: Path, run_here: Run, isolation: str) -> None:
    python = bare_interpreter(tmp_path / "venv")
    text = "import sys, os\ndef test_where(): assert 'venv' in sys.prefix\ndef test_path(): assert 'PYTHONPATH' not in os.environ and not any('carry' in p for p in sys.path)\n"
    HostileSuite({"test_w.py": text + "def test_fail(): assert 0\ndef test_die(): os.abort()\n"}, {}).write(
        tmp_path / "suite"
    )
    record = run_here(python=str(python), isolation=isolation)
    assert [r.outcome.value for r in record.results] == ["passed", "passed", "failed", "crashed"]


def test_an_interpreter_without_pytest_is_one_clear_error(tmp_path: Path, run_here: Run) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    HostileSuite({"test_w.py": "def test_a(): pass\n"}, {}).write(tmp_path / "suite")
    with pytest.raises(UsageError, match="no-pytest"):
        run_here(python=str(tmp_path / "venv" / "bin" / "python"))


# -- plain sessions -------------------------------------------------------------------------------


def plain(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)


def test_a_plain_session_leaves_the_same_record(tmp_path: Path) -> None:
    suite = mixed()
    root = tmp_path / "suite"
    suite.write(root)
    plain(root, "--triage-record", str(tmp_path / "rec"))
    record = read_recorded(tmp_path / "rec", root=root, stamp="20260101T000000Z", campaign="c")
    assert {r.nodeid: r.outcome.value for r in record.results} == dict(suite.expected)
    assert record.complete
    again = plain(root, "--triage-record", str(tmp_path / "rec"))
    assert again.returncode == 4
    assert "File exists" in again.stderr


def test_a_plain_session_that_dies_leaves_what_it_knew(tmp_path: Path) -> None:
    root = tmp_path / "suite"
    HostileSuite(
        {"test_d.py": "import os\ndef test_1(): pass\ndef test_2(): os.abort()\ndef test_3(): pass\n"}, {}
    ).write(root)
    plain(root, "--triage-record", str(tmp_path / "rec"))
    record = read_recorded(tmp_path / "rec", root=root, stamp="20260101T000000Z", campaign="c")
    assert [r.outcome.value for r in record.results] == ["passed", "crashed", "not_run"]
    assert not record.complete


def test_without_the_option_the_recorder_is_not_even_imported(tmp_path: Path) -> None:
    text = """import sys
def test_light():
    loaded = [name for name in sys.modules if name.partition(".")[0] in ("triage", "pydantic")]
    assert sorted(loaded) == ["triage", "triage.recorder", "triage.recorder.pytest_option"]
"""
    HostileSuite({"test_l.py": text}, {}).write(tmp_path / "suite")
    assert plain(tmp_path / "suite").returncode == 0
