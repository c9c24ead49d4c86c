"""Write a run's documents into its evidence, each as soon as it is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.evidence.packed import packed
from triage.formats.junit_writer import write_junit
from triage.formats.pytest_json import from_events, from_plugin
from triage.model.base import World
from triage.model.run import Attempt, Key, Plan, RunRecord, TestResult
from triage.process.api import LOG, REPORT, STACKS
from triage.run.chunk import ChunkProgress, FinishedAttempt
from triage.run.collection import Collected
from triage.run.command import Launch
from triage.run.run_store import RunStore

_MOST_IDS_IN_COMMAND = 12
"""More stand in a file that pytest reads (`@file`): the command stays one that a person can read."""
_STACK_BYTES = 256 * 1024
"""Of each attempt's stacks; a suite with many threads writes megabytes."""
_INTERPRETER = ("executable", "python", "pytest", "rootdir", "inifile")


@dataclass(frozen=True)
class Artifacts:
    """The documents of one run."""

    store: RunStore
    launch: Launch
    world: World

    def write_preflight(self, collected: Collected, facts: Mapping[str, Any], log: bytes) -> None:
        """Write what was found before anything ran."""
        self.store.put("preflight.log", log)
        errors = [
            {"nodeid": error.nodeid, "outcome": error.outcome.value, "message": _message(error)}
            for error in collected.errors
        ]
        document = {
            **facts,
            "collection_errors": errors,
            "left_out": collected.ignore,
            "interpreter": {name: collected.begin.get(name) for name in _INTERPRETER},
            "packages": collected.begin.get("packages", {}),
            "plugins": collected.begin.get("plugins", {}),
            "notes": collected.notes,
        }
        # node ids are keys of other documents: the recorder has redacted them, once
        self.store.put_json(
            "preflight.json", document, clean={"nodeids": [item.nodeid for item in collected.items]}
        )

    def write_plan(self, plan: Plan) -> None:
        """Write the chunks, before the first of them runs."""
        self._put_text("plan.json", plan.model_dump_json(indent=1) + "\n")
        for chunk in plan.chunks:
            if len(chunk.nodeids) > _MOST_IDS_IN_COMMAND:
                # pytest reads one id a line, so that an id with a line end cannot be named there
                lines = [f"{nodeid}\n" for nodeid in chunk.nodeids if "\n" not in nodeid]
                self._put_text(f"chunks/{chunk.name}/ids.txt", "".join(lines))

    def targets(self, chunk: str | None, nodeids: Sequence[str]) -> list[str]:
        """How a command names these tests."""
        if chunk is None or len(nodeids) <= _MOST_IDS_IN_COMMAND:
            return list(nodeids)
        return [f"@{self.store.folder.path / 'chunks' / chunk / 'ids.txt'}"]

    def write_commands(self, plan: Plan, attempts: Sequence[Attempt]) -> None:
        """Write what ran, or before any attempt what will run, as plain pytest in shell form."""
        lines = ["# each line is one process, as plain pytest runs it"]
        for attempt in attempts:
            lines.append(f"{attempt.command}  # {attempt.chunk}, attempt {attempt.number}")
        if not attempts:
            lines += [self.launch.shell(self.targets(chunk.name, chunk.nodeids)) for chunk in plan.chunks]
        self._put_text("commands.txt", "".join(f"{line}\n" for line in lines))

    def write_chunk(
        self, chunk: ChunkProgress, events: Mapping[Key, dict[str, Any]], collected: Collected
    ) -> None:
        """Write log, report, JUnit XML and exit record of a chunk that came to its end."""
        assert chunk.name is not None
        folder = f"chunks/{chunk.name}"
        self.store.put(f"{folder}/{LOG}", _logs(chunk.attempts))
        stacks = _stacks_of_timeouts(chunk.attempts)
        if stacks:
            self.store.put(f"{folder}/{STACKS}", stacks)

        seconds = sum(finished.attempt.seconds for finished in chunk.attempts)
        results = chunk.all_results("its chunk was not finished")
        timestamp = self.world.now().isoformat(timespec="seconds")
        junit = write_junit(results, name=chunk.name, timestamp=timestamp, seconds=seconds)
        self.store.put(f"{folder}/junit.xml", junit.encode("utf-8"))

        report = self._report(chunk, events, collected, seconds)
        self.store.put(
            f"{folder}/{REPORT}", json.dumps(report, ensure_ascii=True, default=str).encode("ascii")
        )
        exit_record = {
            "chunk": chunk.name,
            "complete": not chunk.remaining,
            "attempts": [finished.attempt.model_dump(mode="json") for finished in chunk.attempts],
        }
        self.store.put_json(f"{folder}/exit.json", exit_record)

    def write_record(self, record: RunRecord) -> None:
        """Write the reconciled run, from which every later reader starts. It is redacted at its sources."""
        text = record.model_dump_json() + "\n"
        self.store.put("results.json", b"".join(packed([text.encode("utf-8", "backslashreplace")])))

    def _put_text(self, name: str, text: str) -> None:
        """Write text that may hold lone surrogates: node ids of files with undecodable names."""
        self.store.put(name, text.encode("utf-8", "backslashreplace"))

    def _report(
        self,
        chunk: ChunkProgress,
        events: Mapping[Key, dict[str, Any]],
        collected: Collected,
        seconds: float,
    ) -> dict[str, Any]:
        """The report of pytest-json-report, or one of the same form made from the events."""
        last = chunk.attempts[-1].attempt if chunk.attempts else None
        only_attempt = len(chunk.attempts) == 1 and chunk.number == 1
        if last is None or not only_attempt:
            why = "the chunk needed more than one process"
        elif last.ended != "finished":
            why = "the process died"
        else:
            why = "too many tests for the plugin, or no plugin"
            document = from_plugin(chunk.attempts[-1].folder / REPORT, seconds=seconds)
            if document is not None:
                return document
        rows = [(key, chunk.results[key], events.get(key)) for key in chunk.keys if key in chunk.results]
        return from_events(
            rows,
            root=collected.begin.get("rootdir", self.launch.root),
            created=self.world.now().timestamp(),
            duration=seconds,
            exitcode=last.exit_code if last else None,
            why=why,
            lines=collected.lines,
            environment={
                "Python": collected.begin.get("python"),
                "Plugins": collected.begin.get("plugins", {}),
            },
        )


def _message(error: TestResult) -> str:
    return error.failures[0].message if error.failures else (error.note or "")


def _logs(attempts: Sequence[FinishedAttempt]) -> bytes:
    """The logs of all attempts, under headings where there is more than one."""
    parts = []
    for finished in attempts:
        if len(attempts) > 1:
            parts.append(f"==== attempt {finished.attempt.number} ====\n".encode())
        path = finished.folder / LOG
        if path.exists():
            parts.append(path.read_bytes())
    return b"".join(parts)


def _stacks_of_timeouts(attempts: Iterable[FinishedAttempt]) -> bytes:
    parts = []
    for finished in attempts:
        path = finished.folder / STACKS
        if finished.attempt.ended in ("test-timeout", "chunk-timeout") and path.exists():
            parts.append(path.read_bytes()[-_STACK_BYTES:])
    return b"".join(parts)
