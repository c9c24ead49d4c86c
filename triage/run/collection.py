"""Preflight's collection: in a process of its own, and again without each file or folder that kills it.

One death is no proof: somebody may have killed the process, or the machine was busy. What was being collected
is therefore collected once more alone, with twice the time, and left out only where that fails too, or where
it ends the whole collection a second time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.errors import TriageError, UsageError, VoidError
from triage.model.outcome import Outcome
from triage.model.run import Key, TestResult
from triage.process.api import LOG
from triage.run import results
from triage.run.chunk import ChunkRunner, FinishedAttempt, collection_death, tail_of
from triage.run.grouping import Item
from triage.run.origins import Origins
from triage.run.recorded_failures import failure_of

PREFLIGHT = "preflight"
"""The name of the collection where chunks have theirs: of its folder and in the record."""
MOST_LEFT_OUT = 25
"""Files that may kill the collection one after the other before the run is called void."""
_MOST_UNEXPLAINED = 3
"""Deaths of the collection while nothing of the suite was being collected."""
_PATIENCE_ALONE = 2.0
"""What is tried alone has so many times the limit: the machine may have been busy."""
_MOST_SUSPICIONS = 2
"""Times that something may end the collection of everything, although it collects alone."""
_LINE_CHARS = 300
"""Of a log's line in an error, which is one line itself."""
_PYTEST_USAGE_ERROR = 4


@dataclass(frozen=True)
class Scope:
    """What one collection looks at."""

    ignore: tuple[str, ...] = ()
    """Paths of files and folders, and ids of classes, that are left out."""
    only: str | None = None
    """The only file or folder to collect."""
    patience: float = 1.0
    """So many times the usual limit for each thing that is collected."""


@dataclass
class Collected:
    """What the suite says it has."""

    keys: list[Key] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    lines: dict[Key, int | None] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    """Absolute path of each item's file."""
    errors: list[TestResult] = field(default_factory=list)
    skips: list[TestResult] = field(default_factory=list)
    """Files and classes that were skipped as a whole."""
    deselected: int = 0
    """Tests that options or plugins took out."""
    ignore: list[str] = field(default_factory=list)
    """What must not be collected again: each killed a collection."""
    begin: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


CollectOnce = Callable[[Scope, int], FinishedAttempt]
"""Runs one collection; the number is that of the try."""


class Collection:
    """Collects until a collection comes to its end; `errors` are there also where none does."""

    def __init__(self, once: CollectOnce, runner: ChunkRunner, has_pytest: Callable[[], bool]) -> None:
        """`has_pytest` tells whether the suite's interpreter has a pytest."""
        self._once, self._runner, self._has_pytest = once, runner, has_pytest
        self._tries = 0
        self._ignore: list[str] = []
        self._suspicions: Counter[str] = Counter()
        self._notes: list[str] = []
        self.errors: list[TestResult] = []
        """What killed the collection, hung in it, or raised before it could begin."""

    def collect(self) -> Collected:
        """Return what was collected. Raises what a person must mend first."""
        unexplained = 0
        while True:
            finished = self._attempt(Scope(ignore=tuple(self._ignore)))
            if finished.reader.ready:
                return self._collected(finished)
            suspected = _suspected(finished, self._runner.origins)
            if suspected is not None:
                self._try_alone(suspected)
                continue
            unexplained += 1
            if not _died(finished) or unexplained >= _MOST_UNEXPLAINED:
                raise self._refusal(finished)
            self._notes.append(f"collected again; the first time: {finished.attempt.note or 'died'}")

    def _attempt(self, scope: Scope) -> FinishedAttempt:
        self._tries += 1
        finished = self._once(scope, self._tries)
        if finished.process.ended == "interrupted":
            raise VoidError("interrupted", "the run was interrupted while collecting", "run it again")
        return finished

    def _try_alone(self, suspected: _Suspected) -> None:
        """Leave out what ends a collection alone too; what does not is left out when it happens again."""
        if suspected.raised:
            self._leave_out(suspected, suspected.result)
            return
        scope = Scope(ignore=tuple(self._ignore), only=suspected.path, patience=_PATIENCE_ALONE)
        alone = _suspected(self._attempt(scope), self._runner.origins)
        if alone is not None and alone.name == suspected.name:
            self._leave_out(suspected, alone.result)
            return
        self._notes.append(
            f"collected again; the first time: {suspected.result.note or 'died'}; alone that is fine"
        )
        self._suspicions[suspected.name] += 1
        if self._suspicions[suspected.name] >= _MOST_SUSPICIONS:
            note = f"{suspected.result.note or 'died'}; collected alone it is fine"
            self._leave_out(suspected, suspected.result.model_copy(update={"note": note}))

    def _leave_out(self, suspected: _Suspected, error: TestResult) -> None:
        self.errors.append(error)
        self._runner.record_collect_error(PREFLIGHT, self._tries, error)
        if self._holds_root(suspected.path):
            said = error.failures[0].message.strip().partition("\n")[0][:_LINE_CHARS]
            what = error.failures[0].exception or error.outcome.value
            raise VoidError(
                "collection-failed",
                f"pytest could not collect: {suspected.path}: {what}: {said}",
                "mend what the log in preflight.log says",
            )
        if len(self.errors) >= MOST_LEFT_OUT:
            raise VoidError(
                "collection-dies",
                f"{MOST_LEFT_OUT} files in turn killed the collection, the last one {error.nodeid}",
                "mend them, or name the tests to run",
            )
        self._ignore.append(suspected.name)

    def _holds_root(self, folder: str) -> bool:
        """Whether the whole suite lies in the folder, so that nothing would be left without it."""
        return Path(self._runner.origins.root).is_relative_to(os.path.realpath(folder))

    def _collected(self, finished: FinishedAttempt) -> Collected:
        reader, origins = finished.reader, self._runner.origins
        event = reader.collected
        assert event is not None
        paths = [event["files"][number] for number in event["file"]]
        items = []
        for nodeid, path in zip(event["ids"], paths, strict=True):
            file = origins.relative(path) if path else nodeid.split("::", 1)[0]
            items.append(Item(nodeid, file))
        return Collected(
            keys=list(reader.keys),
            items=items,
            lines=dict(zip(reader.keys, event["lines"], strict=True)),
            paths=paths,
            errors=[*self.errors, *results.collect_errors(reader, origins)],
            skips=results.collect_skips(reader),
            deselected=event.get("deselected", 0),
            ignore=list(self._ignore),
            begin=reader.begin,
            notes=[*self._notes, *reader.notes],
            hints=list(reader.hints),
        )

    def _refusal(self, finished: FinishedAttempt) -> TriageError:
        """Why pytest did not even collect, in one line."""
        if not finished.reader.begin and not self._has_pytest():
            command = finished.attempt.command.split(" && ")[-1]
            return UsageError("no-pytest", f"{command}: no pytest there", "install pytest there")
        line = _telling_line(tail_of(finished.folder / LOG))
        if finished.process.exit_code == _PYTEST_USAGE_ERROR:
            return UsageError(
                "pytest-refuses", f"pytest refuses: {line}", "correct the selector or the option"
            )
        return VoidError(
            "collection-failed",
            f"pytest could not collect ({finished.attempt.note or 'no reason given'}): {line}",
            "mend what the log in preflight.log says",
        )


@dataclass(frozen=True)
class _Suspected:
    """What was being collected when a collection ended too early."""

    name: str
    """What a later collection is told to leave it out: the path, or the id of what is no file or folder."""
    path: str
    result: TestResult
    """What it gets if it is blamed."""
    raised: bool = False
    """Whether it raised, in good order: that is its own."""


def _suspected(finished: FinishedAttempt, origins: Origins) -> _Suspected | None:
    """What was being collected, or raised before the session could begin; None where nothing was."""
    reader = finished.reader
    death = collection_death(finished, origins)
    if death is not None and reader.collecting is not None:
        nodeid, path = reader.collecting["id"], reader.collecting["path"]
        is_path = "::" not in nodeid
        return _Suspected(name=path if is_path else nodeid, path=path, result=death)
    raised = reader.conftest_error
    if raised is not None and not reader.begin:
        failure = failure_of(raised["id"], raised["failure"], origins)
        result = TestResult(nodeid=raised["id"], outcome=Outcome.ERROR, failures=(failure,))
        return _Suspected(name=raised["path"], path=raised["path"], result=result, raised=True)
    return None


def _died(finished: FinishedAttempt) -> bool:
    """Whether the process did not end by itself."""
    return finished.process.signal is not None or finished.process.ended != "finished"


def _telling_line(log: str) -> str:
    """The line of a log that says most: an ERROR, an exception, else the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for line in lines:
        if ": error: " in line:
            return line.partition(": error: ")[2]
    for mark in ("ERROR: ", "E   "):
        for line in lines:
            if line.startswith(mark):
                return line.removeprefix(mark).strip()
    for line in reversed(lines):
        if "Error" in line:
            return line[:_LINE_CHARS]
    return lines[-1][:_LINE_CHARS] if lines else "it printed nothing"


def only_files(collected: Collected, keys: Sequence[Key]) -> list[str]:
    """Files that a process needs for these items; never what killed a collection."""
    wanted = set(keys)
    pairs = zip(collected.keys, collected.paths, strict=True)
    return sorted({path for key, path in pairs if key in wanted and path})


def logs_of(work: Path) -> bytes:
    """What the collections of a run printed, one after the other."""
    return b"".join(path.read_bytes() for path in sorted(work.glob(f"{PREFLIGHT}.*/{LOG}")))
