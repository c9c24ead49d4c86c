"""Writes a run's documents into its evidence, each as soon as it is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.formats.junit_writer import write_junit
from triage.formats.pytest_json import from_events, from_plugin
from triage.model.base import World
from triage.model.run import Attempt, Plan, RunRecord, TestResult
from triage.process.api import LOG, REPORT, STACKS
from triage.run.chunk import Course, Tried
from triage.run.collection import Collected
from triage.run.command import Launch
from triage.run.run_store import RunStore

_INLINE = 12
"""So many ids stand in the command itself; more stand in a file that pytest reads (`@file`)."""
_STACK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Binder:
    """The evidence of one run."""

    store: RunStore
    launch: Launch
    world: World

    def preflight(self, collected: Collected, facts: dict[str, Any], log: bytes) -> None:
        """What was found before anything ran."""
        self.store.put("preflight.log", log)
        self.store.put_json(
            "preflight.json",
            {
                **facts,
                "collection_errors": [
                    {"nodeid": error.nodeid, "outcome": error.outcome.value, "message": _message(error)}
                    for error in collected.errors
                ],
                "left_out": collected.ignore,
                "interpreter": {
                    name: collected.begin.get(name)
                    for name in ("executable", "python", "pytest", "rootdir", "inifile")
                },
                "packages": collected.begin.get("packages", {}),
                "plugins": collected.begin.get("plugins", {}),
                "notes": collected.notes,
            },
            clean={"nodeids": [item.nodeid for item in collected.items]},
        )

    def plan(self, plan: Plan) -> None:
        """The chunks, before the first of them runs."""
        self.store.put(
            "plan.json", plan.model_dump_json(indent=1).encode("utf-8", "backslashreplace") + b"\n"
        )
        for chunk in plan.chunks:
            if len(chunk.nodeids) > _INLINE:
                text = "".join(f"{nodeid}\n" for nodeid in chunk.nodeids if "\n" not in nodeid)
                self.store.put(f"chunks/{chunk.name}/ids.txt", text.encode("utf-8", "backslashreplace"))

    def targets(self, name: str | None, nodeids: Sequence[str]) -> list[str]:
        """How a command names these tests."""
        if name is None or len(nodeids) <= _INLINE:
            return list(nodeids)
        return [f"@{self.store.folder.path / 'chunks' / name / 'ids.txt'}"]

    def commands(self, plan: Plan, attempts: Sequence[Attempt]) -> None:
        """What ran, in plain pytest, so that a shell takes it back."""
        lines = ["# each line is one process, as plain pytest runs it"]
        lines += [f"{attempt.command}  # {attempt.chunk}, attempt {attempt.number}" for attempt in attempts]
        if not attempts:
            lines += [self.launch.shell(self.targets(c.name, c.nodeids)) for c in plan.chunks]
        self.store.put(
            "commands.txt", "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        )

    def chunk(self, course: Course, events: dict[Any, dict[str, Any]], collected: Collected) -> None:
        """Log, report, JUnit XML and exit record of a chunk that came to its end."""
        assert course.name is not None
        place = f"chunks/{course.name}"
        self.store.put(f"{place}/{LOG}", _logs(course.tried))
        stacks = b"".join(
            _end_of(tried.folder / STACKS) for tried in course.tried if "timeout" in tried.attempt.ended
        )
        if stacks:
            self.store.put(f"{place}/{STACKS}", stacks)
        seconds = sum(tried.attempt.seconds for tried in course.tried)
        ordered = [course.results[key] for key in course.keys if key in course.results]
        timestamp = self.world.now().isoformat(timespec="seconds")
        junit = write_junit(ordered, name=course.name, timestamp=timestamp, seconds=seconds)
        self.store.put(f"{place}/junit.xml", junit.encode("utf-8"))
        report = self._report(course, events, collected, seconds)
        self.store.put(
            f"{place}/{REPORT}", json.dumps(report, ensure_ascii=True, default=str).encode("ascii")
        )
        self.store.put_json(
            f"{place}/exit.json",
            {
                "chunk": course.name,
                "complete": not course.left,
                "attempts": [tried.attempt.model_dump(mode="json") for tried in course.tried],
            },
        )

    def _report(
        self, course: Course, events: dict[Any, dict[str, Any]], collected: Collected, seconds: float
    ) -> dict[str, Any]:
        last = course.tried[-1] if course.tried else None
        why = "the chunk needed more than one process"
        if last is not None and len(course.tried) == 1 and course.number == 1:
            why = (
                "the process died"
                if last.attempt.ended != "finished"
                else "too many tests for the plugin, or no plugin"
            )
            document = from_plugin(last.folder / REPORT) if last.attempt.ended == "finished" else None
            if document is not None:
                return document
        rows = [(key, course.results[key], events.get(key)) for key in course.keys if key in course.results]
        return from_events(
            rows,
            root=collected.begin.get("rootdir", self.launch.root),
            created=self.world.now().timestamp(),
            duration=seconds,
            exitcode=last.attempt.exit_code if last else None,
            why=why,
            lines=collected.lines,
            environment={
                "Python": collected.begin.get("python"),
                "Plugins": collected.begin.get("plugins", {}),
            },
        )

    def record(self, record: RunRecord) -> None:
        """The reconciled run: what every later reader starts from. Redacted at its sources."""
        self.store.put("results.json", record.model_dump_json().encode("utf-8", "backslashreplace") + b"\n")


def _message(error: TestResult) -> str:
    return error.failures[0].message if error.failures else (error.note or "")


def _logs(tried: Sequence[Tried]) -> bytes:
    parts = []
    for one in tried:
        if len(tried) > 1:
            parts.append(f"==== attempt {one.attempt.number} ====\n".encode())
        path = one.folder / LOG
        parts.append(path.read_bytes() if path.exists() else b"")
    return b"".join(parts)


def _end_of(path: Path) -> bytes:
    if not path.exists():
        return b""
    data = path.read_bytes()
    return data[-_STACK_BYTES:]
