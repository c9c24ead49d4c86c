"""Compare the tree of a failing run with the tree as it is: whether it changed, what tests assert."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from triage.evidence.folder import EvidenceFolder
from triage.model.recorded_criteria import KeptTest, TreeChange
from triage.process.git import Repository
from triage.process.git_base import modified_since
from triage.process.git_history import text_at
from triage.repair.assertion_strength import compare, without_other_tests
from triage.run.environment import Checkout, is_cache, read_checkout, written_by_triage

_MOST_FILES = 10
"""Changed files that the evidence names."""
_LARGEST_SOURCE = 1 << 20


@dataclass(frozen=True)
class PresentTree:
    """The suite as it stands."""

    root: Path
    output: Path
    """Where triage writes."""
    repository: Repository | None
    checkout: Checkout

    @classmethod
    def read(cls, root: Path, output: Path, own: Path) -> PresentTree:
        """Read it; `own` is the folder of evidence that is being written."""
        return cls(root, output, Repository.find(root), read_checkout(str(root), own))

    def modified_since(self, repository: Repository, commit: str) -> set[str]:
        """Files that differ from a commit, relative to the top; nothing that triage writes, and no cache."""
        found = set()
        for name in modified_since(repository, commit):
            is_own = written_by_triage(Path(repository.top, name), self.output)
            if not is_own and not is_cache(name):
                found.add(name)
        return found

    def from_top(self, repository: Repository, path: str) -> str:
        """A path below the root as git names it, relative to the top of the repository."""
        below = repository.root.relative_to(repository.top)
        return (below / path).as_posix()

    def text(self, path: str) -> str | None:
        """The text of a file; None where there is none, or none of a size that people write."""
        try:
            file = self.root / path
            return file.read_text("utf-8", "replace") if file.stat().st_size <= _LARGEST_SOURCE else None
        except (OSError, ValueError):
            return None


@dataclass(frozen=True)
class EarlierTree:
    """What a run's `preflight.json` says of the tree that it ran on."""

    stamp: str
    commit: str | None
    changed: frozenset[str]
    """Files that differed from the commit, caches left out."""
    digest: str | None

    @classmethod
    def of(cls, folder: EvidenceFolder) -> EarlierTree:
        """Read it; a run that was imported knows nothing."""
        git = _git_of(folder.path / "preflight.json")
        names = git.get("changed")
        changed = [name for name in names if not is_cache(name)] if isinstance(names, list) else []
        return cls(folder.stamp, git.get("commit"), frozenset(changed), git.get("changed_sha256"))


def change_since(then: EarlierTree, now: PresentTree) -> TreeChange:
    """Whether code or settings differ between the two; what triage writes is neither."""
    commit = now.checkout.commit
    changed_now = frozenset(name for name in now.checkout.changed if not is_cache(name))

    def answer(verdict: Any, files: Iterable[str] = (), why: str = "") -> TreeChange:
        listed = tuple(sorted(files))[:_MOST_FILES]
        return TreeChange(
            stamp=then.stamp, then=then.commit, now=commit, verdict=verdict, files=listed, why=why
        )

    if then.commit is None or commit is None or now.repository is None:
        return answer("unknown", why="it is not on record which commit it ran on")
    if now.repository.resolve(then.commit) is None:
        return answer("unknown", why=f"commit {then.commit[:10]} is not in this clone")
    if then.commit != commit:
        files = now.modified_since(now.repository, then.commit) | changed_now
        if files:
            return answer("changed", files)
        # the commits differ by nothing; what was not committed may have gone
        return answer("changed", then.changed) if then.changed else answer("same")
    if changed_now != then.changed:
        return answer("changed", changed_now ^ then.changed)
    if not changed_now or then.digest == now.checkout.digest:
        return answer("same")
    if then.digest is None or now.checkout.digest is None:
        return answer("unknown", why="both trees have uncommitted changes")
    return answer("changed", changed_now)


def kept_tests(tests: Iterable[tuple[str, str]], then: EarlierTree, now: PresentTree) -> Iterator[KeptTest]:
    """Compare each test file, and the conftest.py files above it, with what they were.

    `tests` are pairs of node ids: as recorded, and as it is now.
    """
    by_file: dict[tuple[str, str], set[str]] = {}
    for recorded, present in tests:
        old, _, old_name = recorded.partition("::")
        new, _, new_name = present.partition("::")
        by_file.setdefault((old, new), set()).update({_plain(old_name), _plain(new_name)})
        for conftest in _conftests(new):
            by_file.setdefault((conftest, conftest), set())
    for (old, new), names in by_file.items():
        if new.endswith(".py"):
            kept = _kept(old, new, names, then, now)
            if kept is not None:
                yield kept


def _kept(old: str, new: str, names: set[str], then: EarlierTree, now: PresentTree) -> KeptTest | None:
    """The comparison of one file; None of one that neither tree has."""
    after = now.text(new)
    is_conftest = PurePosixPath(new).name == "conftest.py"

    def unknown(why: str) -> KeptTest:
        return KeptTest(path=new, stamp=then.stamp, strength=None, why=why)

    if then.commit is None or now.repository is None:
        return None if is_conftest and after is None else unknown("the commit of then is not on record")
    if now.from_top(now.repository, old) in then.changed:
        return unknown("it had changes then that nobody committed")
    before = text_at(now.repository, then.commit, old)
    if before is None:
        return None if is_conftest else unknown(f"commit {then.commit[:10]} does not have it")
    pair = (without_other_tests(before, names), without_other_tests(after, names))
    return KeptTest(path=new, stamp=then.stamp, strength=compare([pair]))


def _plain(name: str) -> str:
    """`Class::test` of a node id behind its file, without parameters."""
    return name.partition("[")[0]


def _conftests(path: str) -> list[str]:
    folders = PurePosixPath(path).parents
    return [(folder / "conftest.py").as_posix() for folder in folders]


def _git_of(path: Path) -> dict[str, Any]:
    try:
        git = json.loads(path.read_bytes()).get("git")
    except (OSError, ValueError, AttributeError):
        return {}
    return git if isinstance(git, dict) else {}
