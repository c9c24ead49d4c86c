"""The laboratory: runs looks and experiments in scratch copies, inside a budget, on some workers."""

from __future__ import annotations

import json
import queue
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from triage.errors import VoidError
from triage.evidence import atomic
from triage.instruments.registry import plugin_of
from triage.lab.commands import shell
from triage.lab.protocol import Answer, Experiment, Look, Observation, Setup, Step, Trial
from triage.lab.record import Known
from triage.lab.scratch import Scratch
from triage.lab.verdict import decided, interleaved, judge, lengthened
from triage.model.base import Progress, World
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.model.run import Limits, Selection, SelectionResult
from triage.process.api import Executor
from triage.process.packages import install
from triage.run.selection import run_selection
from triage.text.diff import diff_of

_OPENMP = "OMP_WAIT_POLICY"
"""Threads that spin while they wait make two processes on two cores ten times slower."""


_LINKS = ("wheels", "wheelhouse", "vendor", "dist", "packages", ".")
"""Folders of the suite where projects keep wheels and source archives."""


class BudgetSpent(Exception):
    """No time or no run is left; what was found so far stands."""


@dataclass(frozen=True)
class Budget:
    """How much a probe may take."""

    seconds: float
    runs: int = 2000
    repeats: int | None = None
    """Repeats of each arm; None leaves it to the probes (4 where the failure is steady)."""


@dataclass
class Lab:
    """Everything that is needed to run a setup; each run gets its own folder and a restored copy."""

    scratch: Scratch
    room: Path
    """A short temporary folder for what processes need while they run."""
    folder: Path
    """Where the artifacts of each run go: `runs/0001`, ..."""
    root: str
    """The user's tree, for commands that people paste."""
    where: str
    """`folder`, relative to the root."""
    env: Mapping[str, str]
    executor: Executor
    world: World
    budget: Budget
    limits: Limits
    python: str | None = None
    workers: int = 2
    pytest_args: tuple[str, ...] = ()
    python_path: tuple[str, ...] = ()
    """Folders of the suite, relative to its root, that come first for imports."""
    progress: Progress | None = None
    log: Callable[[Mapping[str, Any]], None] = lambda line: None
    """Takes each line of `experiments.jsonl` before anything further happens."""
    redact: Callable[[str], str] = lambda text: text
    known: Known = field(default_factory=lambda: Known(""))
    reason: Failure | None = None
    """The failure that a baseline must show; set once the claim is checked."""
    runs: int = 0
    notes: list[str] = field(default_factory=list)
    """What the report should say of how it was run."""
    _serial: Any = field(default_factory=lambda: count(1))
    _started: float | None = None
    _refused: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _installing: Any = field(default_factory=threading.Lock)
    _slots: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        for slot in range(self.workers):
            self._slots.put(slot)
        self._started = self.world.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the laboratory opened."""
        return self.world.monotonic() - (self._started or 0.0)

    def answer(self, steps: tuple[Step, ...]) -> tuple[Answer, ...]:
        """Run a batch: its looks side by side, its experiments one after another."""
        looks = [step for step in steps if isinstance(step, Look)]
        seen = iter(self.look(looks))
        return tuple(next(seen) if isinstance(step, Look) else self.experiment(step) for step in steps)

    def look(self, looks: list[Look]) -> list[Observation]:
        """One run of each."""
        for step in looks:
            self.log({"event": "look", "why": step.why, "setup": _plain(step.setup)})
        return self._side_by_side([step.setup for step in looks])

    def experiment(self, experiment: Experiment) -> Trial:
        """Interleave the arms until the rule answers; the prediction is on disk before the first run."""
        if self.budget.repeats is not None:
            experiment = experiment.model_copy(update={"repeats": self.budget.repeats})
        number = next(self._serial)
        key = self.known.key(experiment)
        self.log({"event": "predicted", "experiment": number, "key": key, **_plain(experiment)})
        known = self.known.find(key)
        if known is not None:
            result, stamp = known
            self.log(
                {"event": "known", "experiment": number, "key": key, "from": stamp, "result": _whole(result)}
            )
            return Trial(
                result=result.model_copy(update={"sentence": f"{result.sentence} Found in {stamp}."})
            )
        baseline: list[Observation] = []
        treated: list[Observation] = []
        rounds = interleaved(experiment.repeats)
        try:
            while rounds and not decided(experiment, baseline, treated):
                self._round(experiment, rounds.pop(0), baseline, treated)
                if not rounds and self.budget.repeats is None:
                    rounds = interleaved(lengthened(experiment, baseline, treated))
        except BudgetSpent:
            if not (baseline and treated):
                raise
        trial = self._with_command(judge(experiment, baseline, treated, self.reason), experiment, number)
        self.log({"event": "judged", "experiment": number, "key": key, "result": _whole(trial.result)})
        if self.progress is not None:
            self.progress.note(f"{experiment.probe}: {trial.result.status.value} - {trial.result.sentence}")
        return trial

    def _with_command(self, trial: Trial, experiment: Experiment, number: int) -> Trial:
        """The treated case as people paste it, with a file for what its instruments are told."""
        setup = experiment.treated
        instruments = edits = None
        if setup.instruments:
            instruments = f"{self.where}/arms/{number:03d}.json"
            told = {name: json.dumps(value) for name, value in setup.instruments.items()}
            atomic.write_text(
                self.folder / "arms" / f"{number:03d}.json", self.redact(json.dumps(told, indent=1))
            )
        if setup.edits:
            edits = str(Path(self.root, self.where, "arms", f"{number:03d}.patch"))
            atomic.write_text(self.folder / "arms" / f"{number:03d}.patch", self._diff(setup))
        if instruments and setup.edits:
            instruments = str(Path(self.root, instruments))
        command = self._pasteable(setup, instruments, edits)
        result = trial.result.model_copy(update={"command": self.redact(command)})
        return trial.model_copy(update={"result": result})

    def _diff(self, setup: Setup) -> str:
        pristine = self.scratch.prepare(setup.commit)
        texts = []
        for name, after in setup.edits.items():
            path = pristine / name
            before = path.read_text(encoding="utf-8") if path.is_file() else ""
            texts.append(diff_of(name, before, after or ""))
        return "".join(texts)

    def _round(
        self,
        experiment: Experiment,
        arms: tuple[str, str],
        baseline: list[Observation],
        treated: list[Observation],
    ) -> None:
        setups = [experiment.baseline if arm == "A" else experiment.treated for arm in arms]
        for arm, seen in zip(arms, self._side_by_side(setups), strict=True):
            (baseline if arm == "A" else treated).append(seen)

    def _side_by_side(self, setups: list[Setup]) -> list[Observation]:
        for setup in setups:
            self.scratch.prepare(setup.commit)
        if self.workers == 1 or len(setups) == 1:
            return [self._run(setup) for setup in setups]
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(self._run, setups))

    def _run(self, setup: Setup) -> Observation:
        if self.spent >= self.budget.seconds or self.runs >= self.budget.runs:
            raise BudgetSpent
        self.runs += 1
        number = self.runs
        slot = self._slots.get()
        try:
            observation = self._in_slot(setup, slot, self.folder / "runs" / f"{number:04d}")
        finally:
            self._slots.put(slot)
        self.log({"event": "observed", "run": number, **_brief(observation)})
        if self.progress is not None:
            self.progress.step(f"run {number}")
        return observation

    def _in_slot(self, setup: Setup, slot: int, folder: Path) -> Observation:
        tree = self.scratch.tree(slot, setup.commit, setup.edits)
        temporary = self.room / f"t{slot}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        result = run_selection(
            self._selection(setup, tree, temporary),
            env=self.env,
            python=self.python,
            folder=folder,
            executor=self.executor,
            world=self.world,
        )
        measured = instruments_of(folder / "instruments", self.redact)
        refused = self._refused.get(_packages_of(setup), ())
        if refused:
            measured["packages"] = tuple({"event": "refused", "missed": reason} for reason in refused)
        seen = observed(result, measured)
        if setup.instruments or setup.edits:
            return seen  # its files are gone with the scratch; an experiment's are kept under arms/
        return seen.model_copy(update={"command": self.redact(self._pasteable(setup))})

    def _pasteable(self, setup: Setup, instruments: str | None = None, edits: str | None = None) -> str:
        return shell(
            setup,
            root=self.root,
            python=self.python or sys.executable,
            env=self.env,
            instruments=instruments,
            edits=edits,
            pytest_args=self.pytest_args,
        )

    def _overlay(self, setup: Setup) -> list[str]:
        """The folder with the packages of this setup, installed once; pip's refusals are remembered too."""
        if not setup.packages:
            return []
        name = _packages_of(setup)
        target = self.room / "packages" / name.replace("/", "_")[:150]
        with self._installing:
            if name not in self._refused:
                self._refused[name] = tuple(self._install(setup, target))
        return [str(target)]

    def _install(self, setup: Setup, target: Path) -> Iterator[str]:
        """The refusals. Each package for itself: one that nobody has does not keep the others away."""
        tree = self.scratch.prepare(setup.commit)
        links = [folder for name in _LINKS if (folder := tree / name).is_dir()]
        for package, version in setup.packages.items():
            try:
                install({package: version}, target, python=self.python, links=links)
            except VoidError as error:
                self.log({"event": "trouble", "what": str(error)})
                yield error.what

    def _selection(self, setup: Setup, tree: Path, temporary: Path) -> Selection:
        env: dict[str, str | None] = {} if "TMPDIR" in self.env else {"TMPDIR": str(temporary)}
        if _OPENMP not in self.env and _OPENMP not in self.world.environ:
            env[_OPENMP] = "PASSIVE"
        path = [*self._overlay(setup), *(str(tree / part) for part in self.python_path)]
        own = (
            setup.env.get("PYTHONPATH") or self.env.get("PYTHONPATH") or self.world.environ.get("PYTHONPATH")
        )
        if path:
            env["PYTHONPATH"] = ":".join(path + ([own] if own else []))
        left = max(5.0, self.budget.seconds - self.spent)
        whole = min(self.limits.chunk_timeout or left, left)
        limits = self.limits.model_copy(update={"chunk_timeout": whole})
        if setup.test_timeout is not None:
            limits = limits.model_copy(update={"test_timeout": setup.test_timeout})
        return Selection(
            root=str(tree),
            nodeids=setup.nodeids,
            env={**setup.env, **env} if path else {**env, **setup.env},
            pytest_args=(*self.pytest_args, *setup.pytest_args),
            plugins=tuple(plugin_of(name) for name in setup.instruments),
            settings={name: json.dumps(value) for name, value in setup.instruments.items()},
            limits=limits,
        )


def _packages_of(setup: Setup) -> str:
    return "-".join(f"{name}={version}" for name, version in sorted(setup.packages.items()))


def observed(result: SelectionResult, measured: dict[str, tuple[dict[str, Any], ...]]) -> Observation:
    """What a selection gave, as probes see it; a file that does not collect is an error of its tests."""
    outcomes = {one.nodeid: one.outcome for one in result.results}
    failures = {one.nodeid: one.failures[0] for one in result.results if one.failures}
    for broken in result.collect_errors:
        for nodeid in result.selection.nodeids:
            inside = nodeid.startswith(broken.nodeid.rstrip("/")) or not broken.nodeid
            if inside and outcomes.get(nodeid, Outcome.NOT_RUN) is Outcome.NOT_RUN:
                outcomes[nodeid] = Outcome.ERROR
                if broken.failures:
                    failures[nodeid] = broken.failures[0]
    for name in result.selection.nodeids:
        if "::" not in name and name not in outcomes and any(one.startswith(name) for one in outcomes):
            outcomes[name] = Outcome.PASSED  # a file as the subject: it collects
    return Observation(
        outcomes=outcomes,
        failures=failures,
        order=tuple(one.nodeid for one in result.results if one.outcome is not Outcome.NOT_RUN),
        measured=measured,
        durations={one.nodeid: one.duration for one in result.results if one.duration is not None},
        seconds=result.seconds,
        command=result.command,
        evidence=result.folder,
        notes=tuple(attempt.note for attempt in result.attempts if attempt.note),
    )


def instruments_of(folder: Path, redact: Callable[[str], str]) -> dict[str, tuple[dict[str, Any], ...]]:
    """What the instruments wrote, redacted in place: they see more than a log does."""
    measured = {}
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else []:
        text = redact(path.read_text(encoding="utf-8", errors="replace"))
        path.write_text(text, encoding="utf-8")
        measured[path.stem] = tuple(line for line in map(_parsed, text.splitlines()) if line)
    return measured


def _parsed(text: str) -> dict[str, Any] | None:
    """A line, or nothing where the process died in the middle of it."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _plain(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = value.model_dump(mode="json", exclude_defaults=True)
    return plain


def _whole(value: Any) -> dict[str, Any]:
    whole: dict[str, Any] = value.model_dump(mode="json", by_alias=True)
    return whole


def _brief(seen: Observation) -> dict[str, Any]:
    red = {nodeid: outcome for nodeid, outcome in seen.outcomes.items() if outcome is not Outcome.PASSED}
    return {
        "passed": len(seen.outcomes) - len(red),
        "not_passed": {nodeid: outcome.value for nodeid, outcome in red.items()},
        "seconds": round(seen.seconds, 3),
        "command": seen.command,
        "evidence": seen.evidence,
    }
