"""Preflight's collection: in a process of its own, again without each file that kills it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.errors import TriageError, UsageError, VoidError
from triage.model.run import Key, TestResult
from triage.process.api import LOG
from triage.run import results
from triage.run.chunk import ChunkRunner, FinishedAttempt, collection_death, tail_of
from triage.run.plan import Item

PREFLIGHT = "preflight"
"""The name of the collection where chunks have theirs: of its folder and in the record."""
_TRIES = 25
"""Files that may kill the collection one after the other before the run is called void."""


@dataclass
class Collected:
    """What the suite says it has."""

    keys: list[Key] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    lines: dict[Key, int | None] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    """Absolute path of each item's file."""
    errors: list[TestResult] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    """Files that must not be imported again: each killed a collection."""
    begin: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Collect = Callable[[list[str], int], FinishedAttempt]
"""Runs one collection that leaves these files out; the number is that of the try."""


def collect(once: Collect, runner: ChunkRunner) -> Collected:
    """Collect until a collection comes to its end. Raises what a person must mend first."""
    ignore: list[str] = []
    deaths: list[TestResult] = []
    for number in range(1, _TRIES + 1):
        finished = once(ignore, number)
        if finished.reader.ready:
            return _collected(finished, ignore, deaths, runner)
        death = collection_death(finished, runner.origins)
        if death is None:
            raise _refusal(finished)
        deaths.append(death)
        assert finished.reader.collecting is not None
        ignore = [*ignore, finished.reader.collecting["path"]]
    raise VoidError(
        "collection-dies",
        f"{_TRIES} files in turn killed the collection, the last one {ignore[-1]}",
        "mend them, or name the tests to run",
    )


def _collected(
    finished: FinishedAttempt, ignore: list[str], deaths: list[TestResult], runner: ChunkRunner
) -> Collected:
    reader = finished.reader
    event = reader.collected
    assert event is not None
    paths = [event["files"][number] for number in event["file"]]
    items = [
        Item(nodeid, runner.origins.relative(path) if path else nodeid.split("::", 1)[0])
        for nodeid, path in zip(event["ids"], paths, strict=True)
    ]
    return Collected(
        keys=list(reader.keys),
        items=items,
        lines=dict(zip(reader.keys, event["lines"], strict=True)),
        paths=paths,
        errors=[*deaths, *results.collect_errors(reader, runner.origins)],
        ignore=ignore,
        begin=reader.begin,
        notes=list(reader.notes),
    )


def _refusal(finished: FinishedAttempt) -> TriageError:
    """Why pytest did not even collect, in one line."""
    log = tail_of(finished.folder / LOG)
    if "No module named pytest" in log:
        return UsageError(
            "no-pytest",
            f"{finished.attempt.command.split(' && ')[-1]}: no pytest there",
            "install pytest there",
        )
    code = finished.process.exit_code
    line = _telling_line(log)
    if code == 4 and "conftest" not in log.partition("\n")[0]:
        return UsageError("pytest-refuses", f"pytest refuses: {line}", "correct the selector or the option")
    if finished.process.ended == "interrupted":
        return VoidError("interrupted", "the run was interrupted while collecting", "run it again")
    return VoidError(
        "collection-failed",
        f"pytest could not collect ({finished.attempt.note or 'no reason given'}): {line}",
        "mend what the log in preflight.log says",
    )


def _telling_line(log: str) -> str:
    """The line of a log that says most: an ERROR, an exception, else the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if lines and lines[0].startswith("ImportError while loading conftest"):
        raised = next((line.removeprefix("E ").strip() for line in lines if line.startswith("E ")), "")
        return f"{lines[0]} {raised}".strip()
    for line in lines:
        if ": error: " in line:
            return line.partition(": error: ")[2]
    for mark in ("ERROR: ", "E   "):
        for line in lines:
            if line.startswith(mark):
                return line.removeprefix(mark).strip()
    for line in reversed(lines):
        if "Error" in line:
            return line[:300]
    return lines[-1][:300] if lines else "it printed nothing"


def only_files(collected: Collected, keys: Sequence[Key]) -> list[str]:
    """Files that a process needs for these items; never what killed a collection."""
    wanted = set(keys)
    return sorted(
        {path for key, path in zip(collected.keys, collected.paths, strict=True) if key in wanted and path}
    )


def logs_of(work: Path) -> bytes:
    """What the collections of a run printed, one after the other."""
    return b"".join(path.read_bytes() for path in sorted(work.glob(f"{PREFLIGHT}.*/{LOG}")))
