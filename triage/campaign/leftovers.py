"""What killed commands of this project left: scratch of runs, work folders, worktrees, unfinished files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from triage.campaign.resume_command import resume_command
from triage.errors import VoidError
from triage.evidence.atomic import abandoned_files
from triage.evidence.folder import REPORTS, EvidenceFolder
from triage.evidence.places import PRUNED
from triage.model.base import Value
from triage.process.git import Repository
from triage.process.work_folder import abandoned_folders, is_named_for, remove_tree
from triage.run.run_store import Leftover, leftovers

_LEAST_AGE_UNITS = 2
"""An age is said in the largest unit of which there are so many: 90 minutes, not 1 hour."""
_NEXT_COMMAND = "the next command that writes removes it, or now: triage doctor --mend"


class Left(Value):
    """One thing that is left over, and what to do about it."""

    what: str
    mend: str


def everything_left(root: Path, output: Path, temporary: Path, now: float) -> Iterator[Left]:
    """All that killed commands of the suite at `root` left, and nothing that may be in use.

    `output` is where its evidence lies, `temporary` the temporary folder, `now` in seconds since 1970.
    """
    yield from _unfinished_folders(output)
    yield from _scratch_of_runs(output, temporary, now)
    yield from _work(root, temporary)
    if any((output / PRUNED).glob("*")):
        what = f"{output / PRUNED} holds evidence whose removal was cut short"
        yield Left(what=what, mend="triage prune")
    for file in _half_written(output):
        yield Left(what=f"{file} was being written when its writer was killed", mend=_NEXT_COMMAND)


def remove_abandoned(root: Path, output: Path) -> tuple[str, ...]:
    """Remove work folders, worktrees and half-written files whose makers are dead; returns what was removed.

    The scratch of a run stays: the run may be resumed. STAMP folders stay: they are evidence.
    """
    files = []
    for file in _half_written(output):
        with suppress(OSError):  # a folder that cannot be written
            file.unlink()
            files.append(file)
    folders = abandoned_folders(root)
    for folder in folders:
        remove_tree(folder)
    # git is asked only where a folder was left: every command comes here
    repository = Repository.find(root) if folders else None
    trees = _dead_worktrees(repository, root) if repository is not None else ()
    for tree in trees:
        assert repository is not None
        repository.forget_worktree(tree)
    return tuple(str(path) for path in (*files, *folders, *trees))


def _unfinished_folders(output: Path) -> Iterator[Left]:
    for folder in EvidenceFolder.all(output):
        if folder.sealed or folder.in_use:
            continue
        finish = resume_command(folder)
        remove = shlex.join(["rm", "-r", str(folder.path)])
        mend = finish or f"no document cites it: {remove}, then start it again"
        yield Left(what=f"{folder.relative(output)} has no manifest.json: it was cut short", mend=mend)


def _scratch_of_runs(output: Path, temporary: Path, now: float) -> Iterator[Left]:
    """Scratch of killed runs: it holds what was not yet copied into the evidence."""
    reports = output.resolve() / REPORTS
    for left in leftovers(temporary):
        if left.evidence is None or not left.evidence.is_relative_to(reports):
            continue  # of another project, or nobody can tell
        remove = shlex.join(["rm", "-rf", str(left.path), str(left.secret)])
        finish = _finish(left)
        yield Left(
            what=f"{left.path}: {_size(left.size)} of a run that was killed {_age(now - left.changed)} ago",
            mend=f"finish it: {finish}; or give it up: {remove}" if finish else remove,
        )


def _finish(left: Leftover) -> str | None:
    if left.evidence is None or not left.evidence.is_dir():
        return None
    return resume_command(EvidenceFolder(left.evidence))


def _work(root: Path, temporary: Path) -> Iterator[Left]:
    for folder in abandoned_folders(root, temporary):
        yield Left(what=f"{folder} is of a command that was killed", mend=_NEXT_COMMAND)
    repository = Repository.find(root)
    if repository is None:
        return
    for tree in _dead_worktrees(repository, root):
        yield Left(
            what=f"git has a worktree registered that is gone: {tree}",
            mend=shlex.join(["git", "-C", str(root), "worktree", "remove", "--force", "--force", str(tree)]),
        )


def _half_written(output: Path) -> Iterator[Path]:
    """Files that a killed command was writing: among the ledgers, and in unsealed STAMP folders."""
    plans = output / "plans"
    ledgers = [output, output / REPORTS, plans, *(path for path in plans.glob("*") if path.is_dir())]
    unfinished = [folder.path for folder in EvidenceFolder.all(output) if not folder.sealed]
    for folder in (*ledgers, *unfinished):
        yield from abandoned_files(folder)


def _dead_worktrees(repository: Repository, root: Path) -> tuple[Path, ...]:
    """Worktrees that triage made for this suite and git still knows, though their folders are gone."""
    with suppress(VoidError):
        trees = repository.worktrees()
        return tuple(tree for tree in trees if is_named_for(tree, root) and not tree.exists())
    return ()


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB"


def _age(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= _LEAST_AGE_UNITS * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} seconds"
