"""Call git safely: the one place that talks to a repository.

A repository is hostile input: its own configuration can name programs that git would start (`core.fsmonitor`,
hooks, external diffs). Every call here overrides those, asks no questions at a terminal, takes no optional
locks, and passes only resolved 40-digit ids or paths after `--`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.errors import UsageError, VoidError

if TYPE_CHECKING:
    from git import Repo

_CONFIG = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "diff.external": "",
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "commit.gpgSign": "false",
    "gc.auto": "0",
}
"""Settings that override the repository's own."""
_NOT_COPIED = (
    "__pycache__", ".git", ".venv", "venv", ".tox", ".triage", "node_modules", "reports",
)  # fmt: skip
"""Left out of a copy where there is no git to say what is ignored."""


def _environment() -> dict[str, str]:
    pairs = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_COUNT": str(len(_CONFIG))}
    for number, (key, value) in enumerate(_CONFIG.items()):
        pairs[f"GIT_CONFIG_KEY_{number}"] = key
        pairs[f"GIT_CONFIG_VALUE_{number}"] = value
    return pairs


class Repository:
    """A git repository around a suite's root."""

    def __init__(self, repo: Repo, root: Path) -> None:
        self._repo = repo
        self.root = root.resolve()
        """The suite's root, which may lie below `top`."""
        self.top = Path(str(repo.working_tree_dir)).resolve()

    @classmethod
    def find(cls, root: Path) -> Repository | None:
        """Return the repository that holds `root`; None where there is none or no git."""
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        try:
            import git
        except ImportError:
            return None
        try:
            repo = git.Repo(root, search_parent_directories=True)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError, git.GitCommandNotFound, ValueError):
            return None
        if repo.bare:
            return None
        repo.git.update_environment(**_environment())
        return cls(repo, root)

    @classmethod
    def create(cls, root: Path, *, name: str, email: str) -> Repository:
        """Make a repository at `root` whose commits carry this name and address."""
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        import git

        try:
            repo = git.Repo.init(root, initial_branch="main")
        except (git.GitCommandError, git.GitCommandNotFound, OSError) as error:
            raise VoidError("git-failed", f"git init in {root}: {error}", "install git") from error
        with repo.config_writer() as writer:
            writer.set_value("user", "name", name)
            writer.set_value("user", "email", email)
        repo.git.update_environment(**_environment())
        return cls(repo, root)

    def head(self) -> str | None:
        """Return the id of the commit that is checked out; None before the first."""
        return self.resolve("HEAD")

    def resolve(self, name: str) -> str | None:
        """Return the 40-digit id of a commit that somebody named; None where the name is of none."""
        text = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return text.strip() if text and len(text.strip()) == 40 else None

    def changes(self) -> tuple[str, ...]:
        """Return paths below `top` that differ from the commit or are not in it; ignored files apart."""
        listing = self._call("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        return tuple(entry[3:] for entry in listing.split("\0") if entry)

    def commits(self, old: str, new: str) -> tuple[str, ...]:
        """Return the ids after `old` up to `new`, oldest first, those that a merge brought in too."""
        listing = self._call("rev-list", "--reverse", "--topo-order", f"{old}..{new}", "--")
        return tuple(listing.split())

    def subject(self, commit: str) -> str:
        """Return the first line of a commit's message."""
        return self._call("show", "--no-patch", "--format=%s", commit, "--").strip()

    def diff(self, *paths: str) -> str:
        """Return uncommitted changes of tracked files as a patch."""
        return self._call(
            "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD", "--", *paths, strip=False
        )

    def apply(self, patch: str) -> None:
        """Apply a patch to the working tree, or raise UsageError and change nothing."""
        apply_patch(self.top, patch)

    def commit_all(self, message: str) -> str:
        """Commit everything that changed; return the id."""
        self._call("add", "--all", "--", ".")
        self._call("commit", "--quiet", "--no-verify", "--message", message)
        return str(self.head())

    @contextmanager
    def scratch(self, commit: str | None = None) -> Iterator[Path]:
        """Make a worktree in a temporary folder; yield where the suite's root is in it.

        Without `commit` it is the user's tree as it stands: HEAD, with uncommitted changes and
        untracked files (ignored ones apart). The user's own tree is not touched.
        """
        head = commit or self.head()
        if head is None:
            raise UsageError("no-commit", f"{self.top} has no commit yet", "commit something first")
        with temporary_folder("triage-worktree-") as parent:
            tree = parent / (self.top.name or "tree")
            self._call("worktree", "add", "--detach", "--quiet", "--force", str(tree), head)
            try:
                if commit is None:
                    self._carry_changes(tree)
                yield tree / self.root.relative_to(self.top)
            finally:
                self._try("worktree", "remove", "--force", "--force", str(tree))
                shutil.rmtree(tree, ignore_errors=True)
                self._try("worktree", "prune")

    def _carry_changes(self, tree: Path) -> None:
        for name in self.changes():
            source, target = self.top / name, tree / name
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    target.unlink()
                shutil.copy2(source, target, follow_symlinks=False)
            elif not source.exists() and (target.is_symlink() or target.is_file()):
                target.unlink()

    def _call(self, command: str, *arguments: str, strip: bool = True) -> str:
        import git

        try:
            return str(self._repo.git.execute(["git", command, *arguments], strip_newline_in_stdout=strip))
        except (git.GitCommandError, OSError) as error:
            reason = _last_line(getattr(error, "stderr", "") or str(error))
            raise VoidError(
                "git-failed", f"git {command} in {self.top}: {reason}", "mend the repository"
            ) from error

    def _try(self, command: str, *arguments: str) -> str | None:
        try:
            return self._call(command, *arguments)
        except VoidError:
            return None


def apply_patch(folder: Path, patch: str) -> None:
    """Apply a unified diff below `folder` (inside a repository or not), whole or not at all.

    Raises UsageError with git's reason where it does not apply.
    """
    import git

    with tempfile.NamedTemporaryFile("w", suffix=".patch", encoding="utf-8", newline="") as file:
        file.write(patch if patch.endswith("\n") else patch + "\n")
        file.flush()
        runner = git.Git(str(folder))
        runner.update_environment(**_environment())
        try:
            runner.execute(["git", "apply", "--whitespace=nowarn", file.name])
        except git.GitCommandError as error:
            raise UsageError(
                "patch-fails",
                f"the patch does not apply in {folder}: {_last_line(str(error.stderr))}",
                "mend the patch",
            ) from error


@contextmanager
def scratch_copy(root: Path) -> Iterator[Path]:
    """Copy the tree as it stands to a temporary folder: by a git worktree, or file by file without git."""
    repository = Repository.find(root)
    if repository is not None and repository.head() is not None:
        with repository.scratch() as folder:
            yield folder
        return
    with temporary_folder("triage-copy-") as parent:
        target = parent / (root.name or "tree")
        ignore = shutil.ignore_patterns(*_NOT_COPIED)
        shutil.copytree(root, target, symlinks=True, ignore=ignore, ignore_dangling_symlinks=True)
        yield target


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a temporary folder and remove it afterwards, also where tests took its permissions away."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, onerror=_force)


def _force(_function: Any, path: str, _error: Any) -> None:
    """Remove what `rmtree` could not: give permissions back, then try again."""
    with suppress(OSError):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def _last_line(text: str) -> str:
    # GitPython quotes what git printed
    for line in reversed(text.splitlines()):
        stripped = line.strip().strip("'")
        if stripped:
            return stripped
    return "no reason given"
