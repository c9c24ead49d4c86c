"""How the processes of an experiment run: interpreter, variables, arguments, import path."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from triage.campaign.services import Services
from triage.model.base import World
from triage.model.criterion import Conditions
from triage.process.api import Executor


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What all runs have in common, whatever an experiment changes."""

    executor: Executor
    world: World
    variables: Mapping[str, str]
    """The canonical environment of the settings."""
    python: str | None
    """The suite's interpreter; None is the one that runs triage."""
    pytest_args: tuple[str, ...]
    import_path: tuple[str, ...]
    """Folders of the suite, relative to its root, that come first for imports."""
    unset: tuple[str, ...] = ()
    """Variables that processes do not inherit."""

    @property
    def interpreter(self) -> str:
        """The interpreter for commands that people paste."""
        return self.python or sys.executable

    def sets(self, name: str) -> bool:
        """Whether the settings or the user's shell set a variable."""
        return name in self.variables or name in self.world.environ

    def inherited(self, name: str) -> str | None:
        """A variable as a process gets it where an experiment says nothing of it."""
        return self.variables.get(name) or self.world.environ.get(name)

    @property
    def takes_argument_files(self) -> bool:
        """Whether the suite's pytest is known to take `@FILE` for arguments: from 8.2, and of this Python."""
        if self.python is not None:
            return False
        major, minor = version("pytest").split(".")[:2]
        return (int(major), int(minor)) >= (8, 2)

    @property
    def everything(self) -> dict[str, str]:
        """All variables as a process gets them where an experiment says nothing of them."""
        inherited = {name: value for name, value in self.world.environ.items() if name not in self.unset}
        return {**inherited, **self.variables}


def environment_of(services: Services, conditions: Conditions | None = None) -> Environment:
    """The environment that the project's settings describe; under the conditions of a run where given."""
    settings = services.settings
    changed = conditions.env if conditions is not None else {}
    args = conditions.pytest_args if conditions is not None else None
    return Environment(
        executor=services.executor,
        world=services.world,
        variables={
            **{name: value for name, value in settings.process_env.items() if name not in changed},
            **{name: value for name, value in changed.items() if value is not None},
        },
        python=settings.python,
        pytest_args=settings.pytest_args if args is None else args,
        import_path=import_path(services.root, settings.python),
        unset=tuple(name for name, value in changed.items() if value is None),
    )


def import_path(root: Path, python: str | None) -> tuple[str, ...]:
    """Return the folders below the root that the interpreter imports from, relative to the root.

    Found in its `.pth` files and editable finders; empty where the suite is not installed so. A scratch
    copy must put its own folders before these, or it would import the user's code.
    """
    found: set[str] = set()
    candidates = _package_folders(root)
    for site in site_packages(python):
        for path in (*site.glob("*.pth"), *site.glob("__editable__*.py")):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            found |= {name for name in candidates if _imports_from(text, root / name)}
    return tuple(sorted(found))


def site_packages(python: str | None) -> list[Path]:
    """Folders with the installed distributions of an interpreter; None is the running one."""
    if python is None:
        return [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    environment = Path(python).parent.parent
    return list((environment / "lib").glob("python*/site-packages"))


def _package_folders(root: Path) -> list[str]:
    """The root and the folders directly below it: where packages of a project lie."""
    below = [path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [".", *below]


def _imports_from(text: str, folder: Path) -> bool:
    """Whether a line is this folder, or a finder maps a package to something directly in it."""
    if str(folder) in (line.strip() for line in text.splitlines()):
        return True
    if not folder.is_dir():
        return False
    return any(f"'{path}'" in text for path in folder.iterdir() if path.is_dir())
