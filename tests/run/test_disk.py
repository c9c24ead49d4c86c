"""Disks that refuse: read-only, full, limited. One clear line, a documented code, and nothing lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.lab import WITHOUT_PRIVILEGE, Lab, expected, outcomes
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Run = Callable[..., RunRecord]


def one_line(err: str, slug: str) -> None:
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].endswith(f"[{slug}]"), err


def test_a_read_only_folder_is_one_line_and_no_test_runs(lab: Lab) -> None:
    lab.write(count=3)
    reports = lab.root / "reports"
    reports.mkdir()
    reports.chmod(0o555)
    code, out, err = lab.ended(before=WITHOUT_PRIVILEGE)
    assert (code, out, lab.runs()) == (3, "", {})
    one_line(err, "read-only")
    reports.chmod(0o755)
    assert outcomes(lab.finish()) == expected(2, 3)


def test_a_folder_that_turns_read_only_in_mid_run_loses_nothing(lab: Lab) -> None:
    lab.write(files=3, count=4)
    names = [str(lab.folder), str(lab.folder / "chunks")]
    turn = f"import os\ndef test_turn():\n    for name in {names!r}:\n"
    turn += "        os.path.exists(name) and os.chmod(name, 0o555)\n"
    (lab.root / "test_a.py").write_text(turn)
    code, out, err = lab.ended("chunks=4", before=WITHOUT_PRIVILEGE)
    assert (code, out) == (3, "")
    one_line(err, "read-only")
    assert lab.all_gone()
    for name in filter(os.path.exists, names):
        os.chmod(name, 0o755)
    (lab.root / "test_a.py").write_text("def test_turn(): raise SystemExit('ran twice')\n")
    record = lab.finish("resume")
    assert outcomes(record) == expected(3, 4) | {"test_a.py::test_turn": "passed"}
    assert set(lab.runs().values()) == {1}, "what had an outcome does not run again"


_FILL = """
mount -t tmpfs -o size={size} tmpfs {place} || exit 9
{first} > {out}.1 2> {out}.2
echo $? > {out}.code
set -e
mount -o remount,size=200m {place}
{again}
"""


def in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """A script that may mount: what it mounts is seen by nobody else and gone with it."""
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if not shutil.which("unshare") or subprocess.run([*words, "mount -t tmpfs tmpfs /mnt"]).returncode:
        pytest.skip("this machine lets nobody mount a file system of his own")
    return subprocess.run([*words, script], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "room"), [("reports", "120k"), ("tmp", "100k"), ("tmp", "400k")])
def test_a_disk_that_is_really_full_is_one_line_and_resume_finishes(lab: Lab, what: str, room: str) -> None:
    """A file system of its own with too little room, which grows before the run is taken up again."""
    place = lab.root / "reports" if what == "reports" else lab.tmp
    place.mkdir(exist_ok=True)
    lab.write(count=10, nap=0.0)
    talk = "import os\ndef test_talk():\n    for n in range(3000): os.write(2, b'%d ' % n * 20 + b'\\n')\n"
    (lab.root / "test_z.py").write_text(talk)
    out = lab.root.parent / "out"
    start = f"env TMPDIR={lab.tmp} " + " ".join(lab.command("chunks=3", 'pytest_args=\\[\\"-s\\"\\]'))
    resume = f"env TMPDIR={lab.tmp} " + " ".join(lab.command("resume", 'pytest_args=\\[\\"-s\\"\\]'))
    again = f"if [ -d {lab.folder} ]; then {resume}; else {start}; fi"
    done = in_namespace(_FILL.format(size=room, place=place, first=start, out=out, again=again))
    err = Path(f"{out}.2").read_text()
    assert int(Path(f"{out}.code").read_text()) == 3, err
    one_line(err, "disk-full")
    assert done.returncode == 0, done.stderr
    assert outcomes(json.loads(done.stdout)) == expected(2, 10) | {"test_z.py::test_talk": "passed"}
    assert max(lab.runs().values()) <= 2


def test_a_file_size_limit_of_the_harness_is_one_line_and_can_be_resumed(lab: Lab) -> None:
    """What runs beneath it inherits the limit: its records go on in a new process when one is full."""
    lab.write()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))  # noqa: E731
    code, out, err = lab.ended(preexec_fn=limit)
    assert (code, out) == (3, "")
    one_line(err, "file-size-limit")
    assert lab.all_gone()
    done = lab.known()
    assert done
    before = lab.runs()
    assert outcomes(lab.finish("resume")) == expected(2, 30)
    assert not [name for name in done if lab.runs()[name] > before[name]]


@pytest.mark.parametrize("how", ["soft", "hard"])
def test_a_file_size_limit_that_a_test_sets_costs_at_most_its_own_outcome(
    tmp_path: Path, run_here: Run, isolation: str, how: str
) -> None:
    high = "resource.RLIM_INFINITY" if how == "soft" else "900"
    text = f"""
import resource, signal
def test_0(): pass
def test_limit(): resource.setrlimit(resource.RLIMIT_FSIZE, (900, {high}))
def test_1(tmp_path):
    (tmp_path / "x").write_bytes(bytes(100))
def test_2(): raise ValueError("x" * 2000)
def test_xfsz(): signal.signal(signal.SIGXFSZ, signal.SIG_DFL); signal.raise_signal(signal.SIGXFSZ)
def test_3(): pass
"""
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_l.py").write_text(text)
    record = run_here(isolation=isolation)
    found = {r.nodeid.partition("::")[2]: r.outcome.value for r in record.results}
    whole = dict.fromkeys(found, "passed") | {"test_2": "failed", "test_xfsz": "crashed"}
    lost = {name for name in whole if found[name] != whole[name]}
    assert len(found) == 6
    assert lost <= (set() if how == "soft" else {"test_limit", "test_1"})
    assert len(lost) <= 1, "the one whose record hit the limit"
    assert record.complete
    assert next(r.signal for r in record.results if r.nodeid.endswith("xfsz")) == "SIGXFSZ"
