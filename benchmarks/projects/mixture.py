"""All bugs of a project at once, run by `triage run` itself; its failures with their labels."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.projects.catalogue import Mutant, Project, mutants_of
from benchmarks.projects.repositories import BASE, REPOSITORY, make_repository
from benchmarks.projects.sources import Cache, copy_to
from benchmarks.projects.suites import ARGUMENTS, clean_run, environment, label_of_tests
from triage.campaign.recorded import read_clusters, read_failures, read_record
from triage.cluster.groups import SlottedFailure, failures_of
from triage.errors import ExitCode
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import ClusterStatus
from triage.model.run import RunRecord

_ANSWERS = (ExitCode.OK, ExitCode.FAILURES)


@dataclass(frozen=True)
class LabelledRun:
    """The run of a project with all its bugs."""

    project: Project
    mutants: tuple[Mutant, ...]
    copy: Path
    """Where the code with the bugs lies, and the evidence of the run."""
    folder: EvidenceFolder
    record: RunRecord
    failures: tuple[SlottedFailure, ...]
    """The first failure of each red test that has a label."""
    labels: tuple[str, ...]
    """The bug of each of them."""
    clusters: tuple[str | None, ...]
    """The cluster that the run put each of them into."""
    left_out: Mapping[str, int]
    """How many red tests have no label, by the reason."""


def labelled_run(project: Project, cache: Cache, *, anew: bool = False) -> LabelledRun:
    """The project's run from the cache; made where there is none, or `anew`.

    Raises `RuntimeError` where the run has no answer.
    """
    mutants = tuple(mutants_of(project))
    copy = _folder("mixtures", project, mutants, cache) / project.name
    if anew or not EvidenceFolder.all(copy, phase="a"):
        shutil.rmtree(copy, ignore_errors=True)
        copy_to(project, cache, copy, mutants)
        _triage_run(project, cache, copy)
    return _labelled(project, mutants, copy, cache)


def labelled_run_with_experiments(project: Project, cache: Cache, *, anew: bool = False) -> LabelledRun:
    """The same failures in a git repository whose base is known: what they have in common may be tried.

    All bugs are in one commit. Raises `RuntimeError` where the run has no answer.
    """
    mutants = tuple(mutants_of(project))
    folder = _folder("experiments", project, mutants, cache)
    copy = folder / project.name / REPOSITORY
    if anew or not EvidenceFolder.all(copy, phase="a"):
        make_repository(project, cache, folder, squashed=True)
        _triage_run(project, cache, copy, ("--base", BASE, "--attribute"))
    return _labelled(project, mutants, copy, cache)


def labelled_run_after_search(project: Project, cache: Cache, *, anew: bool = False) -> LabelledRun:
    """The same failures in a git repository with a commit for each bug, after `triage probe --all`.

    Clusters are those that the search left. Raises `RuntimeError` where the run has no answer.
    """
    mutants = tuple(mutants_of(project))
    folder = _folder("searches", project, mutants, cache)
    copy = folder / project.name / REPOSITORY
    if anew or not EvidenceFolder.all(copy, phase="b"):
        make_repository(project, cache, folder, squashed=False)
        _triage_run(project, cache, copy)
        _triage(copy, "search.log", "probe", "--all", "--base", BASE)
    run = _labelled(project, mutants, copy, cache)
    found = json.loads(_triage(copy, "clusters.json", "clusters", "--all", "--json"))
    cluster_of = {}
    for cluster in found["clusters"]:
        if cluster["status"] != ClusterStatus.MERGED:
            cluster_of |= dict.fromkeys(cluster["members"], cluster["id"])
    clusters = tuple(cluster_of.get(slotted.slot[0]) for slotted in run.failures)
    return replace(run, clusters=clusters)


def _triage(copy: Path, log: str, *words: str) -> str:
    """Run a command in the copy; what it printed is also kept in a file beside it."""
    command = [sys.executable, "-m", "triage", *words, "--root", str(copy)]
    environ = {**os.environ, "HOME": str(copy.parent / "home")}
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    (copy.parent / log).write_text(done.stdout + done.stderr, encoding="utf-8")
    return done.stdout


def _folder(kind: str, project: Project, mutants: Sequence[Mutant], cache: Cache) -> Path:
    digest = hashlib.sha256("".join(mutant.digest for mutant in mutants).encode("utf-8"))
    return cache.path(kind, project.key, digest.hexdigest()[:16], project.name).parent.resolve()


def _triage_run(project: Project, cache: Cache, copy: Path, arguments: Sequence[str] = ()) -> None:
    own = environment(project, cache, copy)
    canonical = [f"--env={name}={value}" for name, value in own.items()]
    home = copy.parent / "home"
    home.mkdir(exist_ok=True)
    command = [
        sys.executable, "-m", "triage", "run", "--root", str(copy), *canonical, *arguments,
        *project.tests, "--", *ARGUMENTS, *project.arguments,
    ]  # fmt: skip
    environ = {**os.environ, "HOME": str(home)}
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    (copy.parent / "triage.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode not in _ANSWERS:
        raise RuntimeError(f"{project.key}: triage run ended with {done.returncode}, see {copy.parent}")


def _labelled(project: Project, mutants: tuple[Mutant, ...], copy: Path, cache: Cache) -> LabelledRun:
    folder = EvidenceFolder.all(copy, phase="a")[-1]
    record = read_record(folder.path)
    label_of = label_of_tests(project, mutants, cache)
    cluster_of: dict[str, str | None] = {}
    for row in read_failures(folder.path):
        cluster_of.setdefault(row.nodeid, row.cluster)
    ended = {nodeid: cluster.id for cluster in read_clusters(folder.path) for nodeid in cluster.members}
    failures: list[SlottedFailure] = []
    found: list[str] = []
    clusters: list[str | None] = []
    left_out = {"red without a bug": 0, "red in the mixture only, or under two bugs": 0}
    clean = set(clean_run(project, cache).red)
    for slotted in failures_of(record):
        nodeid, index = slotted.slot
        if index:
            continue
        if nodeid in clean:
            left_out["red without a bug"] += 1
        elif nodeid not in label_of:
            left_out["red in the mixture only, or under two bugs"] += 1
        else:
            failures.append(slotted)
            found.append(label_of[nodeid])
            # a test that crashed or hung has no failure of its own in the record
            clusters.append(cluster_of.get(nodeid) or ended.get(nodeid))
    return LabelledRun(
        project, mutants, copy, folder, record, tuple(failures), tuple(found), tuple(clusters), left_out
    )
