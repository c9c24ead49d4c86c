"""The harness itself is interrupted, killed, run twice, starved of disk; what is known stays known."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from triage.model.run import RunRecord

HARNESS = Path(__file__).with_name("harness.py")
STAMP = "20260101T000000Z"
COUNTED = """
import os, time, pytest
@pytest.mark.parametrize("n", range({count}))
def test_n(n):
    with open({ran!r}, "a") as file: file.write(f"{name}-{{n}}\\n")
    time.sleep({nap})
    assert n % 10 != 3
"""


class Lab:
    """A suite whose tests note that they ran, and a harness process to do things to."""

    def __init__(self, tmp_path: Path) -> None:
        self.root, self.ran, self.tmp = tmp_path / "suite", tmp_path / "ran", tmp_path / "tmp"
        self.root.mkdir()
        self.tmp.mkdir()
        self.ran.touch()

    def write(self, files: int = 2, count: int = 30, nap: float = 0.01) -> None:
        for number in range(files):
            text = COUNTED.format(ran=str(self.ran), name=f"m{number}", count=count, nap=nap)
            (self.root / f"test_m{number}.py").write_text(text)

    def start(self, *words: str, **kwargs: Any) -> subprocess.Popen[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {
            "TMPDIR": str(self.tmp)
        }
        command = [sys.executable, str(HARNESS), str(self.root), STAMP, *words]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, **kwargs
        )

    def finish(self, *words: str) -> dict[str, Any]:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        record: dict[str, Any] = json.loads(out)
        return record

    def wait_for(self, lines: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.ran.read_text().splitlines()) < lines:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    @property
    def folder(self) -> Path:
        return self.root / "reports" / "t" / "phase_a" / STAMP

    def known(self) -> set[str]:
        """Tests whose outcome is in the evidence."""
        ids: dict[tuple[str, int], list[str]] = {}
        done = set()
        for line in (self.folder / "events.jsonl").read_text().splitlines():
            event = json.loads(line)
            if event["chunk"] == "preflight":
                continue
            if event["e"] == "collected":
                ids[event["chunk"], event["attempt"]] = event["ids"]
            elif event["e"] == "finish":
                done.add(ids[event["chunk"], event["attempt"]][event["i"]])
        return done


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def outcomes(record: dict[str, Any]) -> dict[str, str]:
    return {result["nodeid"]: result["outcome"] for result in record["results"]}


def expected(files: int, count: int) -> dict[str, str]:
    return {
        f"test_m{f}.py::test_n[{n}]": "failed" if n % 10 == 3 else "passed"
        for f in range(files)
        for n in range(count)
    }


def gone(marker: str) -> bool:
    """Whether no process has this text in its command or environment."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and marker in " ".join(process.environ().values()):
                return False
        except (psutil.Error, OSError):
            continue
    return True


def wait_gone(marker: str) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if gone(marker):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_in_order_and_resume_finishes(lab: Lab, number: signal.Signals) -> None:
    lab.write()
    process = lab.start("workers=2", "chunks=2")
    lab.wait_for(10)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert wait_gone(str(lab.tmp))
    before = lab.known()
    assert len(before) >= 8
    record = lab.finish("resume", "workers=2")
    assert outcomes(record) == expected(2, 30)
    assert record["complete"]
    ran = lab.ran.read_text().split()
    again = {name for name in ran if ran.count(name) > 1}
    assert len(again) <= 2, "only what ran when the signal came may run again"


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 1, 7, 25, 41, 59])
@pytest.mark.parametrize("how", ["warm", "fresh"])
def test_kill_at_any_moment_then_resume_runs_nothing_twice(lab: Lab, moment: int, how: str) -> None:
    lab.write(nap=0.004)
    process = lab.start("workers=2", "chunks=2", f'isolation="{how}"')
    if moment:
        lab.wait_for(moment)
    else:
        deadline = time.monotonic() + 30
        while not (lab.folder / "plan.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.002)
    process.kill()
    process.communicate()
    assert wait_gone(str(lab.tmp)), "what the harness started dies with it"
    record = lab.finish("resume", "workers=2")
    assert outcomes(record) == expected(2, 30)
    ran = lab.ran.read_text().split()
    assert len({name for name in ran if ran.count(name) > 1}) <= 2
    assert set(ran) == {f"m{f}-{n}" for f in range(2) for n in range(30)}
    assert list(lab.tmp.glob("*triage-*")) == []


@pytest.mark.slow
def test_kill_before_collection_ends_then_resume(lab: Lab) -> None:
    lab.write()
    (lab.root / "conftest.py").write_text("import time\ntime.sleep(1)\n")
    process = lab.start()
    time.sleep(0.9)
    process.kill()
    process.communicate()
    assert outcomes(lab.finish("resume")) == expected(2, 30)


def test_a_half_written_record_is_read_as_far_as_it_is_whole(lab: Lab) -> None:
    lab.write(files=1)
    process = lab.start()
    lab.wait_for(10)
    process.kill()
    process.communicate()
    wait_gone(str(lab.tmp))
    for path in lab.tmp.glob("triage-*"):
        subprocess.run(["rm", "-rf", str(path)], check=True)
    events = lab.folder / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-7] + b"\n\x00\xff{half a li")
    assert outcomes(lab.finish("resume")) == expected(1, 30)


@pytest.mark.slow
def test_two_runs_at_once_harm_nothing(lab: Lab) -> None:
    lab.write(count=5)
    gate = lab.root / "gate"
    text = (
        f"import os, time\ndef test_gate():\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    )
    (lab.root / "test_z.py").write_text(text)
    first = lab.start('limits={"test_seconds": 60}')
    lab.wait_for(10)
    second = lab.start()
    assert second.wait(30) == 2
    assert "stamp-taken" in second.stderr.read()  # type: ignore[union-attr]
    third = lab.start("resume")
    assert third.wait(30) == 3
    assert "run-in-progress" in third.stderr.read()  # type: ignore[union-attr]
    gate.touch()
    out, _ = first.communicate(timeout=60)
    assert outcomes(json.loads(out)) == expected(2, 5) | {"test_z.py::test_gate": "passed"}


def test_a_full_disk_is_void_in_one_line_and_can_be_resumed(lab: Lab) -> None:
    lab.write()

    def starve() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    process = lab.start(preexec_fn=starve)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert len(err.strip().splitlines()) == 1
    assert wait_gone(str(lab.tmp))
    assert outcomes(lab.finish("resume")) == expected(2, 30)


def test_a_clock_that_runs_backwards_changes_nothing(lab: Lab) -> None:
    lab.write(files=1, count=5)
    record = lab.finish("clock_jumps=true")
    assert outcomes(record) == expected(1, 5)
    assert all(0 <= result["duration"] < 5 for result in record["results"])


def test_a_clock_that_a_test_turns_changes_nothing(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    root = tmp_path / "suite"
    root.mkdir()
    (root / "test_t.py").write_text(
        "import time\ndef test_a():\n    time.time = lambda: 0.0\ndef test_b(): pass\n"
    )
    assert run_here().counts.passed == 2


def test_the_limit_of_the_whole_run_leaves_the_rest_not_run(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    root = tmp_path / "suite"
    root.mkdir()
    text = "import time, pytest\n@pytest.mark.parametrize('n', range(40))\ndef test_n(n): time.sleep(0.1)\n"
    (root / "test_t.py").write_text(text)
    record = run_here(limits={"total_seconds": 2.0})
    assert not record.complete
    assert record.void is not None
    assert "not_run" not in record.void
    assert 0 < record.counts.passed < 40
    assert record.counts.not_run == 40 - record.counts.passed
    assert record.counts.adds_up


def test_a_chunk_that_needs_more_than_its_limit_is_split(
    tmp_path: Path, run_here: Callable[..., RunRecord]
) -> None:
    root = tmp_path / "suite"
    root.mkdir()
    text = (
        "import time, pytest\n@pytest.mark.parametrize('n', range(12))\n"
        "def test_n(n): time.sleep(100 if n == 7 else 0.5)\n"
    )
    (root / "test_t.py").write_text(text)
    record = run_here(limits={"chunk_seconds": 3.0}, chunks=1)
    assert {r.nodeid[-3:]: r.outcome.value for r in record.results if r.outcome != "passed"} == {
        "[7]": "timeout"
    }
    assert len(record.attempts) >= 3
    assert any("split after" in note for note in record.notes)
