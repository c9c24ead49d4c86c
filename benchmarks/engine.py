"""What experiments cost that fork from a warm parent, beside the same in new interpreters.

Usage: python -m benchmarks engine [NAME...] [--demo] [--phases] [--processes] [--only warm|fresh]
                                   [--json FILE]

Without names a sample of the zoo is probed (`tests/planted/faults`), one subject after another, first warm
and then fresh; `--demo` plays `triage demo` instead, and `--phases` goes on with each subject until it is
resolved: run, probe, design, the recommended patch, verify. For each: new interpreters and forks, seconds,
processor seconds of all processes, and how many of these went into imports. With `--processes` each process
has a line of its own. Seconds depend on what else the machine does; processor seconds much less.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import import_clock
from benchmarks.engine_processes import Process, Processes
from benchmarks.zoo import plants, probed
from tests.planted.faults.api import Plant, grow
from triage.cli.app import run as run_command

SAMPLE = (
    "chdir", "global-list", "variable-set", "missing-golden", "ascii-locale", "segfault", "own-bad-seed",
    "bad-commit", "recursion", "off-by-one", "zero-default", "float32-loss", "break-list",
)  # fmt: skip
"""One of most kinds of cause; the last three import torch."""
_PLUGIN = "engine_import_clock"
_MODES = ("warm", "fresh")


@dataclass(frozen=True)
class Cost:
    """What one subject cost in one mode."""

    name: str
    mode: str
    answer: str
    interpreters: int
    """Processes that began as a new interpreter: runs, parents, collections."""
    forks: int
    seconds: float
    cpu: float
    """Processor seconds of this process and all that it started."""
    imports: float
    """Processor seconds of these that went into imports, the start of Python included."""
    processes: list[Process]
    """One after another, as they were started."""


def measure(name: str, mode: str, work: Callable[[Path], str]) -> Cost:
    """Do the work in a new folder in this mode; `work` returns what it found."""
    with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as base:
        notes = Path(base, "imports")
        notes.mkdir()
        plugin = Path(base, "plugin")
        plugin.mkdir()
        shutil.copy(import_clock.__file__, plugin / f"{_PLUGIN}.py")
        processes = Processes()
        with _environment(mode, notes, plugin), processes.counted():
            began, cpu = time.perf_counter(), _cpu_seconds()
            answer = work(Path(base, "project"))
            seconds, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
        processes.read(notes)
    return Cost(
        name, mode, answer, processes.number_of("new", "parent"), processes.number_of("fork"),
        round(seconds, 1), round(cpu, 1), round(processes.imports, 1), processes.started,
    )  # fmt: skip


@contextmanager
def _environment(mode: str, notes: Path, plugin: Path) -> Iterator[None]:
    """The variables of one measurement; the folder and the environment of before are restored."""
    before, folder = dict(os.environ), Path.cwd()
    path = os.environ.get("PYTHONPATH")
    os.environ |= {
        "TRIAGE_ISOLATION": mode,
        import_clock.VARIABLE: str(notes),
        "PYTEST_PLUGINS": _PLUGIN,
        "PYTHONPATH": f"{plugin}{os.pathsep}{path}" if path else str(plugin),
    }
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


def _cpu_seconds() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _probe(plant: Plant) -> Callable[[Path], str]:
    def work(root: Path) -> str:
        grow(plant, root)
        cause = probed(plant.subject, root).root_cause
        return f"{cause.kind} {cause.confidence}"

    return work


def _phases(plant: Plant) -> Callable[[Path], str]:
    """The way of a subject from red to resolved, as people go it."""

    def work(root: Path) -> str:
        grow(plant, root)
        os.chdir(root)
        codes = {"run": run_command(["run", "--workers", "2"])}
        codes["probe"] = run_command(["probe", plant.subject])
        clusters = json.loads(_said(["status", "--json"]))["clusters"]
        if clusters:  # a run of chunks in processes of their own may show nothing red
            cluster = clusters[0]["id"]
            codes["design"] = run_command(["design", cluster])
            (design,) = root.glob("reports/*/phase_c/*/design.json")
            recommended = json.loads(design.read_text(encoding="utf-8"))["recommended"]
            patch = design.parent / "options" / f"{recommended}.patch"
            if patch.is_file():
                subprocess.run(["git", "apply", patch], check=True)
            codes["verify"] = run_command(["verify", cluster])
        return " ".join(f"{name}={int(code)}" for name, code in codes.items())

    return work


def _said(words: Sequence[str]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        run_command(words)
    return output.getvalue()


def _demo(root: Path) -> str:
    return f"exit code {int(run_command(['demo', str(root)]))}"


def _print(cost: Cost, *, processes: bool) -> None:
    if processes:
        print(*(process.line() for process in cost.processes), sep="\n")
    print(*_lines_of_commands(cost), sep="\n")
    print(
        f"{cost.name:<16} {cost.mode:<6} {cost.interpreters:>4} new {cost.forks:>4} forks "
        f"{cost.seconds:>7.1f} s {cost.cpu:>7.1f} s cpu {cost.imports:>6.1f} s imports  {cost.answer}",
        flush=True,
    )


def _lines_of_commands(cost: Cost) -> Iterator[str]:
    """A line for each command of a demo or of a subject's phases."""
    commands = dict.fromkeys(process.command for process in cost.processes)
    for command in commands:
        of_command = [process for process in cost.processes if process.command == command]
        forks = sum(process.kind == "fork" for process in of_command)
        cpu = sum(process.cpu for process in of_command)
        imports = sum(process.imports for process in of_command)
        yield (
            f"  {command:<24} {len(of_command) - forks:>4} new {forks:>4} forks "
            f"{cpu:>17.1f} s cpu {imports:>6.1f} s imports"
        )


def _print_figures(costs: Sequence[Cost], modes: Sequence[str]) -> None:
    for mode in modes:
        of_mode = [cost for cost in costs if cost.mode == mode]
        median = statistics.median(cost.seconds for cost in of_mode)
        median_cpu = statistics.median(cost.cpu for cost in of_mode)
        interpreters = sum(cost.interpreters for cost in of_mode)
        forks = sum(cost.forks for cost in of_mode)
        cpu = sum(cost.cpu for cost in of_mode)
        imports = sum(cost.imports for cost in of_mode)
        print(f"{mode:<6} median {median:.1f} s, {median_cpu:.1f} s cpu")
        print(f"{mode:<6} in all {interpreters} interpreters, {forks} forks")
        print(f"{mode:<6} in all {cpu:.0f} s cpu, {imports:.0f} s of it in imports")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a line for each subject and mode, and the sums."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks engine")
    parser.add_argument("names", nargs="*", help="names of plants; a sample without")
    parser.add_argument("--demo", action="store_true", help="play `triage demo` instead")
    parser.add_argument("--phases", action="store_true", help="run, probe, design and verify each plant")
    parser.add_argument("--processes", action="store_true", help="a line for each process, too")
    parser.add_argument("--only", choices=_MODES, help="measure one mode")
    parser.add_argument("--json", dest="file")
    options = parser.parse_args(argv)
    modes = (options.only,) if options.only else _MODES
    names = set(options.names or SAMPLE)
    works: list[tuple[str, Callable[[Path], str]]] = [("demo", _demo)]
    if not options.demo:
        works = [
            (plant.name, (_phases if options.phases else _probe)(plant))
            for plant in plants()
            if plant.name in names
        ]
    if not works:
        parser.error("no plant has such a name")
    costs: list[Cost] = []
    for name, work in works:
        for mode in modes:
            costs.append(measure(name, mode, work))
            _print(costs[-1], processes=options.processes)
    _print_figures(costs, modes)
    if options.file:
        text = json.dumps([asdict(cost) for cost in costs], indent=1)
        Path(options.file).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
