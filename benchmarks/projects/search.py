"""Find bugs that fit: each alone turns tests of several files red, and not the whole suite."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.projects.catalogue import Mutant, Project
from benchmarks.projects.operators import OPERATORS, RAISE_WHERE_MADE, Source, edits_of, line_of
from benchmarks.projects.sources import Cache, copy_to, fetch, plant
from benchmarks.projects.suites import SuiteRun, clean_run, labels, run_alone, run_suite

BUGS = 4
"""A project has four bugs at once."""
_LEAST_FILES = 3
"""Test files in which a bug alone must show: one file would be found by its name."""
_MOST_RED = 60
"""Tests that one bug may turn red: pairs grow with the square, and one bug shall not decide the figure."""
_MOST_EASY = 1
"""Bugs of a project that any rule finds, because they raise where they were made."""
_MOST_TRIALS = 60
"""Suites run in search of bugs of one project."""
_TRIAL_SECONDS = 120.0


def search(project: Project, cache: Cache, seed: int = 1) -> list[Mutant]:
    """Four bugs of different kinds in different functions, the first that fit in a seeded order.

    Raises `RuntimeError` where not so many were found.
    """
    clean = clean_run(project, cache)
    rng = random.Random(f"{project.key}:{seed}")
    found: dict[str, tuple[Mutant, SuiteRun]] = {}
    trials = 0
    for mutant, test_files in _in_turn(_candidates(project, cache, clean), rng):
        if trials >= _MOST_TRIALS or len(found) == BUGS:
            break
        taken = {chosen.function for chosen, _ in found.values()}
        kinds = {chosen.operator for chosen, _ in found.values()}
        if mutant.function in taken or mutant.operator in kinds:
            continue
        is_easy = mutant.operator in RAISE_WHERE_MADE
        if is_easy and len(kinds & RAISE_WHERE_MADE) == _MOST_EASY:
            continue
        trials += 1
        if not _looks_fit(project, cache, mutant, test_files, clean):
            continue
        run = run_alone(project, cache, mutant)
        if run is not None and _fits({**found, mutant.label: (mutant, run)}, clean):
            found[mutant.label] = (mutant, run)
    if len(found) < BUGS:
        raise RuntimeError(f"{project.key}: {len(found)} bugs found in {trials} trials")
    return [mutant for mutant, _ in found.values()]


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


def _looks_fit(
    project: Project, cache: Cache, mutant: Mutant, test_files: Sequence[str], clean: SuiteRun
) -> bool:
    """Whether the bug shows in enough files of those that execute its function: quicker than the suite."""
    with tempfile.TemporaryDirectory(prefix="trial-", dir=cache.folder) as scratch:
        copy = Path(scratch).resolve() / project.name
        copy_to(project, cache, copy)
        try:
            plant(mutant, copy)
        except SyntaxError:
            return False
        run = run_suite(project, cache, copy, selected=test_files, time_limit=_TRIAL_SECONDS)
    if run is None:
        return False
    red = set(run.red) - set(clean.red)
    return len(_files_of(red)) >= _LEAST_FILES and len(red) <= _MOST_RED


def _fits(found: dict[str, tuple[Mutant, SuiteRun]], clean: SuiteRun) -> bool:
    """Whether each bug has enough red tests of its own beside the others."""
    label_of = labels({label: run for label, (_, run) in found.items()}, clean)
    for label in found:
        own = {nodeid for nodeid, owner in label_of.items() if owner == label}
        if len(_files_of(own)) < _LEAST_FILES or len(own) > _MOST_RED:
            return False
    return True


def _files_of(nodeids: set[str]) -> set[str]:
    return {nodeid.partition("::")[0] for nodeid in nodeids}
