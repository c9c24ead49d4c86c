"""Count and name the processes that triage starts while something is measured (see `benchmarks.engine`)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import import_clock
from triage.cli import app
from triage.lab.lab import Lab
from triage.lab.protocol import Setup
from triage.process.local import LocalExecutor
from triage.run.warm_parents import WarmParents


@dataclass
class Process:
    """One process under test."""

    command: str
    """The command of triage that started it."""
    kind: str
    """new (an interpreter), fork (of a warm parent or of a collected suite) or parent."""
    question: str
    """What it was started for."""
    treatment: str
    """What its experiment changes; empty where nothing is."""
    cpu: float = 0.0
    """Processor seconds of its own; of a parent those until it was ready. 0 where it ended early."""
    imports: float = 0.0

    def line(self) -> str:
        """As it is printed."""
        return (
            f"  {self.command:<7} {self.kind:<7}{self.cpu:>6.1f} s cpu {self.imports:>5.1f} s imports  "
            f"{self.question}{': ' if self.treatment else ''}{self.treatment}"
        )


@dataclass
class Processes:
    """All processes that were started while it counted."""

    started: list[Process] = field(default_factory=list)
    _command: str = "probe"
    _question: str = ""
    _treatment: threading.local = field(default_factory=threading.local)
    """Of the thread's run."""

    def number_of(self, *kinds: str) -> int:
        """How many were of these kinds."""
        return sum(process.kind in kinds for process in self.started)

    @property
    def imports(self) -> float:
        """Processor seconds in imports, the start of Python included."""
        return sum(process.imports for process in self.started)

    def read(self, notes: Path) -> None:
        """Take over what the processes have written of themselves."""
        for path in notes.iterdir():
            noted = json.loads(path.read_text(encoding="utf-8"))
            if noted["process"] is None:
                self.started.append(
                    Process("run", "fork", "a chunk of the suite", "", noted["cpu"], noted["imports"])
                )
            else:
                process = self.started[int(noted["process"])]
                process.cpu, process.imports = noted["cpu"], noted["imports"]

    def _begin(self, kind: str) -> int:
        treatment = getattr(self._treatment, "words", None)
        question = self._question if treatment is not None else "the suite"
        self.started.append(Process(self._command, kind, question, treatment or ""))
        return len(self.started) - 1

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Note every process under test that is started meanwhile."""
        run, serve, lab_run, asking = (
            LocalExecutor.run, LocalExecutor.start_fork_server, Lab._run, Lab._asking,
        )  # fmt: skip
        start_parent, command = WarmParents._start_server, app._command
        this = self

        def run_noted(executor: Any, request: Any, sink: Any, stop: Any) -> Any:
            if request.fork_server is not None and not request.argv:
                # what forks behind its collection has the environment of its server: `read` counts it
                return run(executor, request, sink, stop)
            number = this._begin("new" if request.fork_server is None else "fork")
            request = replace(request, env={**request.env, import_clock.PROCESS: str(number)})
            return run(executor, request, sink, stop)

        def serve_noted(executor: Any, request: Any, sink: Any, stop: Any) -> Any:
            if "steps" not in request.settings:
                this._begin("new")
            return serve(executor, request, sink, stop)

        def start_parent_noted(parents: Any, *words: Any) -> Any:
            number = this._begin("parent")
            server = start_parent(parents, *words)
            if server is not None:
                this.started[number].cpu = this.started[number].imports = float(server.said["seconds"])
            return server

        def lab_run_noted(lab: Any, setup: Any, way: Any) -> Any:
            this._treatment.words = treatment_of(setup)
            try:
                return lab_run(lab, setup, way)
            finally:
                this._treatment.words = None

        def asking_noted(lab: Any, question: str, runs: int) -> Any:
            this._question = question.partition(" [")[0]
            return asking(lab, question, runs)

        def command_noted(argv: Any) -> int:
            this._command = " ".join(argv[:2])
            return command(argv)

        LocalExecutor.run, LocalExecutor.start_fork_server = run_noted, serve_noted  # type: ignore[method-assign]
        Lab._run, Lab._asking = lab_run_noted, asking_noted  # type: ignore[method-assign]
        WarmParents._start_server = start_parent_noted  # type: ignore[method-assign]
        app._command = command_noted
        try:
            yield
        finally:
            LocalExecutor.run, LocalExecutor.start_fork_server = run, serve  # type: ignore[method-assign]
            Lab._run, Lab._asking = lab_run, asking  # type: ignore[method-assign]
            WarmParents._start_server = start_parent  # type: ignore[method-assign]
            app._command = command


def treatment_of(setup: Setup) -> str:
    """What a setup changes, in a few words."""
    words = [name for name, given in setup.instruments.items() if given]
    words += [f"{name}={value}" for name, value in setup.env.items()]
    words += [f"edits {path}" for path in setup.edits]
    words += [f"at {setup.commit[:8]}"] if setup.commit else []
    words += ["reverts"] if setup.reverted else []
    words += [f"installs {name}" for name in setup.packages]
    words += [f"seed {setup.seed}"] if setup.seed is not None else []
    return ", ".join(words)
