"""Kill parts of `triage run` at seeded moments of a hostile suite; compare with the undisturbed run.

`python -m benchmarks kills --n 200` kills the harness, a keeper (the process above the fork server), the
fork server, a supervisor of a chunk, a chunk's process, or all of them at once, as `kill -9` does. It resumes
until the run is over, and prints for each kind of victim how many runs ended with the same outcomes and the
same phases of failures, hold before `triage check`, and left no process and nothing in the temporary folder.
Exits 1 if not all did.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STAMP = "20260101T000000Z"
_MOST_RESUMES = 4
_PATIENCE_SECONDS = 300.0
"""For what should end at once or in a few seconds: the machine may be busy."""
_MOST_MISSES = 5
"""Moments at which no victim of the kind was there, before the kind is killed as soon as one is."""
_POLL_SECONDS = 0.005
_TEST_TIMEOUT = 2.0
_TRIALS_BETWEEN_COUNTS = 10
"""A trial takes some twenty seconds: a benchmark that is stopped has still said what it found."""

_PYPROJECT = f"""
[tool.pytest.ini_options]
[tool.triage]
workers = 2
chunks = 5
reruns = 1
test-timeout = {_TEST_TIMEOUT}
"""
_SUITE = {
    "pyproject.toml": _PYPROJECT,
    "test_passes.py": """
import time, pytest
@pytest.mark.parametrize("n", range(60))
def test_n(n): time.sleep(0.015)
""",
    "test_deaths.py": """
import ctypes, os, signal, time
def test_before(): time.sleep(0.02)
def test_abort(): os.abort()
def test_between(): time.sleep(0.02)
def test_exit(): os._exit(0)
def test_kill(): os.kill(os.getpid(), signal.SIGKILL)
def test_after(): time.sleep(0.02)
""",
    "test_hangs.py": """
import time
def test_before(): time.sleep(0.02)
def test_hang(): time.sleep(1000)
def test_after(): time.sleep(0.02)
""",
    "test_leaks.py": """
import os, subprocess, threading, time
def test_process(): subprocess.Popen(["sleep", "1000"], start_new_session=True)
def test_thread(): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
def test_environment(): os.environ["LEFT"] = "1"; os.chdir("/")
def test_output(): print("x" * 200_000)
def test_after(): time.sleep(0.1)
""",
    "test_teardowns.py": """
import os, time, pytest
@pytest.fixture
def raises():
    yield
    raise OSError("teardown")
@pytest.fixture
def dies():
    yield
    os.abort()
def test_both(raises): assert 0
def test_passes_and_raises(raises): pass
def test_fails_and_dies(dies): assert 0
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.skip
def test_skipped(): pass
def test_after(): time.sleep(0.05)
""",
    "test_level.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "test_missing.py": "import pytest\npytest.importorskip('no_such_module_here')\n",
    "test_broken.py": "import no_such_module_here\n",
    "broken/conftest.py": "raise RuntimeError('no licence server')\n",
    "broken/test_x.py": "def test_x(): pass\n",
}
"""Crashes, hangs, leaks, modules that skip, teardowns that fail, folders that do not collect."""


Outcomes = dict[str, list[str]]
"""Node id to the outcome and the phases of the failures, of each of its results."""


@dataclass(frozen=True)
class _Tree:
    """The processes of one run, by what they are."""

    harness: psutil.Process
    keepers: list[psutil.Process]
    fork_servers: list[psutil.Process]
    supervisors: list[psutil.Process]
    chunks: list[psutil.Process]

    @classmethod
    def of(cls, harness: psutil.Process) -> _Tree:
        """Each generation below the harness has a job of its own."""
        generations = [[harness]]
        for _ in range(4):
            generations.append([child for process in generations[-1] for child in _children(process)])
        return cls(harness, *generations[1:])

    @property
    def all(self) -> list[psutil.Process]:
        """Everything, the harness first: it must not start again what dies."""
        return [self.harness, *self.keepers, *self.fork_servers, *self.supervisors, *self.chunks]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.Error:
        return []


_VICTIMS: dict[str, Callable[[_Tree], Sequence[psutil.Process]]] = {
    "harness": lambda tree: [tree.harness],
    "keeper": lambda tree: tree.keepers,
    "fork server": lambda tree: tree.fork_servers,
    "supervisor": lambda tree: tree.supervisors,
    "chunk": lambda tree: tree.chunks,
    "all": lambda tree: tree.all,
}


@dataclass
class _Trial:
    """One run that is disturbed once, and what came of it."""

    kind: str
    seed: int
    problems: list[str] = field(default_factory=list)


class _Bench:
    """The suite, the undisturbed run, and the trials."""

    def __init__(self, place: Path) -> None:
        self._place = place
        started = time.monotonic()
        root, temporary = self._fresh("undisturbed")
        self._triage(root, temporary, "run", "--stamp", STAMP).wait(_PATIENCE_SECONDS)
        self.seconds = time.monotonic() - started
        self.expected = self._outcomes(root, temporary)

    def trial(self, kind: str, seed: int) -> _Trial:
        """Kill one victim of a kind, resume, compare."""
        trial = _Trial(kind, seed)
        chance = random.Random(seed)
        for miss in range(_MOST_MISSES + 1):
            root, temporary = self._fresh("trial")
            delay = chance.uniform(0.0, self.seconds) if miss < _MOST_MISSES else 0.0
            harness = self._triage(root, temporary, "run", "--stamp", STAMP)
            if self._kill(harness, kind, delay, chance):
                break
        harness.wait(_PATIENCE_SECONDS)
        self._resume(root, temporary, trial)
        self._compare(root, temporary, trial)
        return trial

    def _kill(self, harness: subprocess.Popen[bytes], kind: str, delay: float, chance: random.Random) -> bool:
        """Wait for the moment and for a victim and kill it; False where the run was over before."""
        time.sleep(delay)
        while harness.poll() is None:
            victims = _VICTIMS[kind](_Tree.of(psutil.Process(harness.pid)))
            if victims:
                for process in victims if kind == "all" else [chance.choice(victims)]:
                    try:
                        process.kill()
                    except psutil.NoSuchProcess:
                        continue  # it died with the one before
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _resume(self, root: Path, temporary: Path, trial: _Trial) -> None:
        folders = list(root.glob(f"reports/*/phase_a/{STAMP}"))
        for _ in range(_MOST_RESUMES):
            if folders and (folders[0] / "manifest.json").exists():
                return
            # a run that was killed before it made its folder begins anew
            words = ("--resume", STAMP) if folders else ("--stamp", STAMP)
            self._triage(root, temporary, "run", *words).wait(_PATIENCE_SECONDS)
            folders = list(root.glob(f"reports/*/phase_a/{STAMP}"))
        trial.problems.append(f"not over after {_MOST_RESUMES} resumes")

    def _compare(self, root: Path, temporary: Path, trial: _Trial) -> None:
        found = self._outcomes(root, temporary)
        for nodeid in sorted(self.expected.keys() | found.keys()):
            if self.expected.get(nodeid) != found.get(nodeid):
                trial.problems.append(f"{nodeid}: {self.expected.get(nodeid)} became {found.get(nodeid)}")
        checked = self._triage(root, temporary, "check")
        if checked.wait(_PATIENCE_SECONDS) != 0:
            trial.problems.append("`triage check` finds fault with it")
        if left := sorted(path.name for path in temporary.iterdir() if "triage-" in path.name):
            trial.problems.append(f"left in the temporary folder: {', '.join(left)}")
        if alive := _alive(temporary):
            trial.problems.append(f"left running: {', '.join(alive)}")

    def _fresh(self, name: str) -> tuple[Path, Path]:
        """A new copy of the suite, and a temporary folder of its own."""
        root, temporary = self._place / name, self._place / f"{name}-tmp"
        for folder in (root, temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        for file, text in _SUITE.items():
            (root / file).parent.mkdir(exist_ok=True)
            (root / file).write_text(text)
        return root, temporary

    def _triage(self, root: Path, temporary: Path, *words: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "TMPDIR": str(temporary),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        log = (temporary / "log.txt").open("ab")
        command = [sys.executable, "-m", "triage", *words]
        return subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)

    def _outcomes(self, root: Path, temporary: Path) -> Outcomes:
        """What `triage results` says of the run; empty where it says nothing."""
        environment = os.environ | {"TMPDIR": str(temporary)}
        command = [sys.executable, "-m", "triage", "results", STAMP, "--json"]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
        found: Outcomes = {}
        for result in json.loads(done.stdout or b'{"results": []}')["results"]:
            phases = "+".join(failure["phase"] for failure in result["failures"])
            found.setdefault(result["nodeid"], []).append(f"{result['outcome']} {phases}".strip())
        return found


def _alive(temporary: Path) -> list[str]:
    """Processes that have the trial's temporary folder in their environment, after a moment to end."""
    deadline = time.monotonic() + _PATIENCE_SECONDS / 10
    while True:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR") == str(temporary):
                    found.append(f"{process.pid} {process.name()}")
            except (psutil.Error, OSError):
                continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def main(arguments: Sequence[str] = ()) -> int:
    """Run the trials and print; 1 where one of them ended otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks kills")
    parser.add_argument("--n", type=int, default=200, help="kills, shared out among the kinds of victims")
    parser.add_argument("--seed", type=int, default=1, help="of the first trial; the others follow")
    parser.add_argument("--only", choices=_VICTIMS, help="one kind of victim")
    options = parser.parse_args(arguments)
    kinds = [options.only] if options.only else list(_VICTIMS)
    tried: Counter[str] = Counter()
    same: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="triage-kills-") as name:
        bench = _Bench(Path(name))
        print(f"undisturbed: {len(bench.expected)} results in {bench.seconds:.1f} s", flush=True)
        for number in range(options.n):
            kind = kinds[number % len(kinds)]
            trial = bench.trial(kind, options.seed + number)
            tried[kind] += 1
            same[kind] += not trial.problems
            for problem in trial.problems:
                print(f"  {kind}, seed {trial.seed}: {problem}", flush=True)
            if tried.total() % _TRIALS_BETWEEN_COUNTS == 0:
                print(f"so far {same.total()} of {tried.total()} identical", flush=True)
    for kind in kinds:
        print(f"{kind:<12} {same[kind]:>4} of {tried[kind]:>4} identical")
    print(f"{'in all':<12} {same.total():>4} of {tried.total():>4} identical")
    return 0 if same == tried else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
