"""Find bugs that fit: each alone turns tests of several files red, and not the whole suite."""

from __future__ import annotations

import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from benchmarks.projects.catalogue import Mutant, Project
from benchmarks.projects.operators import OPERATORS, RAISE_WHERE_MADE, Source, edits_of, line_of
from benchmarks.projects.sources import Cache, copy_to, fetch, plant
from benchmarks.projects.suites import SuiteRun, clean_run, labels, run_alone, run_suite

BUGS = 4
FEWEST_BUGS = 3
"""A project has four bugs at once; three where no four were found that leave each other enough tests."""
_LEAST_FILES = 3
"""Test files in which a bug alone must show: one file would be found by its name."""
_MOST_RED = 60
"""Tests that one bug may turn red: pairs grow with the square, and one bug shall not decide the figure."""
_MOST_EASY = 1
"""Bugs of a project that any rule finds, because they raise where they were made."""
_MOST_TRIALS = 120
"""Quick looks in search of bugs of one project."""
_TRIAL_SECONDS = 120.0
_TRIAL_FILES = 5
"""Test files that a quick look runs."""


def search(project: Project, cache: Cache, seed: int = 1) -> list[Mutant]:
    """Bugs of different kinds in different functions, the first that fit together in a seeded order.

    Raises `RuntimeError` where too few were found.
    """
    clean = clean_run(project, cache)
    with tempfile.TemporaryDirectory(prefix="trial-", dir=cache.folder) as scratch:
        copy = Path(scratch).resolve() / project.name
        copy_to(project, cache, copy)
        found = _found(_Trials(project, cache, clean, copy), random.Random(f"{project.key}:{seed}"))
    if not found:
        raise RuntimeError(f"{project.key}: no {FEWEST_BUGS} bugs were found that fit together")
    return found


def _found(trials: _Trials, rng: random.Random) -> list[Mutant]:
    """Bugs that fit together, the first in a random order; none where there are too few."""
    project, cache, clean = trials.project, trials.cache, trials.clean
    pool: list[tuple[Mutant, SuiteRun]] = []
    tried = 0
    for mutant, test_files in _in_turn(_candidates(project, cache, clean), rng):
        if tried >= _MOST_TRIALS:
            break
        tried += 1
        if not trials.looks_fit(mutant, test_files):
            continue
        run = run_alone(project, cache, mutant)
        if run is None or not _fit([(mutant, run)], clean):
            continue
        pool.append((mutant, run))
        chosen = _together(pool, BUGS, clean)
        if chosen:
            return chosen
    return _together(pool, FEWEST_BUGS, clean)


def _together(pool: Sequence[tuple[Mutant, SuiteRun]], count: int, clean: SuiteRun) -> list[Mutant]:
    """So many of the bugs that they fit together; none where there are none."""
    for chosen in combinations(pool, count):
        mutants = [mutant for mutant, _ in chosen]
        if _differ(mutants) and _fit(chosen, clean):
            return mutants
    return []


def _differ(mutants: Sequence[Mutant]) -> bool:
    """Whether the bugs are of different kinds, in different functions, and not too many of them easy."""
    kinds = {mutant.operator for mutant in mutants}
    functions = {mutant.function for mutant in mutants}
    is_varied = len(kinds) == len(functions) == len(mutants)
    return is_varied and len(kinds & RAISE_WHERE_MADE) <= _MOST_EASY


def _candidates(
    project: Project, cache: Cache, clean: SuiteRun
) -> dict[str, list[tuple[Mutant, tuple[str, ...]]]]:
    """By operator: every edit of a function that several test files execute, with those files."""
    tree = fetch(project, cache)
    sources: dict[str, Source] = {}
    found: dict[str, list[tuple[Mutant, tuple[str, ...]]]] = defaultdict(list)
    for executed in clean.executed:
        if len(executed.test_files) < _LEAST_FILES:
            continue
        if executed.file not in sources:
            sources[executed.file] = Source((tree / executed.file).read_text(encoding="utf-8"))
        source = sources[executed.file]
        for operator in OPERATORS:
            for seed, edit in enumerate(edits_of(source, executed.function, operator)):
                mutant = Mutant(
                    project=project.name,
                    version=project.version,
                    file=executed.file,
                    function=executed.function,
                    line=line_of(edit),
                    operator=operator,
                    seed=seed,
                )
                found[operator].append((mutant, executed.test_files))
    return found


def _in_turn(
    candidates: dict[str, list[tuple[Mutant, tuple[str, ...]]]], rng: random.Random
) -> Iterator[tuple[Mutant, tuple[str, ...]]]:
    """One of each operator after the other, in a random order: frequent kinds do not crowd out rare ones."""
    operators = sorted(candidates)
    rng.shuffle(operators)
    for operator in operators:
        rng.shuffle(candidates[operator])
    while any(candidates.values()):
        for operator in operators:
            if candidates[operator]:
                yield candidates[operator].pop()


class _Trials:
    """Quick looks at bugs in one copy of the project: each is planted, run with a few files, taken out."""

    def __init__(self, project: Project, cache: Cache, clean: SuiteRun, copy: Path) -> None:
        self.project, self.cache, self.clean, self.copy = project, cache, clean, copy
        self.tests_of = Counter(nodeid.partition("::")[0] for nodeid in clean.green)

    def looks_fit(self, mutant: Mutant, test_files: Sequence[str]) -> bool:
        """Whether the bug shows in enough of the smallest files that execute its function.

        Answers are kept: a search that was cut short goes on where it was.
        """
        answer = self.cache.path("trials", self.project.key, mutant.digest)
        if not answer.exists():
            answer.write_text("fits" if self._shows(mutant, test_files) else "no", encoding="utf-8")
        return answer.read_text(encoding="utf-8") == "fits"

    def _shows(self, mutant: Mutant, test_files: Sequence[str]) -> bool:
        path = self.copy / mutant.file
        before = path.read_text(encoding="utf-8")
        smallest = sorted(test_files, key=lambda file: (self.tests_of[file], file))[:_TRIAL_FILES]
        try:
            plant(mutant, self.copy)
            run = run_suite(self.project, self.cache, self.copy, selected=smallest, time_limit=_TRIAL_SECONDS)
        except SyntaxError:
            return False
        finally:
            path.write_text(before, encoding="utf-8")
        if run is None:
            return False
        red = set(run.red) - set(self.clean.red)
        return len(_files_of(red)) >= _LEAST_FILES and len(red) <= _MOST_RED


def _fit(found: Sequence[tuple[Mutant, SuiteRun]], clean: SuiteRun) -> bool:
    """Whether each bug has enough red tests of its own beside the others."""
    label_of = labels({mutant.label: run for mutant, run in found}, clean)
    for mutant, _ in found:
        own = {nodeid for nodeid, owner in label_of.items() if owner == mutant.label}
        if len(_files_of(own)) < _LEAST_FILES or len(own) > _MOST_RED:
            return False
    return True


def _files_of(nodeids: set[str]) -> set[str]:
    return {nodeid.partition("::")[0] for nodeid in nodeids}
