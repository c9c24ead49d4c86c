"""What experiments cost that fork from a warm parent, beside the same in new interpreters.

Usage: python -m benchmarks engine [NAME...] [--demo] [--only warm|fresh] [--json FILE]

Without names a sample of the zoo is probed (`tests/planted/faults`), one subject after another, first warm
and then fresh; `--demo` plays `triage demo` instead. For each: new interpreters and forks, seconds, processor
seconds of all processes, and how many of these went into imports. Seconds depend on what else the machine
does; processor seconds much less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import import_clock
from benchmarks.zoo import plants, probed
from tests.planted.faults.api import Plant, grow
from triage.cli.app import run as run_command
from triage.process.local import LocalExecutor
from triage.run import warm_parents

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


class _Processes:
    """Counts what the local executor starts."""

    def __init__(self) -> None:
        self.interpreters = self.forks = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the processes under test that are started meanwhile."""
        run, serve = LocalExecutor.run, LocalExecutor.start_fork_server

        def run_counted(executor, request, sink, stop):  # type: ignore[no-untyped-def]
            if request.fork_server is None:
                self.interpreters += 1
            else:
                self.forks += 1
            return run(executor, request, sink, stop)

        def serve_counted(executor, request, sink, stop):  # type: ignore[no-untyped-def]
            self.interpreters += 1
            return serve(executor, request, sink, stop)

        LocalExecutor.run, LocalExecutor.start_fork_server = run_counted, serve_counted  # type: ignore[method-assign]
        try:
            yield
        finally:
            LocalExecutor.run, LocalExecutor.start_fork_server = run, serve  # type: ignore[method-assign]


def measure(name: str, mode: str, work: Callable[[Path], str]) -> Cost:
    """Do the work in a new folder in this mode; `work` returns what it found."""
    with tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as base:
        notes = Path(base, "imports")
        notes.mkdir()
        plugin = Path(base, "plugin")
        plugin.mkdir()
        shutil.copy(import_clock.__file__, plugin / f"{_PLUGIN}.py")
        processes = _Processes()
        with _environment(mode, notes, plugin), processes.counted(), _parents() as parents:
            began, cpu = time.perf_counter(), _cpu_seconds()
            answer = work(Path(base, "project"))
            seconds, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
        imports = sum(float(path.read_text() or 0) for path in notes.iterdir())
        imports += sum(each.import_seconds for each in parents)
    return Cost(
        name, mode, answer, processes.interpreters, processes.forks,
        round(seconds, 1), round(cpu, 1), round(imports, 1),
    )  # fmt: skip


@contextmanager
def _parents() -> Iterator[list[warm_parents.WarmParents]]:
    """All keepers of parents that are made meanwhile."""
    made: list[warm_parents.WarmParents] = []
    init = warm_parents.WarmParents.__init__

    def init_noted(self, *words, **named):  # type: ignore[no-untyped-def]
        init(self, *words, **named)
        made.append(self)

    warm_parents.WarmParents.__init__ = init_noted  # type: ignore[method-assign]
    try:
        yield made
    finally:
        warm_parents.WarmParents.__init__ = init  # type: ignore[method-assign]


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


def _demo(root: Path) -> str:
    return f"exit code {int(run_command(['demo', str(root)]))}"


def _print(cost: Cost) -> None:
    print(
        f"{cost.name:<16} {cost.mode:<6} {cost.interpreters:>4} new {cost.forks:>4} forks "
        f"{cost.seconds:>7.1f} s {cost.cpu:>7.1f} s cpu {cost.imports:>6.1f} s imports  {cost.answer}",
        flush=True,
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
    parser.add_argument("--only", choices=_MODES, help="measure one mode")
    parser.add_argument("--json", dest="file")
    options = parser.parse_args(argv)
    modes = (options.only,) if options.only else _MODES
    names = set(options.names or SAMPLE)
    works: list[tuple[str, Callable[[Path], str]]] = [("demo", _demo)]
    if not options.demo:
        works = [(plant.name, _probe(plant)) for plant in plants() if plant.name in names]
    if not works:
        parser.error("no plant has such a name")
    costs: list[Cost] = []
    for name, work in works:
        for mode in modes:
            costs.append(measure(name, mode, work))
            _print(costs[-1])
    _print_figures(costs, modes)
    if options.file:
        text = json.dumps([asdict(cost) for cost in costs], indent=1)
        Path(options.file).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
