"""`python -m benchmarks clustering --projects`: real bugs in real projects, labelled by running each alone.

Downloads come from the index by pip; they, and all runs that never come out otherwise, are kept in the folder
that `TRIAGE_BENCH_CACHE` names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.clustering import DEVSET
from benchmarks.clustering_ablation import print_table
from benchmarks.clustering_score import Score
from benchmarks.projects import methods
from benchmarks.projects.catalogue import Half, Project, mutants_of, projects, record_mutants
from benchmarks.projects.dump import dump
from benchmarks.projects.mixture import (
    LabelledRun,
    labelled_run,
    labelled_run_after_search,
    labelled_run_with_experiments,
)
from benchmarks.projects.repositories import make_repository
from benchmarks.projects.search import search
from benchmarks.projects.sources import Cache


class _Method(NamedTuple):
    name: str
    clusters_of: Callable[[LabelledRun], list[Hashable] | None]


_WITH_EXPERIMENTS = _Method("with experiments", methods.as_recorded)
_METHODS = (
    _Method("triage", methods.today),
    _Method("signatures alone", methods.signatures_alone),
    _Method("one-line rule", methods.one_line_rule),
    _Method("masked first line", methods.first_line),
    _Method("drain3", methods.drain),
)
"""The one-line rule: exception and last product frame, the test's file where there is none."""


def main(arguments: Sequence[str]) -> int:
    """Search, run, score or write, as the arguments say."""
    asked = _parser().parse_args(arguments)
    cache = Cache.from_environment()
    cache.folder.mkdir(parents=True, exist_ok=True)
    chosen = [project for project in projects() if asked.project in (None, project.name)]
    if asked.half is not None:
        chosen = [project for project in chosen if project.half == asked.half]
    if asked.search:
        return _search(chosen, cache, asked.seed)
    with_bugs = [project for project in chosen if mutants_of(project)]
    if asked.repositories is not None:
        for project in with_bugs:
            if project.half is Half.LOOK:
                print(make_repository(project, cache, asked.repositories, squashed=asked.squash))
        return 0
    for is_wanted, run_of in (
        (asked.with_experiments, labelled_run_with_experiments),
        (asked.after_search, labelled_run_after_search),
    ):
        if is_wanted:
            return _score_experiments(with_bugs, partial(run_of, cache=cache, anew=asked.anew))
    runs = _runs(with_bugs, partial(labelled_run, cache=cache, anew=asked.anew))
    if asked.dump is not None:
        for run in runs:
            if run.project.half is Half.LOOK:
                dump(run, asked.dump)
        return 0
    if asked.ablation:
        print_table([run for run in runs if run.project.half is Half.LOOK], DEVSET)
        return 0
    for half in Half:
        own = [run for run in runs if run.project.half is half]
        if own:
            print_scores(half, own)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks clustering --projects", description=__doc__)
    parser.add_argument("--half", choices=[half.value for half in Half], help="only these projects")
    parser.add_argument("--project", metavar="NAME", help="only this project")
    parser.add_argument("--anew", action="store_true", help="run the mixtures again")
    parser.add_argument(
        "--ablation", action="store_true", help="what each rule earns (look half and other samples)"
    )
    parser.add_argument("--dump", type=Path, metavar="DIR", help="write labelled runs (look half) there")
    parser.add_argument("--repositories", type=Path, metavar="DIR", help="make git repositories there")
    parser.add_argument("--squash", action="store_true", help="one commit for all bugs of a repository")
    parser.add_argument(
        "--with-experiments", action="store_true", help="score triage run --base BASE --attribute"
    )
    parser.add_argument(
        "--after-search",
        action="store_true",
        help="score the clusters that triage probe --all leaves, with a commit for each bug",
    )
    parser.add_argument("--search", action="store_true", help="choose bugs where a project has none")
    parser.add_argument("--seed", type=int, default=1, help="of the search")
    return parser


def _search(chosen: Sequence[Project], cache: Cache, seed: int) -> int:
    """Choose bugs for every project without some; say nothing of what fails."""
    status = 0
    for project in chosen:
        if mutants_of(project):
            continue
        try:
            record_mutants(project, search(project, cache, seed))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            status = 1
    return status


def _score_experiments(chosen: Sequence[Project], run_of: Callable[[Project], LabelledRun]) -> int:
    """Scores of clusters as they were recorded after experiments, beside first runs without any."""
    runs = _runs(chosen, run_of)
    for half in Half:
        own = [run for run in runs if run.project.half is half]
        if own:
            print_scores(half, own, (_WITH_EXPERIMENTS, *_METHODS))
    return 0


def _runs(chosen: Sequence[Project], run_of: Callable[[Project], LabelledRun]) -> list[LabelledRun]:
    """The run of each project that has one; the others are named."""
    runs = []
    for project in chosen:
        print(f"  running {project.key}", file=sys.stderr, flush=True)
        try:
            runs.append(run_of(project))
        except RuntimeError as error:
            print(f"  left out: {error}", file=sys.stderr)
    return runs


def print_scores(half: Half, runs: Sequence[LabelledRun], compared: Sequence[_Method] = _METHODS) -> None:
    """Scores of each project, pooled and as a mean, of triage and of simple keys."""
    failures = sum(len(run.failures) for run in runs)
    print(f"\nprojects, {half.value} half: {len(runs)} projects, {failures} labelled failures")
    scored = {method.name: [_scored(method, run) for run in runs] for method in compared}
    for index, run in enumerate(runs):
        left_out = ", ".join(f"{count} {why}" for why, count in run.left_out.items())
        bugs = len(set(run.labels))
        print(f"  {run.project.key}: {len(run.failures)} failures of {bugs} bugs ({left_out})")
        for name, found in scored.items():
            print(f"    {name:<20} {found[index] or 'not installed'}")
    print("  pooled; in brackets the mean F1 of the projects")
    for name, found in scored.items():
        print(f"    {name:<20} {_pooled(found) or 'not installed'}")


@dataclass(frozen=True)
class _Scored:
    """What one method makes of one run."""

    clusters: tuple[Hashable, ...]
    labels: tuple[str, ...]

    @property
    def score(self) -> Score:
        """Of this run alone."""
        score = Score()
        score.add(self.clusters, self.labels)
        return score

    def __str__(self) -> str:
        return f"{self.score}  {len(set(self.clusters)):>4} clusters"


def _scored(method: _Method, run: LabelledRun) -> _Scored | None:
    """None where the method is not installed."""
    found = method.clusters_of(run)
    return None if found is None else _Scored(tuple(found), run.labels)


def _pooled(found: Sequence[_Scored | None]) -> str | None:
    """Pairs within runs, of all runs together."""
    pooled = Score()
    clusters = 0
    total_f1 = 0.0
    for scored in found:
        if scored is None:
            return None
        pooled.add(scored.clusters, scored.labels)
        clusters += len(set(scored.clusters))
        total_f1 += scored.score.f1
    return f"{pooled}  {clusters:>4} clusters  ({total_f1 / len(found):.4f})"
