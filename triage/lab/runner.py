"""Run one setup in a restored working copy: the mechanics under every look and every arm."""

from __future__ import annotations

import json
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf
from pathlib import Path

from triage.instruments.registry import plugin_of
from triage.lab.budget import BudgetSpent
from triage.lab.collect import Forks
from triage.lab.environment import Environment
from triage.lab.observations import observation_of, read_instruments
from triage.lab.packages import PackageFolder, PackageFolders
from triage.lab.protocol import Observation, Setup
from triage.lab.record import ExperimentRecord
from triage.lab.states import PlainStates, States
from triage.lab.warmth import FRESH, Warmth, Way
from triage.model.run import Limits, Selection
from triage.process.api import ProcessRequest
from triage.process.home import mirror_home
from triage.process.scratch import Scratch
from triage.process.stopping import StopOrDeadline
from triage.run.selection import run_selection

_OPENMP_WAIT = "OMP_WAIT_POLICY"
"""Threads that spin while they wait make two processes on two cores ten times slower."""


class SetupRunner:
    """Runs setups, at most `workers` at a time; each worker has working copies of its own."""

    def __init__(
        self,
        scratch: Scratch,
        temporary: Path,
        environment: Environment,
        record: ExperimentRecord,
        *,
        workers: int,
        warmth: Warmth,
    ) -> None:
        """`temporary` is a short folder for what processes need while they run."""
        self.warmth = warmth
        self._states: States = PlainStates()
        self._scratch = scratch
        self._temporary = temporary
        self._environment = environment
        self._record = record
        self._workers = workers
        self._packages = PackageFolders(temporary / "packages", environment.python, record.trouble)
        self._stopping = threading.Event()
        self._free_slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(workers):
            self._free_slots.put(slot)

    def use_states(self, states: States) -> None:
        """Make states of the code by these from now on: they need the same working copies."""
        self._states = states

    def pristine(self, setup: Setup) -> Path:
        """The untouched copy of a setup's commit (None: the present state); not safe from two threads."""
        return self._scratch.prepare(setup.commit, self._states.overlay(setup))

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts of states of the code that could not be had, one line each."""
        return tuple(dict.fromkeys(self._scratch.missing))

    def edits(self, setup: Setup) -> Mapping[str, str | None]:
        """What the setup changes in that copy."""
        return self._states.edits(setup)

    def side_by_side(
        self, setups: Sequence[Setup], runs: Sequence[Callable[[], Observation]]
    ) -> list[Observation]:
        """Make the run of each setup on the workers; observations in the order of the setups."""
        for setup in setups:
            self.pristine(setup)
        # tests of two processes may disturb each other: nothing runs beside where that is examined
        is_undisturbed = any(setup.is_undisturbed for setup in setups)
        if self._workers == 1 or len(setups) == 1 or is_undisturbed:
            return [run() for run in runs]
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                return list(pool.map(lambda run: run(), runs))
            except BaseException:
                self._stopping.set()  # leaving the pool waits for its threads, and they for processes
                raise

    def run(
        self,
        setup: Setup,
        limits: Limits,
        number: int,
        way: Way = FRESH,
        *,
        deadline: float = inf,
    ) -> Observation:
        """Run one setup under these limits; its artifacts go to the folder of run `number`.

        `deadline` is a moment of the world's monotonic clock. Raises `BudgetSpent` where it ends the process:
        what that gave until then is no observation.
        """
        folder = self._record.run_folder(number)
        forks: list[bool] = []
        stop = StopOrDeadline(self._stopping.is_set, deadline, self._environment.world.monotonic)

        def start(request: ProcessRequest) -> ProcessRequest:
            request = self._from_parent(request, way, stop)
            forks.append(request.fork_server is not None)
            return request

        with self._slot() as slot:
            edits, overlay = self._states.edits(setup), self._states.overlay(setup)
            tree = self._scratch.tree(slot, setup.commit, edits, overlay)
            packages = self._packages.get(setup.packages, self.pristine(setup), stop.seconds_left)
            result = run_selection(
                self._selection(
                    setup, tree, emptied_temporary(self._temporary / f"t{slot}"), packages, limits
                ),
                env=self._environment.variables,
                python=self._environment.python,
                folder=folder,
                executor=self._environment.executor,
                world=self._environment.world,
                stop=stop,
                start=start,
                modules=way.learns,
            )
        if not stop.has_time_for(0.0) and any(attempt.ended == "interrupted" for attempt in result.attempts):
            raise BudgetSpent
        if self._stopping.is_set():
            raise KeyboardInterrupt  # what a stopped process gave is no observation
        measured = read_instruments(folder / "instruments", self._record.redact)
        if packages is not None and packages.refusals:
            lines = ({"event": "refused", "missed": reason} for reason in packages.refusals)
            measured["packages"] = tuple(lines)
        observation = observation_of(result, measured).model_copy(update={"forked": any(forks)})
        self.warmth.take(setup, way, observation)
        return observation

    def _from_parent(self, request: ProcessRequest, way: Way, stop: Callable[[], bool]) -> ProcessRequest:
        parents, imports = self.warmth.parents, self.warmth.imports
        if not way.forks or parents is None or imports is None:
            return request
        return parents.from_parent(request, imports, stop, may_start=way.may_start_parent)

    def forks_for_collection(self, stop: Callable[[], bool]) -> Forks | None:
        """How a collection forks from the parent of these runs; None where they do not, or not yet."""
        if self.warmth.parents is None or self.warmth.imports is None:
            return None
        way = Way(forks=True, may_start_parent=True)
        temporary = emptied_temporary(self._temporary / "tc")
        return Forks(
            start=lambda request: self._from_parent(request, way, stop),
            variables=default_variables(self._environment, temporary),
        )

    @contextmanager
    def _slot(self) -> Iterator[int]:
        slot = self._free_slots.get()
        try:
            yield slot
        finally:
            self._free_slots.put(slot)

    def _selection(
        self, setup: Setup, tree: Path, temporary: Path, packages: PackageFolder | None, limits: Limits
    ) -> Selection:
        defaults = default_variables(self._environment, temporary)
        import_path = [str(packages.path)] if packages is not None else []
        import_path += [str(tree / name) for name in self._environment.import_path]
        variables = {**defaults, **setup.env}
        if setup.env.get("PYTHONPATH"):
            # Python reads it where it starts, which need not be the working copy
            entries = str(setup.env["PYTHONPATH"]).split(":")
            variables["PYTHONPATH"] = ":".join(str(tree / entry) for entry in entries)
        if import_path:
            own = variables.get("PYTHONPATH") or self._environment.inherited("PYTHONPATH")
            variables["PYTHONPATH"] = ":".join([*import_path, *([own] if own else [])])
        if setup.test_timeout is not None:
            limits = limits.model_copy(update={"test_timeout": setup.test_timeout})
        suite_args = self._environment.pytest_args if setup.suite_args is None else setup.suite_args
        instruments = self._states.instruments(setup, tree)
        return Selection(
            root=str(tree),
            nodeids=setup.nodeids,
            imports=setup.imports,
            env=variables,
            pytest_args=(*suite_args, *setup.pytest_args),
            plugins=tuple(plugin_of(name) for name in instruments),
            settings={name: json.dumps(value) for name, value in instruments.items()},
            limits=limits,
            seed=setup.seed,
            workers=setup.workers or 0,
            distribution=setup.distribution,
            groups=setup.groups,
        )


def default_variables(environment: Environment, temporary: Path) -> dict[str, str | None]:
    """Variables that a run gets unless the settings say otherwise; makes the home folder that they name."""
    variables: dict[str, str | None] = dict.fromkeys(environment.unset)
    if "TMPDIR" not in environment.variables:
        variables["TMPDIR"] = str(temporary)
    home = environment.inherited("HOME")
    if home and "HOME" not in environment.variables:
        # beside the temporary folder, which tests may list
        variables["HOME"] = str(mirror_home(Path(home), temporary.with_name(f"h{temporary.name}")))
    if not environment.sets(_OPENMP_WAIT):
        variables[_OPENMP_WAIT] = "PASSIVE"
    return variables


def emptied_temporary(folder: Path) -> Path:
    """An empty temporary folder; the home folder beside it, of the run before, is gone."""
    for used in (folder, folder.with_name(f"h{folder.name}")):
        shutil.rmtree(used, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
