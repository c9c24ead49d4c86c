"""One pytest process on named tests: the unit of experiments and of exit criteria."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.evidence import atomic
from triage.model.base import World
from triage.model.run import Key, Selection, SelectionResult
from triage.process.api import LOG, STACKS, Executor, ProcessRequest
from triage.run import results
from triage.run.chunk import Course, Runner, collection_death
from triage.run.command import Launch, carried, new_key
from triage.run.results import Origins

INSTRUMENTS = "instruments"


def run_selection(
    selection: Selection,
    *,
    env: Mapping[str, str],
    python: str | None,
    folder: Path,
    executor: Executor,
    world: World,
) -> SelectionResult:
    """Run the selected tests in one process, in order; behind a death, a further process for the rest.

    `env` is the canonical environment, `selection.env` goes on top of it. `folder` is made and keeps
    the log, the record's events, and what the instruments wrote in `instruments/`.
    """
    started = world.monotonic()
    folder = folder.absolute()
    scratch = folder / "work"
    scratch.mkdir(parents=True, exist_ok=True)
    launch = _launch(selection, env, python, folder=folder, world=world)
    run = _OneProcess(selection, launch, executor, scratch, folder)
    course = run.to_its_end()
    collect_errors = tuple(
        error for tried in course.tried[:1] for error in results.collect_errors(tried.seen, run.origins)
    )
    if not run.planned:
        collect_errors += tuple(
            death for tried in course.tried[-1:] if (death := collection_death(tried, run.origins))
        )
    _keep(course, folder)
    shutil.rmtree(scratch, ignore_errors=True)
    return SelectionResult(
        selection=selection,
        command=launch.shell(selection.nodeids),
        folder=str(folder),
        attempts=tuple(tried.attempt for tried in course.tried),
        results=tuple(course.results.values()),
        collect_errors=collect_errors,
        seconds=round(world.monotonic() - started, 6),
    )


class _OneProcess:
    """The first attempt collects what the selection names; what it found is the plan of later ones."""

    def __init__(
        self, selection: Selection, launch: Launch, executor: Executor, scratch: Path, folder: Path
    ) -> None:
        self.selection, self.launch, self.origins = selection, launch, Origins(selection.root)
        self._events: list[bytes] = []
        self._folder = folder
        self._runner = Runner(
            executor=executor,
            scratch=scratch,
            origins=self.origins,
            key=lambda _name: new_key(),
            command=lambda _name, keys: launch.shell(
                [nodeid for nodeid, nth in keys if nth >= 0] or selection.nodeids
            ),
            stop=lambda: False,
            tell=self._tell,
        )
        self.planned: list[Key] = []

    def to_its_end(self) -> Course:
        course = Course(None, [("", -1)])
        self._first = True
        self._course = course
        self._runner.run(course, self._start)
        course.results = {key: result for key, result in course.results.items() if key[1] >= 0}
        (self._folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in self._events))
        return course

    def _start(self, folder: Path, key: bytes, keys: Sequence[Key]) -> ProcessRequest:
        if self._first or not self.planned:
            match = list(self.selection.nodeids) or None
            return self.launch.request(folder, key, match=match, json_report=None)
        exact = [list(pair) for pair in keys]
        return self.launch.request(folder, key, exact=exact, json_report=None)

    def _tell(self, _course: Course, _attempt: int, payload: bytes, event: Any) -> None:
        self._events.append(payload)
        if event["e"] == "collected" and self._first:
            self._first = False
            numbers = event.get("nth") or [0] * len(event["ids"])
            self.planned = list(zip(event["ids"], numbers, strict=True))
            self._course.keys = self.planned


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
        extra=_instruments(selection, folder),
    )


def _files(selection: Selection) -> tuple[str, ...]:
    """Files and folders of the selection, each once, in order: what pytest has to look at."""
    files = dict.fromkeys(nodeid.split("::", 1)[0] for nodeid in selection.nodeids)
    return tuple(name for name in files if name)


def _instruments(selection: Selection, folder: Path) -> dict[str, str]:
    if not selection.plugins:
        return {}
    out = folder / INSTRUMENTS
    out.mkdir(parents=True, exist_ok=True)
    path = folder / "instruments.json"
    atomic.write_json(path, {**selection.settings, "out": str(out)})
    return {"TRIAGE_INSTRUMENT": str(path)}


def _keep(course: Course, folder: Path) -> None:
    """Logs and stacks of all attempts; the rest is in events.jsonl."""
    for name in (LOG, STACKS):
        parts = [tried.folder / name for tried in course.tried]
        data = b"".join(part.read_bytes() for part in parts if part.exists())
        if data or name == LOG:
            (folder / name).write_bytes(data)
