"""What a whole command costs: processor time, wall time and peak memory of a process and all below it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

_NO_COMMAND: Callable[[], None] = lambda: None  # noqa: E731 - a default with a name
_FOUND_NOTHING = 0
_FOUND_FAILURES = 1
ANSWERED = (_FOUND_NOTHING, _FOUND_FAILURES)
"""Exit codes of pytest and triage that say that a suite was run to its end."""

_LAUNCHER = """
import os, subprocess, sys, time
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
wall = time.perf_counter() - begun
# wait4 took the status: without this Popen would wait for a process that is gone
process.returncode = os.waitstatus_to_exitcode(status)
os.write(int(sys.argv[1]), f"{wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
sys.exit(process.returncode)
"""
"""A small process that starts the command: what a process held before it executed another program, which is
what its parent holds, counts as its peak on Linux."""


@dataclass(frozen=True)
class Spent:
    """What one execution took."""

    wall: float
    processor: float
    """User and system time of the process and of all below it that it waited for, seconds."""
    peak_mib: float
    """The largest resident set of any one of them."""


@dataclass(frozen=True)
class Command:
    """A command as a user types it, and which exit codes mean that it did its work."""

    words: Sequence[str]
    folder: Path
    exit_codes: Collection[int] = ANSWERED
    before: Callable[[], None] = _NO_COMMAND
    """Called before each execution, unmeasured: takes back what the one before it left."""


class CommandFailed(Exception):
    """A measured command did not do its work: its figure would be worthless."""


def spent_by(command: Command, environ: Mapping[str, str]) -> Spent:
    """Run the command once and give what it took. Raises `CommandFailed`."""
    command.before()
    reading, writing = os.pipe()
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(writing), *command.words]
    with open(reading, "rb") as told:
        ended = subprocess.run(
            launcher,
            cwd=command.folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[writing],
            check=False,
        )
        os.close(writing)
        figures = told.read().split()
    if ended.returncode not in command.exit_codes or not figures:
        shown = ended.stderr.decode(errors="replace")[-500:]
        raise CommandFailed(f"{' '.join(command.words)}: exit code {ended.returncode}: {shown}")
    wall, processor, peak_kib = map(float, figures)
    return Spent(wall, processor, peak_kib / 1024)


def medians(commands: Mapping[str, Command], rounds: int) -> dict[str, Spent]:
    """Run all commands in turn, round after round, so that a busy machine is busy for each; medians."""
    environ = clean_environment()
    seen: dict[str, list[Spent]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seen[name].append(spent_by(command, environ))
    return {name: _median_of(each) for name, each in seen.items()}


def _median_of(all_spent: Sequence[Spent]) -> Spent:
    return Spent(
        wall=median(spent.wall for spent in all_spent),
        processor=median(spent.processor for spent in all_spent),
        peak_mib=median(spent.peak_mib for spent in all_spent),
    )


def clean_environment() -> dict[str, str]:
    """This environment without what would change the figures: users have compiled files and no CI."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "CI")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in left_out and not name.startswith("TRIAGE_")
    }
