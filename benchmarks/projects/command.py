"""`python -m benchmarks clustering --projects`: real bugs in real projects, labelled by running each alone.

Downloads come from the index by pip; they, and all runs that never come out otherwise, are kept in the folder
that `TRIAGE_BENCH_CACHE` names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.clustering_score import Score
from benchmarks.projects import methods
from benchmarks.projects.catalogue import Half, Project, mutants_of, projects, record_mutants
from benchmarks.projects.dump import dump
from benchmarks.projects.mixture import LabelledRun, labelled_run
from benchmarks.projects.search import search
from benchmarks.projects.sources import Cache


class _Method(NamedTuple):
    name: str
    clusters_of: Callable[[LabelledRun], list[Hashable] | None]


_TRIAGE = _Method("triage", methods.today)
_METHODS = (
    _TRIAGE,
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
    runs = _runs([project for project in chosen if mutants_of(project)], cache, anew=asked.anew)
    if asked.dump is not None:
        for run in runs:
            if run.project.half is Half.LOOK:
                dump(run, asked.dump)
        return 0
    for half in Half:
        own = [run for run in runs if run.project.half is half]
        if own:
            print_scores(half, own)
            if asked.ablation:
                print_ablation(own)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks clustering --projects", description=__doc__)
    parser.add_argument("--half", choices=[half.value for half in Half], help="only these projects")
    parser.add_argument("--project", metavar="NAME", help="only this project")
    parser.add_argument("--anew", action="store_true", help="run the mixtures again")
    parser.add_argument("--ablation", action="store_true", help="what each rule adds, by leaving it out")
    parser.add_argument("--dump", type=Path, metavar="DIR", help="write labelled runs (look half) there")
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


def _runs(chosen: Sequence[Project], cache: Cache, *, anew: bool) -> list[LabelledRun]:
    runs = []
    for project in chosen:
        print(f"  running {project.key}", file=sys.stderr, flush=True)
        try:
            runs.append(labelled_run(project, cache, anew=anew))
        except RuntimeError as error:
            print(f"  left out: {error}", file=sys.stderr)
    return runs


def print_scores(half: Half, runs: Sequence[LabelledRun]) -> None:
    """Scores of each project and pooled, of triage and of simple keys."""
    failures = sum(len(run.failures) for run in runs)
    print(f"\nprojects, {half.value} half: {len(runs)} projects, {failures} labelled failures")
    for run in runs:
        left_out = ", ".join(f"{count} {why}" for why, count in run.left_out.items())
        print(
            f"  {run.project.key}: {len(run.failures)} failures of {len(set(run.labels))} bugs ({left_out})"
        )
        for method in _METHODS:
            print(_line(method, [run]))
    print("  pooled")
    for method in _METHODS:
        print(_line(method, runs))


def _line(method: _Method, runs: Sequence[LabelledRun]) -> str:
    score = Score()
    clusters = 0
    for run in runs:
        found = method.clusters_of(run)
        if found is None:
            return f"    {method.name:<20} not installed"
        score.add(found, run.labels)
        clusters += len(set(found))
    return f"    {method.name:<20} {score}  {clusters:>4} clusters"


def print_ablation(runs: Sequence[LabelledRun]) -> None:
    """The pooled F1 that is lost, or gained, where one rule is left out."""
    whole = _pooled(runs)
    print(f"  without one rule (with all: F1 {whole.f1:.4f})")
    for name in methods.rule_names():
        with methods.without_rule(name):
            part = _pooled(runs)
        precision = part.precision - whole.precision
        recall = part.recall - whole.recall
        print(f"    {name:<20} F1 {part.f1 - whole.f1:+.4f}  P {precision:+.4f}  R {recall:+.4f}")


def _pooled(runs: Sequence[LabelledRun]) -> Score:
    score = Score()
    for run in runs:
        score.add(methods.today(run), run.labels)
    return score
