"""Runs one after the other: known, regressed, fixed, other reason; the gate; numbering."""

from __future__ import annotations

import pytest

from triage.run.ci_files import FILE_VARIABLES

pytestmark = pytest.mark.slow


def states(project, *words):
    said = project.triage("run", "--json", *words)
    return said.code, {c["id"]: c["state_in_run"] for c in said.json["clusters"]}


def test_known_fixed_and_regressed(project):
    red = "def test_a():\n    raise ValueError('broken')\n\ndef test_b():\n    pass\n"
    green = "def test_a():\n    pass\n\ndef test_b():\n    pass\n"
    other = "def test_a():\n    raise OSError('quite another reason')\n\ndef test_b():\n    pass\n"
    project.file("test_x.py", red)
    assert states(project) == (1, {"C1": "new"})
    assert states(project) == (0, {"C1": "known"})
    assert states(project, "--gate", "strict") == (1, {"C1": "known"})
    project.file("test_x.py", green)
    assert states(project) == (0, {"C1": "fixed"})
    project.file("test_x.py", other)
    assert states(project) == (1, {"C1": "not_run", "C2": "new"}), "another reason may hide the first"
    old, new = (row["stamp"] for row in list(reversed(project.triage(
        "history", "test_x.py::test_a", "--json"
    ).json["runs"]))[-2:])  # fmt: skip
    assert project.triage("diff", old, new, "--json").json["broken"] == ["test_x.py::test_a"]


def test_a_new_member_of_a_known_cluster_passes_one_gate_and_fails_the_other(project):
    body = "def check():\n    raise ValueError('broken')\n\ndef test_a():\n    check()\n"
    project.file("test_x.py", body)
    assert states(project)[0] == 1
    project.file("test_x.py", body + "\ndef test_b():\n    check()\n")
    assert states(project, "--gate", "reason-and-test", "--no-ledgers")[0] == 1
    assert states(project) == (0, {"C1": "known"})


def test_history_and_ledgers_are_two_things(project):
    project.file("test_x.py", "def test_a():\n    assert 0\n").commit()
    assert project.triage("run", "--no-ledgers").code == 1
    assert len(project.triage("history", "test_x.py::test_a", "--json").json["runs"]) == 1
    assert project.triage("run", "--no-ledgers", "--no-history").code == 1
    assert len(project.triage("history", "test_x.py::test_a", "--json").json["runs"]) == 1
    changed = project.git("status", "--porcelain", "--untracked-files=all").split("\n")
    assert {line[3:].split("/")[0] for line in changed if line} <= {"reports", ".triage", "__pycache__"}
    assert not (project.root / "plans").exists()
    assert "next: triage probe test_x.py::test_a" in project.triage("run", "--no-ledgers").out
    assert "(not in the journal)" in project.triage("status").out
    assert project.triage("next").out.startswith("triage run "), "what failed is not resolved"


def test_what_people_wrote_around_the_regions_survives(project):
    project.file("test_x.py", "def test_a():\n    assert 0\n")
    project.triage("init")
    path = project.root / "plans/fix_plan.md"
    path.write_bytes(b"\xef\xbb\xbfMy notes\r\n\r\n" + path.read_bytes() + b"\r\nmore, no newline at the end")
    assert project.triage("run").code == 1
    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbfMy notes\r\n\r\n")
    assert after.endswith(b"\r\nmore, no newline at the end")
    assert b"C1" in after


def test_env_selectors_and_pytest_arguments_reach_the_suite(project):
    project.file("a/test_x.py", "import os\ndef test_env():\n    assert os.environ['SHAPE'] == 'a b'\n")
    project.file("b/test_y.py", "def test_other():\n    assert 0\n")
    said = project.triage("run", "a", "--env", "SHAPE=a b", "--json", "--", "-k", "env")
    assert said.code == 0, said.err
    assert said.json["counts"]["collected"] == said.json["counts"]["passed"] == 1


def test_a_plain_session_leaves_a_record_that_can_be_imported(project):
    import subprocess
    import sys

    project.file("test_x.py", "import os\ndef test_a():\n    assert 0\ndef test_b():\n    os._exit(0)\n")
    option = ["-p", "triage.recorder.pytest_option", "--triage-record", "record"]
    plain = [sys.executable, "-m", "pytest", "-q", *option]
    assert subprocess.run(plain, cwd=project.root, capture_output=True, timeout=120).returncode == 0
    said = project.triage("import", "record", "--json")
    counts = said.json["counts"]
    assert (counts["collected"], counts["failed"], counts["crashed"]) == (2, 1, 1), said.err


def test_a_run_and_a_probe_withhold_them(project, tmp_path):
    files = {name: tmp_path / name for name in sorted(FILE_VARIABLES)}
    for file in files.values():
        file.write_text("as the runner made it\n")
    project.file(
        "test_a.py",
        f"import os\nNAMES = {sorted(files)!r}\ndef test_a():\n    for name in NAMES:\n"
        "        if name in os.environ:\n            open(os.environ[name], 'w').close()\n    assert 0\n",
    )
    environ = {name: str(file) for name, file in files.items()}
    handed = {"TRIAGE_CI_FILES": "GITHUB_OUTPUT"}
    assert project.triage("run", **environ, **handed).code == 1
    emptied = {name for name, file in files.items() if not file.read_text()}
    assert emptied == {"GITHUB_OUTPUT"}
    files["GITHUB_OUTPUT"].write_text("again\n")
    project.triage("probe", "test_a.py::test_a", "--probe", "alone", "--repeats", "1", **environ)
    assert all(file.read_text() for file in files.values())


CANNOT_START = """
import os
def pytest_runtestloop(session):
    if not os.path.exists("mended") and any("test_b" in item.name for item in session.items):
        os._exit(7)
"""


def test_what_is_new_in_a_run_that_can_be_resumed_is_new_when_it_is_over(project):
    """Half of it ran and failed, the other half could not be started: a void run decides nothing."""
    project.file("conftest.py", CANNOT_START)
    project.file("test_a.py", "def test_a():\n    raise ValueError('broken')\n")
    project.file("test_b.py", "def test_b():\n    pass\n")
    void = project.triage("run", "--json", "--chunks", "2", "--workers", "2", "--isolation", "fresh")
    stamp = void.json["stamp"]
    assert void.code == 3
    assert "no test could be started: ended with exit code 7" in void.json["void"]
    assert not list(project.root.glob("reports/*/phase_a/*/manifest.json"))
    assert "cluster" not in "".join(path.read_text() for path in project.root.glob("plans/journal.jsonl"))
    project.file("mended", "")
    assert states(project, "--resume", stamp, "--isolation", "fresh") == (1, {"C1": "new"})
    assert states(project) == (0, {"C1": "known"})


@pytest.mark.slow
def test_a_victim_of_other_tests_is_named_as_one(project):
    project.file(
        "test_x.py",
        "KEPT = []\ndef test_polluter():\n    KEPT.append(1)\ndef test_victim():\n    assert not KEPT\n",
    )
    said = project.triage("run").out
    assert "passes alone: it fails only behind tests that ran before it" in said
