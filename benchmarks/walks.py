"""The files that a reader meets who follows one command through the code, and how often the way climbs.

`python -m benchmarks walks [--all]` runs `triage probe` and `triage design` on a small suite whose failure
comes from a variable, and counts in the process of the command.

- A *file entered* is a file of `triage/` of which a function ran; what is only imported does not count.
- A *climb* is a pair of files of which one called a function of the other, although that is in a higher layer
  (as `pyproject.toml` has them). Whoever reads downward has to go back up there, to see what a callback, an
  iterator or an object behind a protocol does. What a library calls counts as called by the file of `triage/`
  that called the library.

`--all` lists every file with the number of its calls.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parents[1]
_TRIAGE = str(ROOT / "triage") + os.sep
_SUITE = {
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n[tool.triage]\nenv = { RATE = "3" }\n',
    "shop.py": "import os\n\nRATE = int(os.environ.get('RATE', 2))\n",
    "test_shop.py": "import shop\n\ndef test_rate():\n    assert shop.RATE == 2\n",
    "repair.patch": (
        "--- a/shop.py\n+++ b/shop.py\n@@ -1,3 +1,3 @@\n import os\n \n"
        "-RATE = int(os.environ.get('RATE', 2))\n+RATE = 2\n"
    ),
}
COMMANDS = (("probe", "C1"), ("design", "C1", "--option", "repair.patch"))
_VOCABULARY = ("model", "text")
"""Rooms whose files are values and helpers that explain themselves: a reader need not enter them to go on."""


@dataclass
class Walk:
    """What one command entered."""

    files: Counter[str] = field(default_factory=Counter)
    """Files below `triage/`, in the order in which they were entered, with the calls of each."""
    climbs: dict[tuple[str, str], str] = field(default_factory=dict)
    """Caller and callee, with the function that was called first."""


class _Tracer:
    """A profile function that follows the calls from one file of `triage/` to another."""

    def __init__(self, layer_of: dict[str, int]) -> None:
        self.walk = Walk()
        self._layer_of = layer_of

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Take note of a call."""
        if event != "call" or not _is_function_of_triage(frame.f_code):
            return
        caller = _calling_frame(frame)
        if caller is not None and not caller.f_code.co_flags & inspect.CO_OPTIMIZED:
            return  # a module or a class called it while it was imported
        callee_file = _below_triage(frame.f_code)
        self.walk.files[callee_file] += 1
        if caller is None:
            return
        caller_file = _below_triage(caller.f_code)
        if self._layer(callee_file) < self._layer(caller_file):
            self.walk.climbs.setdefault((caller_file, callee_file), frame.f_code.co_qualname)

    def _layer(self, file: str) -> int:
        """The number of the layer, 0 at the top."""
        return self._layer_of[file.partition(os.sep)[0].removesuffix(".py")]


def _is_function_of_triage(code: CodeType) -> bool:
    return code.co_filename.startswith(_TRIAGE) and bool(code.co_flags & inspect.CO_OPTIMIZED)


def _calling_frame(frame: FrameType) -> FrameType | None:
    """The nearest frame above that is of `triage/`."""
    above = frame.f_back
    while above is not None and not above.f_code.co_filename.startswith(_TRIAGE):
        above = above.f_back
    return above


def _below_triage(code: CodeType) -> str:
    return code.co_filename.removeprefix(_TRIAGE)


def layers() -> dict[str, int]:
    """Each room with the number of its layer, as the import contract has them; 0 is the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each.get("containers") == ["triage"]]
    return {room: number for number, layer in enumerate(contract["layers"]) for room in layer.split(" | ")}


def follow(folder: Path, command: tuple[str, ...]) -> Walk:
    """Run one command in this process and follow it; raises RuntimeError where it fails."""
    from triage.cli.app import run

    out, err = StringIO(), StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), traced() as walk:
        code = run(command)
    if code > 1:
        raise RuntimeError(f"triage {' '.join(command)}: exit code {code}: {err.getvalue()}")
    return walk


@contextmanager
def traced() -> Iterator[Walk]:
    """Follow what this thread, and those that it starts, call."""
    tracer = _Tracer(layers())
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    try:
        yield tracer.walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def make_campaign(folder: Path) -> None:
    """Write the suite into a repository of its own and run it once."""
    for name, text in _SUITE.items():
        (folder / name).write_text(text, encoding="utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    triage = [sys.executable, "-m", "triage"]
    for command in (
        [*git, "init", "-q"],
        [*triage, "init"],
        [*git, "add", "-A"],
        [*git, "commit", "-qm", "A shop"],
        [*triage, "run"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode > 1:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def _print(command: tuple[str, ...], walk: Walk, *, every_file: bool) -> None:
    rooms = Counter(file.partition(os.sep)[0] for file in walk.files)
    in_flow = len(walk.files) - sum(rooms[room] for room in _VOCABULARY)
    print(
        f"triage {command[0]}: {len(walk.files)} files, {in_flow} of them outside of "
        f"{' and '.join(_VOCABULARY)}; {len(walk.climbs)} climbs"
    )
    print(
        "  files: " + ", ".join(f"{room.removesuffix('.py')} {count}" for room, count in rooms.most_common())
    )
    if every_file:
        for file, calls in walk.files.items():
            print(f"  {calls:7} {file}")
    for (caller, callee), function in walk.climbs.items():
        print(f"  climb: {caller} > {callee} ({function})")


def main(arguments: list[str]) -> int:
    """Print the walks."""
    if arguments not in ([], ["--all"]):
        print("python -m benchmarks walks [--all]", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        make_campaign(Path(name))
        for command in COMMANDS:
            _print(command, follow(Path(name), command), every_file=bool(arguments))
    return 0
