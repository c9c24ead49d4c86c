"""Tell which files and tests have other names than when the known clusters were seen last: git knows."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.model.journal import Event, FilesMoved, Relocation
from triage.model.nodeid import file_of
from triage.model.run import RunRecord
from triage.process.git import Repository
from triage.process.git_history import text_at
from triage.process.git_renames import every_rename_since

_LARGEST_SOURCE = 1 << 20


class MovedFiles:
    """Looks renames up in the repository, once and only when somebody asks."""

    def __init__(self, root: Path, output: Path, stamp: str, registry: ClusterRegistry) -> None:
        """`output` is where the evidence lies, `stamp` that of the run whose failures are clustered.

        Clusters were seen before it.
        """
        self._root = root
        self._output = output
        self._stamp = stamp
        self._registry = registry

    def __call__(self) -> Sequence[Relocation]:
        """Every file that was renamed since the run that first showed one of the clusters."""
        return self._relocations

    @cached_property
    def _relocations(self) -> tuple[Relocation, ...]:
        if self._repository is None or not self._registry.clusters:
            return ()
        renames = every_rename_since(self._repository, self._commits[0] if self._commits else None)
        return tuple(Relocation(old=each.old, new=each.new, how=each.how) for each in renames)

    def is_same_test(self, old: str, new: str) -> bool:
        """Whether the test that is gone had the body of the one that is there, when it was seen."""
        old_name, new_name = old.partition("::")[2], new.partition("::")[2]
        present = bodies_of(self._source(new))
        body = present.get(new_name)
        if body is None or old_name in present or self._repository is None:
            return False
        for commit in reversed(self._commits):
            for file in self._names_of(file_of(old)):
                bodies_then = bodies_of(text_at(self._repository, commit, file))
                if bodies_then.get(old_name) == body:
                    return True
        return False

    def _names_of(self, file: str) -> list[str]:
        """The file under the name that it has, and under that which it had."""
        return [file, *(moved.old for moved in self._relocations if moved.new == file)]

    def _source(self, nodeid: str) -> str | None:
        path = self._root / file_of(nodeid)
        try:
            return path.read_text("utf-8", "replace") if path.stat().st_size <= _LARGEST_SOURCE else None
        except (OSError, ValueError):
            return None

    @cached_property
    def _repository(self) -> Repository | None:
        return Repository.find(self._root)

    @cached_property
    def _commits(self) -> list[str]:
        """Commits of the runs that showed clusters, the oldest run first; those that are known."""
        stamps = {seen for cluster in self._registry.live for seen in (cluster.first_seen, cluster.last_seen)}
        found: dict[str, None] = {}
        for folder in EvidenceFolder.all(self._output, phase="a"):
            if folder.stamp in stamps and folder.stamp < self._stamp:
                commit = _commit_of(folder)
                if commit is not None:
                    found.setdefault(commit)
        return list(found)


def moved_tests(
    root: Path, events: Iterable[Event], old: RunRecord, new: RunRecord, old_folder: EvidenceFolder
) -> dict[str, str]:
    """Tell which tests of an older run have another name in a newer one, by renames of their files.

    Renames are those that the journal records and those that git knows since the commit of the older run.
    """
    before = {result.nodeid for result in old.results}
    after = {result.nodeid for result in new.results}
    gone, added = before - after, after - before
    if not gone or not added:
        return {}
    today: dict[str, str] = {}
    for event in events:
        if isinstance(event, FilesMoved):
            today.update((move.old, move.new) for move in event.moves)
    repository = Repository.find(root)
    commit = _commit_of(old_folder)
    if repository is not None and commit is not None:
        today.update((rename.old, rename.new) for rename in every_rename_since(repository, commit))
    by_name_of_today = {_name_of_today(nodeid, today): nodeid for nodeid in sorted(added)}
    found: dict[str, str] = {}
    for nodeid in sorted(gone):
        name = by_name_of_today.get(_name_of_today(nodeid, today))
        if name is not None:
            found[nodeid] = name
    return found


def _name_of_today(nodeid: str, today: Mapping[str, str]) -> str:
    """Return a node id under the name that its file, or the test itself, has now."""
    file, colons, rest = nodeid.partition("::")
    test = rest.partition("[")[0]
    renamed = today.get(f"{file}::{test}")
    if renamed is not None:
        return renamed + rest[len(test) :]
    return f"{today.get(file, file)}{colons}{rest}"


def _commit_of(folder: EvidenceFolder) -> str | None:
    try:
        git = json.loads((folder.path / "preflight.json").read_bytes()).get("git")
        commit = git.get("commit") if isinstance(git, dict) else None
    except (OSError, ValueError, AttributeError):
        return None
    return commit if isinstance(commit, str) else None


def bodies_of(source: str | None) -> dict[str, str]:
    """`Class::test` to what the function does, whatever its name; empty where the text is no Python."""
    try:
        tree = ast.parse(source or "")
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return dict(_bodies_within(tree.body, ""))


def _bodies_within(statements: Sequence[ast.stmt], prefix: str) -> list[tuple[str, str]]:
    found = []
    for statement in statements:
        if isinstance(statement, ast.ClassDef):
            found += _bodies_within(statement.body, f"{prefix}{statement.name}::")
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            nameless = (statement.args, *statement.decorator_list, *statement.body)
            found.append((prefix + statement.name, "\n".join(ast.dump(part) for part in nameless)))
    return found
