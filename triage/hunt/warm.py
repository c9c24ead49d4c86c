"""Run the suite in orders of all kinds, each in a child of a process that has imported it once.

Every order gets the working copy, the temporary folder and the home folder as the first one found them. Where
the suite cannot be forked (threads, sockets, child processes at import) each order is a new interpreter.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import filterfalse
from math import inf
from pathlib import Path
from typing import Any

from triage.hunt.apart import Apart, Observed
from triage.instruments.registry import plugin_of
from triage.lab.budget import BudgetSpent
from triage.lab.environment import Environment
from triage.lab.protocol import Observation, Setup
from triage.lab.runner import default_variables, emptied_temporary
from triage.lab.session import Workspace
from triage.model.outcome import Outcome
from triage.model.run import Limits, TestResult, keys_of
from triage.run.chunk import ChunkProgress, ChunkRunner
from triage.run.collection import Collected, Collection
from triage.run.command import Launch, carried, new_key
from triage.run.isolation import Isolation
from triage.run.origins import Origins

_ONE_USE = re.compile(r"__pycache__|\.git|\.pytest_cache|\.hypothesis|\.coverage.*|pytest-of-.*|tmp\w{8}")
"""Files and folders that no test finds of another: those of tools, and those of `tempfile`."""
_NOT_STARTED = "its process was not started"
_FIRST_SLOT = 100
"""Working copies of the laboratory have lower numbers: its processes run at the same time."""


class WarmSlot:
    """One fork server with a working copy, a temporary folder and a home folder of its own."""

    def __init__(
        self,
        place: Workspace,
        number: int,
        environment: Environment,
        limits: Limits,
        *,
        selectors: Sequence[str],
        seed: int,
        is_warm: bool,
        stop: Callable[[], bool],
        is_over: Callable[[], bool],
    ) -> None:
        self._place = place
        self._number = _FIRST_SLOT + number
        self._environment = environment
        self._temporary = place.temporary / f"w{number}"
        self._stop, self._is_over = stop, is_over
        self._clock = environment.world.monotonic
        self._until = inf
        """Moment at which the present run ends, and what it gave by then counts."""
        tree = self._tree = self._put_back()
        self._scratch = place.temporary / f"warm{number}"
        interpreter, carry = carried(environment.python, place.temporary)
        launch = Launch(
            root=str(tree),
            environ=environment.world.environ,
            env={**environment.variables, **self._variables, **_import_path(environment, tree)},
            limits=limits,
            python=interpreter,
            args=(*environment.pytest_args, "--rootdir", str(tree)),
            selectors=tuple(selectors),
            carry=carry,
            cache_dir=str(self._scratch / "cache"),
            seed=seed,
        )
        self._runner = ChunkRunner(
            executor=environment.executor,
            scratch=self._scratch / "work",
            origins=Origins(str(tree)),
            command=lambda _chunk, keys: launch.shell([nodeid for nodeid, _ in keys]),
            key=lambda _name: new_key(),
            stop=lambda: stop() or is_over() or self._is_late(),
            on_event=lambda *_event: None,
            doubts=False,
        )
        self._isolation = Isolation(launch, environment.executor, self._runner, is_warm)
        self._collected: Collected | None = None

    def _put_back(self) -> Path:
        """The working copy, the temporary folder and the home folder as they were at first."""
        tree = self._place.scratch.tree(self._number, None, {})
        emptied_temporary(self._temporary)
        self._variables = default_variables(self._environment, self._temporary)
        return tree

    def collect(self) -> Collected:
        """Collect the suite: what orders can name. Raises `VoidError` where nothing can be collected."""
        if self._collected is None:
            collection = Collection(self._isolation.collect, self._runner, self._isolation.has_pytest)
            self._collected = collection.collect()
        return self._collected

    @property
    def notes(self) -> Sequence[str]:
        """Why it forks no process, where it does not."""
        return self._isolation.notes

    @property
    def forks(self) -> bool:
        """Whether orders run in forks."""
        return self._isolation.server is not None

    def limit(self, test_seconds: float) -> None:
        """Give each test so many seconds from now on."""
        launch = self._isolation.launch
        limits = launch.limits.model_copy(update={"test_timeout": test_seconds})
        self._isolation.launch = replace(launch, limits=limits)

    def run(self, order: Sequence[str], change: Setup | None = None) -> Observation:
        """Run these tests in one process, in this order; `change` has variables and instruments for it.

        Raises `BudgetSpent` where the time was up before it ended.
        """
        self._put_back()
        return _observed(self._chunk(order, self._late(change) if change is not None else None))

    def _is_late(self) -> bool:
        return self._clock() > self._until

    def run_apart(self, apart: Apart, until: float = inf) -> Observed:
        """Run tests in one process, those that are to be apart in children of their own.

        At the moment `until` those that are left are given up: tests may hang one after the other behind what
        others leave. Raises `BudgetSpent` where the whole time was up before it ended.
        """
        setup = Setup(nodeids=(), instruments=apart.instruments)
        settings = {"here": apart.here, "together": apart.together}
        self._put_back()
        before = self._left_files()
        self._until = until
        try:
            chunk = self._chunk((*apart.here, *apart.first_time), self._late(setup), settings)
        finally:
            self._until = inf
        is_behind = bool(apart.here)
        return Observed(
            _observed_apart(chunk, 0, is_behind=is_behind),
            _observed_apart(chunk, 1, is_behind=is_behind),
            left_files=before != self._left_files(),
        )

    def run_files_twice(self, order: Sequence[str]) -> Observed:
        """Run these tests in one process, those of each file a second time behind them.

        Raises `BudgetSpent` where the time was up before it ended.
        """
        setup = Setup(nodeids=(), instruments={"twice": {"files": True}})
        self._put_back()
        chunk = self._chunk(order, self._late(setup))
        first, second = (_observed_apart(chunk, nth, is_behind=True) for nth in (0, 1))
        return Observed(first, second, left_files=False)

    def recorded(self, instrument: str) -> list[dict[str, Any]]:
        """What an instrument has written in the latest run."""
        path = self._scratch / "instruments" / f"{instrument}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines]

    def _left_files(self) -> set[tuple[str, int]]:
        """Files with their sizes that one test may leave to another; not those with a name for one use."""
        found = set()
        for folder in (
            self._tree,
            self._temporary,
            Path(str(self._variables.get("HOME") or self._temporary)),
        ):
            for base, folders, files in os.walk(folder):
                folders[:] = [name for name in folders if not _is_of_one_use(name)]
                for name in filterfalse(_is_of_one_use, files):
                    path = os.path.join(base, name)
                    with suppress(OSError):
                        found.add((path, os.lstat(path).st_size))
        return found

    def _chunk(
        self, order: Sequence[str], late: dict[str, Any] | None, apart: dict[str, Any] | None = None
    ) -> ChunkProgress:
        """Run tests in one process."""
        collected = self.collect()
        chunk = ChunkProgress("hunt", keys_of(order))
        make_request = self._isolation.request_maker(
            collected, coverage=None, json_report=None, late=late, apart=apart
        )
        self._runner.run(chunk, make_request)
        for finished in chunk.attempts:
            shutil.rmtree(finished.folder, ignore_errors=True)
        # what a stopped process gave is no observation
        if self._stop():
            raise KeyboardInterrupt
        if self._is_over() and chunk.remaining:
            raise BudgetSpent
        return chunk

    def _late(self, change: Setup) -> dict[str, Any]:
        """What the recorder is told of a change behind the collection."""
        out = self._scratch / "instruments"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        document = self._scratch / "instruments.json"
        settings = {name: json.dumps(value) for name, value in change.instruments.items()}
        document.write_text(json.dumps({**settings, "out": str(out)}))
        return {
            "env": change.env,
            "plugins": [plugin_of(name) for name in change.instruments],
            "document": str(document),
        }


def _observed(chunk: ChunkProgress) -> Observation:
    missing = [each for each in chunk.all_results(_NOT_STARTED) if each.outcome is Outcome.NOT_RUN]
    # a test that ran twice counts as it ended the second time
    return _observation(chunk, [*chunk.results.values(), *missing])


def _observed_apart(chunk: ChunkProgress, nth: int, *, is_behind: bool) -> Observation:
    """How tests ended the first (0) or the second time (1) that they ran.

    Behind others only the first process counts: a second one, after a death, has not run those.
    """
    last = 1 if is_behind else chunk.number
    keys = [key for key, result in chunk.results.items() if key[1] == nth and (result.attempt or 0) <= last]
    return _observation(chunk, [chunk.results[key] for key in keys])


def _observation(chunk: ChunkProgress, results: Sequence[TestResult]) -> Observation:
    return Observation(
        outcomes={result.nodeid: result.outcome for result in results},
        failures={result.nodeid: result.failures[0] for result in results if result.failures},
        order=tuple(result.nodeid for result in results if result.outcome is not Outcome.NOT_RUN),
        durations={each.nodeid: each.duration for each in results if each.duration is not None},
        seconds=sum(finished.attempt.seconds for finished in chunk.attempts),
        notes=(chunk.gave_up,) if chunk.gave_up else (),
    )


def _is_of_one_use(name: str) -> bool:
    return _ONE_USE.fullmatch(name) is not None


def _import_path(environment: Environment, tree: Path) -> dict[str, str]:
    """The suite's own folders come first for imports: an installed suite is that of the user's tree."""
    if not environment.import_path:
        return {}
    inherited = environment.inherited("PYTHONPATH")
    folders = [str(tree / name) for name in environment.import_path]
    return {"PYTHONPATH": ":".join([*folders, *([inherited] if inherited else [])])}


class WarmSuite:
    """Several slots that run orders side by side."""

    def __init__(
        self,
        place: Workspace,
        environment: Environment,
        limits: Limits,
        *,
        selectors: Sequence[str],
        seed: int,
        workers: int,
        is_warm: bool,
    ) -> None:
        self._clock = environment.world.monotonic
        self.deadline = inf
        """Moment of the clock at which even what has begun ends."""
        self._stopping = threading.Event()
        self._slots = [
            WarmSlot(
                place,
                number,
                environment,
                limits,
                selectors=selectors,
                seed=seed,
                is_warm=is_warm,
                stop=self._stopping.is_set,
                is_over=lambda: self._clock() > self.deadline,
            )
            for number in range(workers)
        ]
        self._free: queue.SimpleQueue[WarmSlot] = queue.SimpleQueue()
        for slot in self._slots:
            self._free.put(slot)
        self._lock = threading.Lock()
        self.processes = 0
        """Children and interpreters that ran an order."""
        self.executions = 0
        """Tests that they ran."""

    def collect(self) -> Collected:
        """What the first slot collected; the others collect when they first run."""
        return self._slots[0].collect()

    @property
    def notes(self) -> tuple[str, ...]:
        """Why orders are not forked, where they are not."""
        return tuple(dict.fromkeys(note for slot in self._slots for note in slot.notes))

    @property
    def forks(self) -> bool:
        """Whether orders run in forks."""
        return self._slots[0].forks

    def limit(self, test_seconds: float) -> None:
        """Give each test so many seconds from now on: one that hangs in another order takes that long."""
        for slot in self._slots:
            slot.limit(test_seconds)

    def run(self, order: Sequence[str], change: Setup | None = None) -> Observation:
        """Run one order in a free slot; `change` has variables and instruments for it."""
        slot = self._free.get()
        try:
            observed = slot.run(order, change)
        finally:
            self._free.put(slot)
        with self._lock:
            self.processes += 1
            self.executions += len(observed.order)
        return observed

    def recorded(self, instrument: str) -> list[dict[str, Any]]:
        """What an instrument recorded in the latest run of a slot that had it."""
        return next(filter(None, (slot.recorded(instrument) for slot in self._slots)), [])

    def run_files_twice(self, order: Sequence[str]) -> Observed:
        """Run one order in a free slot, those of each file a second time behind them."""
        return self._observed(lambda slot: slot.run_files_twice(order))

    def run_apart(self, apart: Apart, until: float = inf) -> Observed:
        """Run tests apart from each other, in a free slot, up to that moment of the clock."""
        return self._observed(lambda slot: slot.run_apart(apart, until))

    def _observed(self, run: Callable[[WarmSlot], Observed]) -> Observed:
        slot = self._free.get()
        try:
            observed = run(slot)
        finally:
            self._free.put(slot)
        with self._lock:
            self.processes += 1
            self.executions += len(observed.first.order) + len(observed.second.order)
        return observed

    def run_all(
        self,
        orders: Sequence[Sequence[str]],
        on_done: Callable[[int, Observation], None],
        changes: Sequence[Setup | None] = (),
    ) -> None:
        """Run orders side by side; `on_done` gets the number of each, in the calling thread."""
        changes = changes or [None] * len(orders)
        with ThreadPoolExecutor(len(self._slots)) as pool:
            try:
                for number, observed in enumerate(pool.map(self.run, orders, changes)):
                    on_done(number, observed)
            except BudgetSpent:
                pool.shutdown(cancel_futures=True)
                raise
            except BaseException:
                self._stopping.set()  # leaving the pool waits for its threads, and they for processes
                raise
