"""Run tests on a copy of the base: the same environment and limits as the run, within a budget of seconds."""

from __future__ import annotations

import json
import queue
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from triage.base.bench import FOLDER, Bench
from triage.base.trees import BaseTrees, moved
from triage.instruments.registry import plugin_of
from triage.model.base_commit import TestFiles
from triage.model.run import Selection, SelectionResult, TestResult
from triage.process.api import LOG
from triage.run import environment
from triage.run.command import seed_of_run
from triage.run.selection import run_selection

_CHECKOUT = "checkout"
_LISTING = "listing"
_COLLECTING_SECONDS = 120.0
"""A limit for tests is none for imports: a suite with a limit of two seconds may import for three."""
_REASON_CHARS = 200
"""Of a line of pytest's output in a sentence."""
_MOST_NAMED = 3
"""Files of the head that a sentence names; the rest is in the evidence."""


How = Literal["together", "alone", "behind", "listing"]
"""With the other failing tests of a chunk, by itself, behind the tests that preceded it, collected only."""


@dataclass(frozen=True)
class Execution:
    """One pytest process on the base."""

    tests: TestFiles
    how: How
    nodeids: tuple[str, ...]
    """What runs, as the copy names it."""
    targets: frozenset[str]
    """Those of them that it answers for."""


@dataclass(frozen=True)
class Executed:
    """What one process gave."""

    execution: Execution
    results: dict[str, TestResult]
    """By node id as the copy names it, also of tests that no process came to; of listings nothing."""
    listed: tuple[str, ...]
    """Node ids of a listing."""
    broken: dict[str, TestResult]
    """Files and folders that could not be collected."""
    skipped: frozenset[str]
    """Files and classes that were skipped as a whole."""
    imported: tuple[str, ...]
    """Files of the head that the process imported; then it says nothing of the base."""
    has_collected: bool
    """Whether pytest came to the end of collection."""
    says: str
    """The last line of the log, for a process that ran nothing."""
    is_cut: bool
    """Whether the budget ended it."""


class Executions:
    """Runs processes on the base, side by side where the suite has workers, and keeps their evidence."""

    def __init__(
        self,
        trees: BaseTrees,
        bench: Bench,
    ) -> None:
        """The budget counts from now on."""
        self._trees = trees
        self._suite = bench.suite
        self._folder = bench.folder.path / FOLDER
        self._executor = bench.executor
        self._world = bench.world
        self._started = bench.world.monotonic()
        self._budget = bench.budget
        self._seed = seed_of_run(bench.folder.stamp)
        self._count = 0
        self.commands: list[str] = []
        self._slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(self._suite.workers):
            self._slots.put(slot)

    @property
    def seconds(self) -> float:
        """Time since the first moment."""
        return self._world.monotonic() - self._started

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up."""
        return self._budget is not None and self.seconds >= self._budget

    def run(self, executions: Sequence[Execution]) -> list[Executed]:
        """Run all of them; what the budget leaves no time for gives a cut answer with nothing in it."""
        numbered = list(enumerate(executions, start=self._count + 1))
        self._count += len(executions)
        if self._suite.workers == 1 or len(executions) == 1:
            return [self._run_one(number, execution) for number, execution in numbered]
        with ThreadPoolExecutor(self._suite.workers) as pool:
            return list(pool.map(lambda pair: self._run_one(*pair), numbered))

    def _run_one(self, number: int, execution: Execution) -> Executed:
        if self.is_spent:
            return _not_run(execution)
        folder = self._folder / "runs" / f"{number:03d}"
        with self._slot() as slot:
            tree = self._trees.tree(slot, execution.tests)
            places = self._places(tree)
            selection = self._selection(execution, tree, places)
            env = {name: moved(value, places) for name, value in self._variables().items()}
            result = run_selection(
                selection,
                env=env,
                python=self._python(),
                folder=folder,
                executor=self._executor,
                world=self._world,
                stop=lambda: self.is_spent,
            )
        told = f"{execution.how}, tests of the {execution.tests}"
        self.commands.append(f"{self._command(selection, env)}  # {folder.name}: {told}")
        return self._executed(execution, result, folder)

    def _executed(self, execution: Execution, result: SelectionResult, folder: Path) -> Executed:
        instruments = folder / "instruments"
        imported = {name for line in _lines(instruments / f"{_CHECKOUT}.jsonl") for name in line["files"]}
        listings = _lines(instruments / f"{_LISTING}.jsonl")
        shutil.rmtree(instruments, ignore_errors=True)
        events = [event for event in _lines(folder / "events.jsonl") if "e" in event]
        is_cut = self.is_spent and any(attempt.ended == "interrupted" for attempt in result.attempts)
        return Executed(
            execution=execution,
            # of several tests with one id the first
            results={each.nodeid: each for each in reversed(result.results)},
            listed=tuple(listings[0]["ids"]) if listings else (),
            broken={each.nodeid: each for each in result.collect_errors},
            skipped=frozenset(event["nodeid"] for event in events if event["e"] == "collect_skip"),
            imported=tuple(sorted(imported)),
            has_collected=any(event["e"] == "collected" for event in events),
            says=_last_line(folder / LOG),
            is_cut=is_cut,
        )

    def _command(self, selection: Selection, env: Mapping[str, str]) -> str:
        """The process as a shell takes it where `$BASE` is a checkout of the base: the copy is gone."""
        set_here = [
            f"{name}={value}" for name, value in env.items() if self._world.environ.get(name) != value
        ]
        python = [self._python() or sys.executable, "-m", "pytest"]
        words = [
            *(["env", *set_here] if set_here else []),
            *python,
            *selection.pytest_args,
            *selection.nodeids,
        ]
        below = self._trees.root.relative_to(self._trees.top).parts
        top = str(Path(selection.root).parents[len(below) - 1]) if below else selection.root
        command = " ".join(_shell_word(word, top) for word in words)
        return f"cd {_shell_word(selection.root, top)} && {command}"

    @contextmanager
    def _slot(self) -> Iterator[int]:
        slot = self._slots.get()
        try:
            yield slot
        finally:
            self._slots.put(slot)

    def _places(self, tree: Path) -> dict[str, str]:
        """The user's tree and what stands for it, the suite's root first: it may lie below the top."""
        below = self._trees.root.relative_to(self._trees.top)
        top = tree.parents[len(below.parts) - 1] if below.parts else tree
        return {str(self._trees.root): str(tree), str(self._trees.top): str(top)}

    def _variables(self) -> dict[str, str]:
        """The canonical environment; PYTHONPATH beside it, which may name folders of the user's tree."""
        inherited = self._world.environ.get("PYTHONPATH")
        own = {"PYTHONPATH": inherited} if inherited else {}
        return {**own, **self._suite.env, **environment.added(self._suite, self._world.environ)}

    def _python(self) -> str | None:
        """The suite's interpreter; a path that is relative to the root stays that of the user's tree."""
        python = self._suite.python
        if python is None:
            return None
        beneath = self._trees.root / python
        return str(beneath) if "/" in python and beneath.exists() else python

    def _selection(self, execution: Execution, tree: Path, places: dict[str, str]) -> Selection:
        top = list(places.values())[-1]
        plugins = [_CHECKOUT]
        limits = self._suite.limits
        if execution.how == _LISTING:
            plugins.append(_LISTING)
            if limits.test_timeout is not None:
                patient = max(limits.test_timeout, _COLLECTING_SECONDS)
                limits = limits.model_copy(update={"test_timeout": patient})
        return Selection(
            root=str(tree),
            nodeids=execution.nodeids,
            pytest_args=tuple(moved(word, places) for word in self._suite.pytest_args),
            plugins=tuple(plugin_of(name) for name in plugins),
            settings={_CHECKOUT: json.dumps({"from": str(self._trees.top), "to": top})},
            limits=limits,
            seed=self._seed,
        )


def _shell_word(word: str, top: str) -> str:
    """A word quoted for a shell, with `$BASE` for the top of the copy."""
    return '"$BASE"'.join(shlex.quote(part) if part else "" for part in word.split(top)) or "''"


def named_files(files: Sequence[str]) -> str:
    """The first few files, for a sentence."""
    more = len(files) - _MOST_NAMED
    return ", ".join(files[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def listing(tests: TestFiles, files: Sequence[str]) -> Execution:
    """Collect files and run nothing."""
    return Execution(tests, "listing", tuple(files), frozenset(files))


def _not_run(execution: Execution) -> Executed:
    """What the budget left no time for."""
    return Executed(
        execution=execution,
        results={},
        listed=(),
        broken={},
        skipped=frozenset(),
        imported=(),
        has_collected=False,
        says="",
        is_cut=True,
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a record or of an instrument; one that a death cut is left out."""
    found = []
    for text in path.read_text("utf-8", "replace").splitlines() if path.is_file() else []:
        try:
            found.append(json.loads(text))
        except ValueError:
            continue
    return found


def _last_line(path: Path) -> str:
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_REASON_CHARS] if lines else "no output"
