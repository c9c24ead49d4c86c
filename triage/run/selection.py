"""One pytest process on named tests: the unit of experiments and of exit criteria."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.evidence import atomic
from triage.model.base import World
from triage.model.run import Key, Selection, SelectionResult, TestResult
from triage.process.api import LOG, STACKS, Executor, ProcessRequest
from triage.run import results
from triage.run.chunk import ChunkProgress, ChunkRunner, FinishedAttempt, collection_death
from triage.run.command import Launch, carried, new_key
from triage.run.origins import Origins
from triage.run.record_reader import collected_keys

INSTRUMENTS = "instruments"
Start = Callable[[ProcessRequest], ProcessRequest]
"""Decides how a request becomes a process: returns it as it is, or with a parent to fork from."""
_UNKNOWN: Key = ("", -1)
"""Stands for the tests of the selection until they are collected."""


def run_selection(
    selection: Selection,
    *,
    env: Mapping[str, str],
    python: str | None,
    folder: Path,
    executor: Executor,
    world: World,
    stop: Callable[[], bool] = lambda: False,
    start: Start = lambda request: request,
    modules: Path | None = None,
    ignore: Sequence[str] = (),
) -> SelectionResult:
    """Run the selected tests in one process, in order; behind a death, a further process for the rest.

    `env` is the canonical environment, `selection.env` goes on top of it. `folder` is made and keeps
    the log, the record's events, and what the instruments wrote in `instruments/`. Where `stop` says so the
    process is ended and no further one starts. `modules` gets the libraries' modules that were imported.
    `ignore` names what is not collected: paths of files and folders, ids of classes.
    """
    started = world.monotonic()
    folder = folder.absolute()
    scratch = folder / "work"
    scratch.mkdir(parents=True, exist_ok=True)
    launch = _launch(selection, env, python, folder=folder, world=world)
    run = _SelectionRun(selection, launch, executor, scratch, stop)
    run.start = start
    run.ignore = ignore
    if modules is not None:
        run.first_settings = {"modules": str(modules)}
    chunk = run.run()
    (folder / "events.jsonl").write_bytes(b"".join(payload + b"\n" for payload in run.events))
    _keep_logs(chunk.attempts, folder)
    shutil.rmtree(scratch, ignore_errors=True)
    return SelectionResult(
        selection=selection,
        command=launch.shell(selection.nodeids),
        folder=str(folder),
        attempts=tuple(finished.attempt for finished in chunk.attempts),
        results=run.results(),
        collect_errors=tuple(run.collect_errors),
        seconds=round(world.monotonic() - started, 6),
    )


class _SelectionRun:
    """The first attempt collects what the selection names; what it found is the plan of later ones."""

    def __init__(
        self,
        selection: Selection,
        launch: Launch,
        executor: Executor,
        scratch: Path,
        stop: Callable[[], bool],
    ) -> None:
        self.selection = selection
        self.start: Start = lambda request: request
        self.first_settings: dict[str, str] = {}
        """Further settings of the recorder in the first attempt."""
        self.ignore: Sequence[str] = ()
        """What the recorder keeps pytest from collecting."""
        self.launch = launch
        self.origins = Origins(selection.root)
        self.events: list[bytes] = []
        self.collect_errors: list[TestResult] = []
        self._chunk = ChunkProgress(None, [_UNKNOWN])
        self._is_planned = False
        self._runner = ChunkRunner(
            executor=executor,
            scratch=scratch,
            origins=self.origins,
            key=lambda _name: new_key(),
            command=self._command,
            stop=stop,
            on_event=self._on_event,
            doubts=False,
        )

    def run(self) -> ChunkProgress:
        """Run until every test that the first attempt collected has its result."""
        chunk = self._chunk
        self._runner.run(chunk, self._request)
        chunk.results.pop(_UNKNOWN, None)
        if chunk.attempts:
            self.collect_errors += results.collect_errors(chunk.attempts[0].reader, self.origins)
            death = collection_death(chunk.attempts[-1], self.origins)
            if death is not None and not self._planned_keys():
                self.collect_errors.append(death)
        return chunk

    def results(self) -> tuple[TestResult, ...]:
        """Results in the order in which the tests ran, behind them what never ran."""
        chunk = self._chunk
        not_run = [
            results.result_not_run(key, None, chunk.gave_up or "its process was not started")
            for key in self._planned_keys()
            if key not in chunk.results
        ]
        return (*chunk.results.values(), *not_run)

    def _planned_keys(self) -> list[Key]:
        return [key for key in self._chunk.keys if key != _UNKNOWN]

    def _command(self, _chunk: str | None, keys: Sequence[Key]) -> str:
        nodeids = [key[0] for key in keys if key != _UNKNOWN]
        return self.launch.shell(nodeids or self.selection.nodeids)

    def _request(self, folder: Path, key: bytes, keys: Sequence[Key]) -> ProcessRequest:
        settings: dict[str, Any] = {"json_report": None, "ignore": self.ignore}
        settings["apart"] = {"groups": self.selection.groups} if self.selection.groups else None
        if self._planned_keys():
            settings["exact"] = [list(pair) for pair in keys]
        else:
            settings["match"] = list(self.selection.nodeids) or None
            settings.update(self.first_settings)
        request = self.launch.request(folder, key, **settings)
        return self.start(request)

    def _on_event(self, _chunk: ChunkProgress, _attempt: int, payload: bytes, event: Any) -> None:
        self.events.append(payload)
        if event["e"] == "collected" and not self._is_planned:
            self._is_planned = True
            self._chunk.keys = collected_keys(event)


def _launch(
    selection: Selection, env: Mapping[str, str], python: str | None, *, folder: Path, world: World
) -> Launch:
    interpreter, carry = carried(python, folder)
    return Launch(
        root=selection.root,
        environ=world.environ,
        env={**env, **selection.env},
        limits=selection.limits,
        python=interpreter,
        args=(*selection.pytest_args, "--rootdir", selection.root),
        selectors=_files(selection),
        plugins=selection.plugins,
        carry=carry,
        cache_dir=str(folder / "work" / "cache"),
        seed=selection.seed,
        workers=selection.workers,
        distribution=selection.distribution,
        extra=_instruments(selection, folder),
    )


def _files(selection: Selection) -> tuple[str, ...]:
    """Files and folders of the selection, each once, in order: what pytest has to look at."""
    own = (nodeid.split("::", 1)[0] for nodeid in selection.nodeids)
    files = dict.fromkeys(_collectable(name) for name in (*selection.imports, *own) if name)
    return tuple(files)


def _collectable(path: str) -> str:
    """The path, or the nearest folder above it that pytest takes: it refuses every path with a bracket."""
    while "[" in path:
        path = path.rpartition("/")[0] or "."
    return path


def _instruments(selection: Selection, folder: Path) -> dict[str, str]:
    if not selection.plugins:
        return {}
    out = folder / INSTRUMENTS
    out.mkdir(parents=True, exist_ok=True)
    path = folder / "instruments.json"
    atomic.write_json(path, {**selection.settings, "out": str(out)})
    return {"TRIAGE_INSTRUMENT": str(path)}


def _keep_logs(attempts: Sequence[FinishedAttempt], folder: Path) -> None:
    """Keep logs and stacks of all attempts; everything else is in events.jsonl."""
    for name in (LOG, STACKS):
        paths = [finished.folder / name for finished in attempts]
        data = b"".join(path.read_bytes() for path in paths if path.exists())
        if data or name == LOG:
            (folder / name).write_bytes(data)
