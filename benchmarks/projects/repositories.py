"""A git repository for a project: the code as it was published, then one commit for each bug."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from benchmarks.projects.catalogue import Project, mutants_of
from benchmarks.projects.sources import Cache, copy_to, plant
from benchmarks.projects.suites import label_of_tests

BASE = "base"
"""Tag of the commit without bugs."""
BRANCH = "change"
REPOSITORY = "repository"
LABELS = "labels.json"
"""Beside the repository, not in it."""


def make_repository(project: Project, cache: Cache, folder: Path, *, squashed: bool) -> Path:
    """Make `folder/NAME/repository` and `folder/NAME/labels.json`; of earlier ones nothing is left.

    The branch has one commit for each bug, or one for all of them.
    """
    own = folder / project.name
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    repository = own / REPOSITORY
    copy_to(project, cache, repository)
    (repository / ".gitignore").unlink(missing_ok=True)  # it may hide files of the distribution
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _commit(repository, f"{project.name} {project.version}")
    _git(repository, "tag", BASE)
    _git(repository, "switch", "--quiet", "--create", BRANCH)
    mutants = mutants_of(project)
    commits = {}
    for number, mutant in enumerate(mutants, start=1):
        plant(mutant, repository)
        if not squashed:
            commits[mutant.label] = _commit(repository, f"Change {number} of {len(mutants)}")
    if squashed:
        made = _commit(repository, "All changes")
        commits = {mutant.label: made for mutant in mutants}
    bugs = []
    for mutant in mutants:
        hunk = {"file": mutant.file, "line": mutant.line}
        bugs.append({"label": mutant.label, "commit": commits[mutant.label], "hunk": hunk})
    document = {
        "project": project.key,
        "base": _git(repository, "rev-parse", BASE),
        "bugs": bugs,
        "label_of_test": label_of_tests(project, mutants, cache),
    }
    (own / LABELS).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return repository


def _commit(repository: Path, subject: str) -> str:
    _git(repository, "add", "--all", "--force")
    _git(repository, "commit", "--quiet", "--message", subject)
    return _git(repository, "rev-parse", "HEAD")


def _git(repository: Path, *arguments: str) -> str:
    """Run git as nobody in particular, at a fixed time: the same bugs give the same commits."""
    identity = {
        "GIT_AUTHOR_NAME": "benchmark", "GIT_AUTHOR_EMAIL": "benchmark@localhost",
        "GIT_COMMITTER_NAME": "benchmark", "GIT_COMMITTER_EMAIL": "benchmark@localhost",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
    }  # fmt: skip
    command = ["git", "-c", "core.hooksPath=/dev/null", *arguments]
    done = subprocess.run(
        command, cwd=repository, env={**os.environ, **identity}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
