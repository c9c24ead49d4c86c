"""Call git safely: the one place that talks to a repository.

A repository is hostile input: its configuration, and the user's, can name programs that git would start
(`core.fsmonitor`, hooks, filters, external diffs). Every call here overrides those (`git_config`), asks no
questions at a terminal, takes no optional locks, and passes only resolved 40-digit ids or paths after `--`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from triage.errors import UsageError, VoidError
from triage.process.git_config import (
    Configured,
    configured,
    converts_nothing,
    environment,
    overrides,
    withheld_filters,
)
from triage.process.git_lfs import LARGEST_POINTER, stands_for
from triage.process.work_folder import COPY, WORKTREE, remove_tree, work_folder

_NOT_COPIED = (
    "__pycache__", ".git", ".venv", "venv", ".tox", ".triage", "node_modules", "reports",
)  # fmt: skip
"""Left out of a copy where there is no git to say what is ignored."""
_OF_A_HOOK = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)  # fmt: skip
"""Variables that tie git to one repository and one folder, as hooks and `git rebase --exec` get them: a
triage that is started there works in worktrees as well."""
_NO_WORKING_TREE = ("not a git repository", "must be run in a work tree")
"""How git says that a folder is in no repository, or in one without files."""
_NO_MORE: Mapping[str, str] = MappingProxyType({})


class Repository:
    """A git repository around a suite's root."""

    def __init__(self, top: Path, root: Path) -> None:
        self.root = root.resolve()
        """The suite's root, which may lie below `top`."""
        self.top = top.resolve()

    @classmethod
    def open(cls, root: Path) -> Repository | None:
        """Return the repository that holds `root`; None where there is none.

        Raises `VoidError` where there is one and git cannot answer for it: no git program, a folder of
        somebody else that git does not trust, a damaged repository.
        """
        root = root.resolve()
        enclosing = _enclosing_repository(root)
        if enclosing is None:
            return None
        try:
            shown = _execute_safely(root, "rev-parse", "--show-toplevel")
        except _GitFailedError as error:
            if error.said is not None and any(words in error.said for words in _NO_WORKING_TREE):
                return None
            raise _trouble("rev-parse", enclosing, error.said) from error
        found = cls(Path(shown.removesuffix("\n")), root)
        # a configured working tree may lie elsewhere
        return found if found.root.is_relative_to(found.top) else None

    @classmethod
    def find(cls, root: Path) -> Repository | None:
        """Return the repository that holds `root`; None where there is none, or git cannot answer for it."""
        try:
            return cls.open(root)
        except VoidError:
            return None

    @classmethod
    def create(cls, root: Path, *, name: str, email: str) -> Repository:
        """Make a repository at `root` whose commits carry this name and address."""
        # imported here: it takes longer than all else that a short command does
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # or it refuses to be imported without git
        import git

        try:
            made = git.Repo.init(root, initial_branch="main")
        except (git.GitCommandError, git.GitCommandNotFound, OSError) as error:
            raise VoidError("git-failed", f"git init in {root}: {error}", "install git") from error
        with made.config_writer() as writer:
            writer.set_value("user", "name", name)
            writer.set_value("user", "email", email)
        return cls(root, root)

    @property
    def takes_worktrees(self) -> bool:
        """Whether git can note a worktree: there is a commit, and its folder can be written."""
        common = self._try("rev-parse", "--git-common-dir")
        return common is not None and os.access(self.top / common, os.W_OK) and self.head() is not None

    def head(self) -> str | None:
        """Return the id of the commit that is checked out; None before the first."""
        return self.resolve("HEAD")

    def resolve(self, name: str) -> str | None:
        """Return the 40-digit id of a commit that somebody named; None where the name is of none."""
        text = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return text.strip() if text and len(text.strip()) == 40 else None

    def changes(self) -> tuple[str, ...]:
        """Return paths below `top` that differ from the commit or are not in it; ignored files apart."""
        return tuple(self.states())

    def states(self) -> dict[str, str]:
        """Return git's two letters for each of the `changes`: `??` for a file that git does not know."""
        listing = self._call("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
        states = {entry[3:]: entry[:2] for entry in listing.split("\0") if entry}
        for name in self._large_files(states):
            del states[name]
        return states

    def _large_files(self, states: Mapping[str, str]) -> list[str]:
        """Return those of the changed files that only look so: the commit has their pointers of Git LFS."""
        modified = [name for name, state in states.items() if state == " M"]
        filtered = self.filtered_files() if modified else frozenset()
        found = []
        for name in modified:
            if name not in filtered:
                continue
            size = self._try("cat-file", "-s", f":{name}")
            if size is None or int(size) > LARGEST_POINTER:
                continue
            pointer = self._call("cat-file", "blob", f":{name}", strip=False)
            if stands_for(pointer, self.top / name):
                found.append(name)
        return found

    def ignored(self) -> tuple[str, ...]:
        """Return what git ignores below `top`; a folder that is ignored whole ends with a slash."""
        listing = self._call(
            "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--full-name",
            "--", f":(top){_relative(self.root, self.top)}",
        )  # fmt: skip
        return tuple(name for name in listing.split("\0") if name)

    def export(self, commit: str, target: Path) -> None:
        """Write the files of a commit into a folder; the repository stays as it is."""
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="triage-index-") as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            self._call("read-tree", commit, env=index)
            self._call("checkout-index", "--all", "--force", f"--prefix={target}/", env=index)

    def commits(self, old: str, new: str) -> tuple[str, ...]:
        """Return the ids after `old` up to `new`, oldest first, those that a merge brought in too."""
        listing = self._call("rev-list", "--reverse", "--topo-order", f"{old}..{new}", "--")
        return tuple(listing.split())

    def subject(self, commit: str) -> str:
        """Return the first line of a commit's message."""
        return self._call("show", "--no-patch", "--format=%s", commit, "--").strip()

    def file_at(self, commit: str, path: str) -> str | None:
        """Return a file of a commit, by its path from the suite's root; None where the commit has none."""
        return self._try("cat-file", "blob", f"{commit}:{self._prefix}{path}")

    @property
    def _prefix(self) -> str:
        """The suite's root as git names paths below it: empty, or with a slash at its end."""
        below = _relative(self.root, self.top)
        return f"{below}/" if below else ""

    def remote(self) -> str | None:
        """Return the address that `origin` is fetched from; None where there is none."""
        return self._try("config", "--get", "remote.origin.url") or None

    def diff(self, *paths: str) -> str:
        """Return uncommitted changes of tracked files as a patch."""
        return self._call(
            "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD", "--", *paths, strip=False
        )

    def apply(self, patch: str) -> None:
        """Apply a patch to the working tree, or raise UsageError and change nothing."""
        apply_patch(self.top, patch)

    def start_branch(self, name: str) -> None:
        """Begin a branch at the commit that is checked out, and check it out."""
        self._call("checkout", "--quiet", "-b", name)

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
        with work_folder(WORKTREE, self.root) as parent:
            tree = parent / (self.top.name or "tree")
            try:
                self._call("worktree", "add", "--detach", "--quiet", "--force", str(tree), head)
                if commit is None:
                    self.carry_changes(tree)
                yield tree / self.root.relative_to(self.top)
            finally:
                self.forget_worktree(tree)

    def forget_worktree(self, tree: Path) -> None:
        """Remove a worktree that triage made, and what git knows of it; others stay as they are."""
        remove_tree(tree)
        # twice forced: the making of a worktree that was cut short has left it locked
        self._try("worktree", "remove", "--force", "--force", str(tree))

    def worktrees(self) -> tuple[Path, ...]:
        """Return the folders of all registered worktrees, the main one first, there or not."""
        listing = self._call("worktree", "list", "--porcelain", "-z")
        prefix = "worktree "
        return tuple(
            Path(line.removeprefix(prefix)) for line in listing.split("\0") if line.startswith(prefix)
        )

    def filtered_files(self) -> frozenset[str]:
        """Return tracked files below `top` that pass through a filter which triage does not start."""
        filters = withheld_filters(_configuration(self.top))
        if not filters:
            return frozenset()
        names = self._call("ls-files", "-z", "--full-name", "--", str(self.top), strip=False)
        listing = _execute_safely(self.top, "check-attr", "-z", "--stdin", "filter", given=names)
        # path, attribute, value, path, attribute, ...
        fields = listing.split("\0")
        pairs = zip(fields[::3], fields[2::3], strict=False)
        return frozenset(path for path, value in pairs if value in filters)

    def carry_changes(self, tree: Path) -> None:
        """Bring uncommitted changes and untracked files into a copy of the commit that is checked out."""
        for name in {**dict.fromkeys(self.changes()), **dict.fromkeys(self.filtered_files())}:
            source, target = self.top / name, tree / name
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    target.unlink()
                shutil.copy2(source, target, follow_symlinks=False)
            elif not source.exists() and (target.is_symlink() or target.is_file()):
                target.unlink()

    def _call(
        self, command: str, *arguments: str, strip: bool = True, env: Mapping[str, str] | None = None
    ) -> str:
        try:
            text = _execute_safely(self.top, command, *arguments, env=env or {})
        except _GitFailedError as error:
            raise _trouble(command, self.top, error.said) from error
        return text.removesuffix("\n") if strip else text

    def _try(self, command: str, *arguments: str) -> str | None:
        try:
            return self._call(command, *arguments)
        except VoidError:
            return None


def _relative(path: Path, top: Path) -> str:
    """The path from the top of its repository, as git names it; empty for the top itself."""
    below = path.relative_to(top).as_posix()
    return "" if below == "." else below


def apply_patch(folder: Path, patch: str) -> None:
    """Apply a unified diff below `folder` (inside a repository or not), whole or not at all.

    Raises UsageError with git's reason where it does not apply.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".patch", encoding="utf-8", newline="") as file:
        file.write(patch if patch.endswith("\n") else patch + "\n")
        file.flush()
        try:
            _execute_safely(folder, "apply", "--whitespace=nowarn", file.name)
        except _GitFailedError as error:
            if error.said is None:
                raise _trouble("apply", folder, None) from error
            reason = _last_line(error.said)
            raise UsageError(
                "patch-fails", f"the patch does not apply in {folder}: {reason}", "mend the patch"
            ) from error


@contextmanager
def scratch_copy(root: Path) -> Iterator[Path]:
    """Copy the tree as it stands to a temporary folder: by a git worktree, or file by file without git."""
    repository = Repository.find(root)
    if repository is not None and repository.takes_worktrees:
        with repository.scratch() as folder:
            yield folder
        return
    with work_folder(COPY, root) as parent:
        target = parent / (root.name or "tree")
        ignore = shutil.ignore_patterns(*_NOT_COPIED)
        shutil.copytree(root, target, symlinks=True, ignore=ignore, ignore_dangling_symlinks=True)
        yield target


class _GitFailedError(Exception):
    """git ended with an error."""

    def __init__(self, said: str | None) -> None:
        super().__init__(said)
        self.said = said
        """What it printed; None where there is no git program."""


def _enclosing_repository(root: Path) -> Path | None:
    """The nearest folder from `root` upwards that has git's own entry in it: there git is asked at all."""
    if not root.is_dir():
        return None
    for folder in (root, *root.parents):
        if os.path.lexists(folder / ".git"):
            return folder
    return None


def _configuration(folder: Path) -> tuple[Configured, ...]:
    """The names that are configured. To list them starts no program, whatever they are."""
    try:
        return configured(_execute(folder, "config", "--list", "--show-scope", "--name-only", "-z"))
    except _GitFailedError:
        return ()


def _execute_safely(
    folder: Path, command: str, *arguments: str, given: str = "", env: Mapping[str, str] = _NO_MORE
) -> str:
    """Run git under overrides of what is configured at this moment: a test may have changed it since."""
    configuration = () if converts_nothing(command, arguments) else _configuration(folder)
    settings = environment(overrides(configuration), os.environ)
    return _execute(folder, command, *arguments, given=given, env={**settings, **env})


def _execute(
    folder: Path, command: str, *arguments: str, given: str = "", env: Mapping[str, str] = _NO_MORE
) -> str:
    """Run git to its end; an interrupted triage ends it first, so that git removes what it had begun.

    It has a session of its own: a Ctrl-C of the terminal is for triage, which may still need git to tidy up.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        process = subprocess.Popen(
            ["git", command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            # what git says is looked at, so it says it in English
            env={**inherited, "LANGUAGE": "C", "LC_ALL": "C", **env},
            start_new_session=True,
        )
    except OSError as error:
        raise _GitFailedError(None) from error
    try:
        out, err = process.communicate(given.encode("utf-8", "surrogateescape"))
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        raise _GitFailedError(_decoded(err))
    return _decoded(out)


def _decoded(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape")


def _trouble(command: str, top: Path, said: str | None) -> VoidError:
    """Why git cannot answer, and what helps."""
    if said is None:
        return VoidError(
            "git-missing",
            f"{top} is a git repository, and there is no git program",
            "install git, or put it on PATH",
        )
    if "dubious ownership" in said:
        return VoidError(
            "git-distrusts",
            f"git does not trust {top}: the folder belongs to another user",
            f"trust it: git config --global --add safe.directory {shlex.quote(str(top))}",
        )
    return VoidError("git-failed", f"git {command} in {top}: {_last_line(said)}", "mend the repository")


def _last_line(text: str) -> str:
    for line in reversed(text.splitlines()):
        stripped = line.strip()
        if stripped:
            return stripped
    return "no reason given"
