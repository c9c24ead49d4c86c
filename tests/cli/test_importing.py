"""One run in shards, each on a clone of its own, against the same run on one machine: the command line."""

from __future__ import annotations

import json
import shutil

import pytest

pytestmark = pytest.mark.slow
STAMP = "20260102T030405Z"
FILES = {
    "pytest.ini": "[pytest]\n",
    ".gitignore": "reports/\nplans/\n.triage/\n__pycache__/\n",
    "shapes.py": "def area(kind):\n    if kind == 'star':\n        raise LookupError('odd')\n    return 1\n",
    "test_dead.py": "import os\n\ndef test_alive():\n    pass\n\ndef test_dies():\n    os.abort()\n",
    "test_broken.py": "import nothing_like_it\n",
} | {
    f"test_{name}.py": "import shapes, pytest\n\n@pytest.mark.parametrize('kind', ['disc', 'star', 'box'])\n"
    f"def test_area(kind):\n    assert shapes.area(kind) == 1\n\ndef test_{name}():\n    assert {value}\n"
    for name, value in {"a": 1, "b": 0, "c": 1, "d": "[] == [1]"}.items()
}


class Machines:
    """Clones of one commit."""

    def __init__(self, project, place):
        for name, text in FILES.items():
            project.file(name, text)
        self.origin, self.place, self.kind = project.commit(), place, type(project)
        self.artifacts = place / "artifacts"

    def clone(self, name):
        self.origin.git("clone", "-q", str(self.origin.root), str(self.place / name))
        return self.kind(self.place / name)

    def shard(self, number, count, *words):
        machine = self.clone(f"machine{number}of{count}")
        said = machine.triage(
            "run", "--shard", f"{number}/{count}", "--no-ledgers", "--json", "--stamp", STAMP, *words
        )
        assert said.code in (0, 1), said.err
        assert not (machine.root / "plans").exists()
        shutil.copytree(machine.root / "reports", self.artifacts / f"shard-{number}")
        return said.json


@pytest.fixture
def machines(project, tmp_path):
    return Machines(project, tmp_path)


def told(clusters):
    return [(c["id"], c["title"], sorted(c["members"]), sorted(c["signatures"])) for c in clusters]


def outcomes(machine, stamp):
    rows = machine.triage("results", stamp, "--json").json["results"]
    return sorted((row["nodeid"], row["outcome"], [f["cluster"] for f in row["failures"]]) for row in rows)


def test_shards_on_three_machines_are_the_one_run(machines):
    parts = [machines.shard(number, 3) for number in (1, 2, 3)]
    one = machines.clone("one")
    whole = one.triage("run", "--json", "--stamp", STAMP)
    assert whole.code == 1, whole.err
    joint = machines.clone("joint")
    said = joint.triage("collect", "--shards", str(machines.artifacts), "--stamp", STAMP, "--json")
    assert said.code == 1, said.err
    got, want = said.json, whole.json
    assert (got["complete"], got["void"], got["shards"]) == (True, None, 3)
    assert got["counts"] == want["counts"]
    assert sum(part["counts"]["collected"] for part in parts) == want["counts"]["collected"] == 18
    assert got["collect_errors"] == want["collect_errors"] == 1
    assert told(got["clusters"]) == told(want["clusters"])
    assert outcomes(joint, STAMP) == outcomes(one, STAMP)
    assert joint.triage("check").code == 0
    assert joint.triage("run", "--json").json["clusters"][0]["state_in_run"] == "known"


def test_a_missing_shard_is_void_and_a_double_one_is_refused(machines):
    for number in (1, 3):
        machines.shard(number, 3)
    joint = machines.clone("joint")
    said = joint.triage("collect", "--shards", str(machines.artifacts), "--json")
    assert said.code == 3, said.err
    assert said.json["void"] == "missing shards: 2/3"
    assert said.json["counts"]["not_run"] > 0
    assert "VOID: missing shards: 2/3" in joint.triage("collect", "--shards", str(machines.artifacts)).out
    shutil.copytree(machines.artifacts / "shard-1", machines.artifacts / "shard-1 (1)")
    before = sorted(path.name for path in (joint.root / "reports" / "triage" / "phase_a").iterdir())
    twice = joint.triage("collect", "--shards", str(machines.artifacts))
    assert twice.code == 2
    assert "[double-shard]" in twice.err
    after = sorted(path.name for path in (joint.root / "reports" / "triage" / "phase_a").iterdir())
    assert after == before, "what cannot be joined leaves no folder behind"


def test_older_runs_beside_the_shards_are_left_out_and_said(machines):
    """An artifact is often the whole `reports/`, with earlier runs in it."""
    machines.shard(1, 1)
    old = machines.clone("old")
    assert old.triage("run", "--json").code == 1
    shutil.copytree(old.root / "reports", machines.artifacts / "earlier")
    said = machines.clone("joint").triage("collect", "--shards", str(machines.artifacts), "--json")
    assert said.code == 1, said.err
    assert said.json["shards"] == 1
    assert any("1 run that is no shard" in note for note in said.json["notes"])


def test_a_torn_shard_is_named(machines):
    machines.shard(1, 1)
    record = next(machines.artifacts.rglob("results.json"))
    record.write_text(json.dumps(json.loads(record.read_text()))[:200])
    said = machines.clone("joint").triage("collect", "--shards", str(machines.artifacts))
    assert said.code == 2
    assert "[no-record]" in said.err
    assert str(record) in said.err


def test_what_a_report_lacks_is_the_exit_code(project):
    """A matrix of two jobs, one red: red. Less shown than counted, or an interrupted session: void."""
    case = '<testcase classname="tests.test_a" name="test_x" time="0.1">{}</testcase>'
    suite = '<testsuite name="pytest" tests="{}">' + case + "</testsuite>"
    failed = suite.format(1, '<failure message="boom">E   ValueError: boom</failure>')
    project.file("artifacts/py310/junit.xml", failed)
    project.file("artifacts/py312/junit.xml", suite.format(1, ""))
    red = project.triage("import", "artifacts", "--no-ledgers", "--json")
    assert red.code == 1, red.err
    assert (red.json["counts"]["failed"], red.json["counts"]["passed"], red.json["void"]) == (1, 1, None)
    green = project.triage("import", "artifacts/py312/junit.xml", "--no-ledgers")
    assert green.code == 0, green.err
    project.file("short.xml", suite.format(9, ""))
    short = project.triage("import", "short.xml", "--no-ledgers")
    assert short.code == 3
    assert "8 tests are missing: it counts 9 and shows 1" in short.out
    project.file(
        "log.jsonl", '{"pytest_version": "9.2"}\n{"exitstatus": 2, "$report_type": "SessionFinish"}\n'
    )
    interrupted = project.triage("import", "log.jsonl", "--no-ledgers", "--json")
    assert interrupted.code == 3
    assert "exit status 2" in interrupted.json["void"]
