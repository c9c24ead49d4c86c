"""The rows of `benchmarks.whole`: what is measured, at which sizes, and what each figure shall reach."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.whole_process import Command, Spent, medians

_MIB = 2**20
_MB = 1_000_000
_MILLISECONDS = 1000
_TRIAGE = (sys.executable, "-m", "triage")
_PYTEST = (sys.executable, "-m", "pytest", "-q")
_DASK_WORKERS = 4
_OF_LINEAR = "4 x wall / one worker"
"""1 where four workers take a quarter of the time of one; 1.25 is 0.8 of that."""


@dataclass(frozen=True)
class Target:
    """A figure that a row has, and what it shall reach at the largest size."""

    what: str
    unit: str
    reach: float


@dataclass(frozen=True)
class Bench:
    """Where a row makes its inputs, and how often it measures."""

    place: Path
    rounds: int

    def made(self, kind: str, size: int) -> Path:
        """The folder with an input, made where it is not there yet."""
        folder = self.place / f"{kind}-{size}"
        if not folder.exists():
            words = [sys.executable, "-m", "benchmarks.whole_inputs", kind, str(size), str(folder)]
            subprocess.run(words, cwd=Path(__file__).parents[1], check=True)
        return folder

    def medians(self, commands: Mapping[str, Command]) -> dict[str, Spent]:
        """What each command takes; they take turns."""
        return medians(commands, self.rounds)


Measure = Callable[[Bench, int], Mapping[str, float] | None]
"""Gives the figures of one size by their names (None: what is needed is not installed)."""


@dataclass(frozen=True)
class Row:
    """A kind of work: measured at three sizes, of which the largest is held against the targets."""

    name: str
    about: str
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...]
    targets: tuple[Target, ...]
    measure: Measure


def _pytest(folder: Path, *words: str) -> Command:
    return Command([*_PYTEST, *words], folder, before=partial(_forget_runs, folder))


def _run(folder: Path, *words: str) -> Command:
    return Command([*_TRIAGE, "run", *words], folder, before=partial(_forget_runs, folder))


def _triage(folder: Path, *words: str) -> Command:
    return Command([*_TRIAGE, *words], folder)


def _forget_runs(folder: Path) -> None:
    """Each execution finds the project as the first one did."""
    for name in ("reports", "plans", ".triage", ".pytest_cache"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _of_two_workers(bench: Bench, size: int) -> dict[str, float] | None:
    if importlib.util.find_spec("xdist") is None:
        return None
    folder = bench.made("trivial", size)
    spent = bench.medians(
        {
            "plain": _pytest(folder),
            "xdist": _pytest(folder, "-n", "2"),
            "triage": _run(folder, "--workers", "2"),
        }
    )
    return {
        "wall / pytest -n 2": spent["triage"].wall / spent["xdist"].wall,
        "wall / pytest": spent["triage"].wall / spent["plain"].wall,
    }


def _beside_pytest(kind: str, bench: Bench, size: int) -> dict[str, float]:
    """Processor time of a whole run by one worker, as a ratio to plain pytest and as what comes on top."""
    folder = bench.made(kind, size)
    spent = bench.medians({"plain": _pytest(folder), "triage": _run(folder, "--workers", "1")})
    plain, triage = spent["plain"].processor, spent["triage"].processor
    return {"processor / pytest": triage / plain, "processor over pytest": triage - plain}


def _of_large_run(bench: Bench, size: int) -> dict[str, float]:
    """Peak memory of any one process of a run: what grows with its tests."""
    folder = bench.made("trivial", size)
    spent = bench.medians({"triage": _run(folder, "--workers", "1")})
    return {"peak": spent["triage"].peak_mib}


def _of_output(bench: Bench, size: int) -> dict[str, float]:
    """Peak memory of any one process where a test prints a lot; pytest itself holds all of it."""
    folder = bench.made("printing", size)
    triage = _run(folder, "--workers", "1", "--reruns", "0")
    spent = bench.medians({"plain": _pytest(folder), "triage": triage})
    return {
        "peak / pytest": spent["triage"].peak_mib / spent["plain"].peak_mib,
        "evidence on disk": _bytes_below(folder / "reports") / _MB,
    }


def _of_dask(bench: Bench, size: int) -> dict[str, float] | None:
    if importlib.util.find_spec("distributed") is None:
        return None
    folder = bench.made("sleeping", size)
    dask = ("--executor", "dask", "--workers")
    spent = bench.medians({"one": _run(folder, *dask, "1"), "four": _run(folder, *dask, "4")})
    return {_OF_LINEAR: spent["four"].wall * _DASK_WORKERS / spent["one"].wall}


def _of_shards(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("shards", size)
    collecting = _run_of_shards(folder)
    spent = bench.medians({"collect": collecting})
    return {"collect": spent["collect"].processor, "collect, peak": spent["collect"].peak_mib}


def _run_of_shards(folder: Path) -> Command:
    words = [*_TRIAGE, "collect", "--shards", "artifacts"]
    return Command(words, folder, before=partial(_forget_runs, folder))


def _of_torch(bench: Bench, size: int) -> dict[str, float] | None:
    if importlib.util.find_spec("torch") is None:
        return None
    folder = bench.made("torch", size)
    chunks = ("--workers", "1", "--chunks", str(size))
    spent = bench.medians({"plain": _pytest(folder), "triage": _run(folder, *chunks)})
    return {"processor / pytest": spent["triage"].processor / spent["plain"].processor}


def _of_import(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("junit", size)
    importing = Command([*_TRIAGE, "import", "junit.xml"], folder, before=partial(_forget_runs, folder))
    imported = bench.medians({"import": importing})["import"]
    reading = bench.medians(
        {
            "explain C1": _triage(folder, "explain", "C1"),
            "report --junit": _triage(folder, "report", "--junit", "out.xml"),
            # a second check would not read again what the first one found in order
            "check --all": _triage(folder, "check", "--all"),
        }
    )
    return {
        "import": imported.processor,
        "import, peak": imported.peak_mib,
        "evidence on disk": _bytes_below(folder / "reports") / _MB,
        **{name: spent.processor for name, spent in reading.items()},
    }


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _of_clusters(bench: Bench, size: int) -> dict[str, float]:
    words = [sys.executable, "-m", "benchmarks.whole_clusters", str(size)]
    checkout = Path(__file__).parents[1]
    spent = bench.medians(
        {
            "all": Command(words, checkout),
            "making": Command([*words, "--only-make"], checkout),
        }
    )
    return {
        "seconds": spent["all"].processor - spent["making"].processor,
        "peak": spent["all"].peak_mib,
    }


def _of_journal(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("journal", size)
    commands = {
        "status": _triage(folder, "status"),
        "next": _triage(folder, "next"),
        "show": _triage(folder, "show", "C1"),
        "check": _triage(folder, "check"),
        "assign": _triage(folder, "assign", "C2", "--owner", "somebody"),
    }
    # the first reading may keep what it found for those to come: that is how people meet it
    bench.medians({"warm": commands["status"]})
    spent = bench.medians(commands)
    figures = {name: each.processor for name, each in spent.items()}
    return {**figures, "check, peak": spent["check"].peak_mib}


def _of_recording(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("history", size)
    importing = (*_TRIAGE, "import", "junit.xml", "--no-ledgers", "--campaign", "again")
    forget = partial(shutil.rmtree, folder / "reports", ignore_errors=True)
    spent = bench.medians(
        {
            "with": Command(importing, folder, before=forget),
            "without": Command([*importing, "--no-history"], folder, before=forget),
        }
    )
    return {"seconds of a run": spent["with"].processor - spent["without"].processor}


def _of_history(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("history", size)
    spent = bench.medians(
        {
            "history": _triage(folder, "history", "tests/test_1.py::test_1"),
            "flaky": _triage(folder, "flaky"),
            "status": _triage(folder, "status"),
        }
    )
    return {name: each.processor for name, each in spent.items()}


def _of_stamps(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("stamps", size)
    commands = {
        "status": _triage(folder, "status"),
        "import": _triage(folder, "import", "junit.xml"),
        "check": _triage(folder, "check"),
    }
    bench.medians({"warm": commands["check"]})
    spent = bench.medians(commands)
    return {name: each.processor for name, each in spent.items()}


def _of_start(bench: Bench, size: int) -> dict[str, float]:
    folder = bench.made("conftest", size)
    commands = {"--help": _triage(folder, "--help"), "status": _triage(folder, "status")}
    spent = bench.medians(commands)
    return {name: each.processor * _MILLISECONDS for name, each in spent.items()}


ROWS = (
    Row(
        "start",
        "a command in a project without runs",
        (10,),
        (10,),
        (Target("--help", "ms", 50), Target("status", "ms", 120)),
        _of_start,
    ),
    Row(
        "loop",
        "tests of a project with a conftest, as in an edit-and-run loop",
        (10,),
        (10,),
        (Target("processor over pytest", "s", 0.35),),
        partial(_beside_pytest, "conftest"),
    ),
    Row(
        "small",
        "trivial tests, 1 worker",
        (10, 30, 100),
        (100,),
        (Target("processor / pytest", "x", 1.6),),
        partial(_beside_pytest, "trivial"),
    ),
    Row(
        "run",
        "trivial tests in up to 100 modules, 1 worker",
        (1_000, 5_000, 20_000),
        (1_000,),
        (Target("processor / pytest", "x", 1.03),),
        partial(_beside_pytest, "trivial"),
    ),
    Row(
        "large",
        "trivial tests in one run, 1 worker",
        (20_000, 50_000, 100_000),
        (1_000,),
        (Target("peak", "MiB", 400),),
        _of_large_run,
    ),
    Row(
        "output",
        "MB that a failing test prints, 1 worker",
        (10, 100, 1_000),
        (5,),
        (Target("peak / pytest", "x", 1.25), Target("evidence on disk", "MB", 10)),
        _of_output,
    ),
    Row(
        "dask",
        "tests of 10 ms on four local workers of Dask",
        (1_000, 5_000, 20_000),
        (400,),
        (Target(_OF_LINEAR, "x", 1.25),),
        _of_dask,
    ),
    Row(
        "shards",
        "shards of 2,000 tests that are joined",
        (10, 30, 100),
        (2,),
        (Target("collect", "s", 20), Target("collect, peak", "MiB", 400)),
        _of_shards,
    ),
    Row(
        "parameters",
        "parameters in one module, four fail, 1 worker",
        (1_000, 5_000, 20_000),
        (1_000,),
        (Target("processor / pytest", "x", 1.08),),
        partial(_beside_pytest, "parameters"),
    ),
    Row(
        "two",
        "trivial tests in up to 100 modules, 2 workers",
        (1_000, 5_000, 20_000),
        (1_000,),
        (Target("wall / pytest -n 2", "x", 0.5), Target("wall / pytest", "x", 0.65)),
        _of_two_workers,
    ),
    Row(
        "torch",
        "modules that import torch, a chunk each",
        (2, 5, 10),
        (2,),
        (Target("processor / pytest", "x", 1.3),),
        _of_torch,
    ),
    Row(
        "import",
        "failures of 300 kinds in a report of JUnit XML",
        (2_000, 6_000, 20_000),
        (500,),
        (
            Target("import", "s", 8),
            Target("import, peak", "MiB", 300),
            Target("evidence on disk", "MB", 20),
            Target("explain C1", "s", 1),
            Target("report --junit", "s", 2),
            Target("check --all", "s", 3),
        ),
        _of_import,
    ),
    Row(
        "clusters",
        "failures clustered by the Python interface, one core",
        (10_000, 100_000, 1_000_000),
        (5_000,),
        (Target("seconds", "s", 20), Target("peak", "MiB", 400)),
        _of_clusters,
    ),
    Row(
        "journal",
        "events in the journal, 20 of each cluster",
        (10_000, 30_000, 100_000),
        (1_000,),
        (
            Target("status", "s", 0.5),
            Target("next", "s", 0.5),
            Target("show", "s", 0.5),
            Target("check", "s", 5),
            Target("check, peak", "MiB", 300),
            Target("assign", "s", 1),
        ),
        _of_journal,
    ),
    Row(
        "recording",
        "results in the history that a run of 1,000 tests is added to",
        (10_000, 100_000, 1_000_000),
        (10_000,),
        (Target("seconds of a run", "s", 0.1),),
        _of_recording,
    ),
    Row(
        "history",
        "results in the history that is read",
        (100_000, 1_000_000, 10_000_000),
        (10_000,),
        (Target("history", "s", 0.3), Target("flaky", "s", 0.3), Target("status", "s", 0.3)),
        _of_history,
    ),
    Row(
        "stamps",
        "STAMP folders of earlier runs",
        (100, 1_000, 3_000),
        (30,),
        (Target("status", "s", 0.5), Target("import", "s", 1), Target("check", "s", 1)),
        _of_stamps,
    ),
)


def rows_named(names: Sequence[str]) -> Iterator[Row]:
    """The rows of these names, in the order of the table; all of them where none is named."""
    for row in ROWS:
        if not names or row.name in names:
            yield row
