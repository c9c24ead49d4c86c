"""Kill `triage probe`, `design`, `verify`, `import` at seeded moments: nothing left behind or half true.

`python -m benchmarks kill_commands --command probe --n 20` starts the command on a copy of a small project,
and kills it (alone, or with all that it started) as `kill -9` does. `triage doctor` must name every work
folder, worktree and unfinished STAMP folder; where what it says of the latter is done, `triage check` holds.
Then the command is given again, an import as doctor says, and must end as undisturbed: same exit code, same
clusters with the same statuses, an empty temporary folder, one worktree. Without `--command` all four take
their turn. With `--signal TERM` (HUP, INT) the command is to end by itself, with exit code 130 and an empty
temporary folder. Exits 1 if a trial did not end so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

PRODUCT = "def total(values, scale=0.0):\n    return sum(values) * scale\n"
MENDED = PRODUCT.replace("scale=0.0", "scale=1.0")
TESTS = """\
from calc import total

def test_total():
    assert total([1, 2]) == 3

def test_zero():
    total([])
"""
PATCH = """\
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
-def total(values, scale=0.0):
+def total(values, scale=1.0):
     return sum(values) * scale
"""
JUNIT = (
    '<testsuite tests="1"><testcase classname="a" name="t"><failure message="odd"/></testcase></testsuite>'
)
FILES = {
    "pytest.ini": "[pytest]\npythonpath = .\n",
    ".gitignore": "/.triage/\n__pycache__/\n",
    "calc.py": PRODUCT,
    "test_calc.py": TESTS,
    "fix.patch": PATCH,
    "junit.xml": JUNIT,
}
WORDS = {
    "probe": ("probe", "C1", "--probe", "alone", "--repeats", "1"),
    "design": ("design", "C1", "--option", "fix.patch"),
    "verify": ("verify", "C1"),
    "import": ("import", "junit.xml"),
}
_PATIENCE_SECONDS = 300.0
"""For what should end at once or in seconds: the machine may be busy."""
_SETTLE_SECONDS = 2.5
"""A file that was being written is taken for abandoned after two."""
_ENVIRONMENT = {"CI": "true", "TRIAGE_ACTOR": "benchmark", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass(frozen=True)
class _Place:
    """One copy of the project, and a temporary folder of its own."""

    root: Path
    temporary: Path

    @classmethod
    def under(cls, folder: Path, pristine: Path) -> _Place:
        """A copy of the pristine project."""
        (folder / "tmp").mkdir(parents=True)
        root = folder / "project"
        shutil.copytree(pristine, root, symlinks=True)
        return cls(root, folder / "tmp")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "triage", *words],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **_ENVIRONMENT, "TMPDIR": str(self.temporary)},
        )  # fmt: skip

    def triage(self, *words: str) -> tuple[int, str]:
        """Run a command to its end: exit code, and all that it said."""
        out, err = (process := self.start(*words)).communicate(timeout=_PATIENCE_SECONDS)
        return process.returncode, out + err

    def processes(self) -> list[psutil.Process]:
        """Every process that works with this temporary folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR", "").startswith(str(self.temporary)):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def wait_until_alone(self) -> bool:
        """Whether all processes come to their end by themselves."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def clusters(self) -> dict[str, str]:
        """Cluster id to its status."""
        _, said = self.triage("status", "--json")
        return {cluster["id"]: cluster["status"] for cluster in json.loads(said)["clusters"]}

    def worktrees(self) -> list[str]:
        """The registered worktrees besides the main one."""
        command = ["git", "worktree", "list", "--porcelain"]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        prefix = "worktree "
        found = [line.removeprefix(prefix) for line in done.stdout.splitlines() if line.startswith(prefix)]
        return found[1:]

    def stamp_folders(self, *, sealed: bool) -> list[Path]:
        """STAMP folders with a seal, or those without."""
        folders = sorted(self.root.glob("reports/*/phase_*/*"))
        return [folder for folder in folders if (folder / "manifest.json").exists() is sealed]


@dataclass(frozen=True)
class _Undisturbed:
    """What the command comes to when nobody kills it."""

    code: int
    clusters: dict[str, str]
    seconds: float


def main(arguments: Sequence[str] = ()) -> int:
    """Kill each command so often; returns 1 if one trial left something behind."""
    parser = argparse.ArgumentParser(prog="kill_commands", description=__doc__)
    parser.add_argument("--command", choices=sorted(WORDS), action="append")
    parser.add_argument("--n", type=int, default=10, help="trials of each command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--signal", choices=["KILL", "TERM", "HUP", "INT"], default="KILL")
    options = parser.parse_args(arguments)
    status = 0
    with tempfile.TemporaryDirectory(prefix="kill-commands-") as folder:
        for command in options.command or sorted(WORDS):
            good = _trials(command, options, Path(folder, command))
            said = "ended as undisturbed, with nothing left behind"
            print(f"{command}: {good} of {options.n} {said}", flush=True)
            status |= good < options.n
    return status


def _trials(command: str, options: argparse.Namespace, folder: Path) -> int:
    pristine = _pristine(command, folder / "pristine")
    undisturbed = _undisturbed(command, _Place.under(folder / "undisturbed", pristine))
    chance = random.Random(f"{command} {options.seed}")
    number = signal.Signals[f"SIG{options.signal}"]
    good = 0
    for trial in range(options.n):
        place = _Place.under(folder / str(trial), pristine)
        seconds = chance.uniform(0.0, undisturbed.seconds)
        process = place.start(*WORDS[command])
        time.sleep(seconds)
        if number is signal.SIGKILL:
            faults = _kill(process, place, with_children=chance.random() < 0.5)
        else:
            faults = _end(process, place, number, undisturbed)
        faults += _given_again(command, place, undisturbed)
        for fault in faults:
            print(f"  {command}, {options.signal} after {seconds:.2f} s: {fault}", flush=True)
        good += not faults
        shutil.rmtree(place.root.parent, ignore_errors=True)
    return good


def _pristine(command: str, folder: Path) -> Path:
    """The project as it is before the command: run and red; then probed, designed and mended as it needs."""
    folder.mkdir(parents=True)
    root = folder / "project"
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "project"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    place = _Place(root, folder / "tmp")
    place.temporary.mkdir()
    _expect(place.triage("run"), 1)
    if command in ("design", "verify"):
        _expect(place.triage(*WORDS["probe"]), 1)  # the cause stays unknown; a repair is given all the same
    if command == "verify":
        _expect(place.triage(*WORDS["design"]), 0)
        (root / "calc.py").write_text(MENDED)
    return root


def _expect(ended: tuple[int, str], code: int) -> None:
    if ended[0] != code:
        raise SystemExit(f"the project could not be prepared: exit {ended[0]} instead of {code}\n{ended[1]}")


def _undisturbed(command: str, place: _Place) -> _Undisturbed:
    started = time.monotonic()
    code, said = place.triage(*WORDS[command])
    if code not in (0, 1):
        raise SystemExit(f"undisturbed it exits with {code}: {said}")
    return _Undisturbed(code, place.clusters(), time.monotonic() - started)


def _kill(process: subprocess.Popen[str], place: _Place, *, with_children: bool) -> list[str]:
    """Kill the command, or all that it has started with it; returns what is wrong then."""
    victims = [process.pid, *(child.pid for child in place.processes())] if with_children else [process.pid]
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    process.communicate()
    if not place.wait_until_alone():
        return ["processes live on"]
    return _faults_after_the_kill(place)


def _end(
    process: subprocess.Popen[str], place: _Place, number: signal.Signals, undisturbed: _Undisturbed
) -> list[str]:
    """Ask the command to end; returns what is wrong then."""
    process.send_signal(number)
    _, said = process.communicate(timeout=_PATIENCE_SECONDS)
    faults = [f"left behind: {path}" for path in (*place.temporary.iterdir(), *place.worktrees())]
    if process.returncode == -number and not place.stamp_folders(sealed=False):
        return faults  # Python itself had not yet started
    if process.returncode not in (130, undisturbed.code):
        faults.append(f"exit {process.returncode}: {said[-300:]}")
    if process.returncode == 130 and not said.splitlines()[-1].startswith("triage: interrupted;"):
        faults.append(f"it says {said[-300:]}")
    return faults


def _given_again(command: str, place: _Place, undisturbed: _Undisturbed) -> list[str]:
    """Give the command again; returns what is wrong at the end."""
    time.sleep(_SETTLE_SECONDS)
    words, due = _again(command, place, undisturbed)
    code, said = place.triage(*words)
    faults = _faults_at_the_end(place, undisturbed)
    if code != due:
        faults.append(f"given again it exits with {code}, not {due}: {said[-300:]}")
    return faults


def _again(command: str, place: _Place, undisturbed: _Undisturbed) -> tuple[tuple[str, ...], int]:
    """What to give now, and the exit code that is due.

    An import that had read everything is resumed, as doctor says; after one that had come to its end in spite
    of the kill, the same failures are known.
    """
    if command == "import":
        for folder in place.stamp_folders(sealed=False):
            if (folder / "results.json").is_file():
                return ("import", "--resume", folder.name), undisturbed.code
        if any((folder / "source.json").is_file() for folder in place.stamp_folders(sealed=True)):
            return WORDS[command], 0
    return WORDS[command], undisturbed.code


def _faults_after_the_kill(place: _Place) -> list[str]:
    """Whether doctor names all that is left, and check holds where its advice on STAMP folders is taken."""
    faults = []
    _, doctor = place.triage("doctor")
    unfinished = place.stamp_folders(sealed=False)
    left = [*(str(path) for path in place.temporary.iterdir()), *place.worktrees()]
    left += [str(path.relative_to(place.root)) for path in unfinished]
    for path in left:
        # a worktree lies in a work folder, which is named
        if not any(str(each) in doctor for each in (path, Path(path).parent)):
            faults.append(f"doctor does not name {path}")
    for folder in unfinished:
        if f"rm -r {folder}" in doctor:
            shutil.rmtree(folder)
    code, said = place.triage("check")
    if code != 0:
        faults.append(f"check exits with {code}: {said[-300:]}")
    return faults


def _faults_at_the_end(place: _Place, undisturbed: _Undisturbed) -> list[str]:
    faults = []
    if place.clusters() != undisturbed.clusters:
        faults.append(f"clusters are {place.clusters()}, not {undisturbed.clusters}")
    code, said = place.triage("check")
    if code != 0:
        faults.append(f"at the end check exits with {code}: {said[-300:]}")
    left = [*place.temporary.iterdir(), *place.worktrees(), *place.root.glob("**/.triage-*.tmp")]
    return [*faults, *(f"left behind: {path}" for path in left)]
