"""`triage demo`: the first campaign, red to resolved, in a repository of its own; a branch with four bugs."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from triage.cli import wiring
from triage.cli.app import run
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode, UsageError, VoidError

if TYPE_CHECKING:
    from triage.process.git import Repository


@app_command(
    json_output=False,
    epilog=examples("triage demo", "triage demo /tmp/first-campaign", "triage demo --many"),
)
@click.argument("folder", required=False, metavar="[DIR]")
@click.option("--many", is_flag=True, help="Another project: four bugs in one branch, found by one search.")
def demo_command(app: App, folder: str | None, *, many: bool) -> None:
    """Play the first campaign for real, in a new repository (default: demo/<STAMP>).

    A gradient test fails because its fixture leaves the structure factor at zero; two other tests fail for
    reasons of their own. The cause is found by experiment, two repairs are compared by running them, one is
    applied, its exit criteria are run, and every number that was written on the way is recomputed. At last a
    short hunt finds a test that is green only because of the order in which it runs.

    With --many: a branch of three commits brings four bugs to a small project, and fifteen tests fail. They
    are run on its commits and without its hunks, all in one search: four clusters, four hunks.
    """
    from triage.lab.shared_forks import sharing_forks

    if not many:
        _need_simulator()
    root = Path(folder) if folder else Path("demo") / app.world.stamp()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError("demo-exists", f"{root} exists and is not empty", "name another folder")
    began = app.world.monotonic()
    story = _BranchStory(app, root.resolve()) if many else _Story(app, root.resolve())
    # its commands are phases of one campaign: they share what their processes import
    with sharing_forks(root, lambda: wiring.executor(app.settings)):
        story.tell()
    took = app.world.monotonic() - began
    app.say(f"\n{story.moral} in {took:.0f} s. It is all in {root}:")
    written = (*sorted(Path().glob("reports/*/phase_*/*/*.md")), *sorted(Path().glob("plans/**/*.*")))
    for path in (*written, Path("reports/remediation_tracker.md")):
        app.say(f"  {root / path}")


def _need_simulator() -> None:
    missing = [name for name in ("simulator", "torch") if find_spec(name) is None]
    if missing:
        raise UsageError(
            "demo-needs-simulator",
            f"the demo's suite tests the simulator, and {sys.executable} has no {' and no '.join(missing)}",
            "install triage-simulator beside triage: pip install ./simulator in a checkout",
        )


class _Teller:
    """Runs the steps of a story for real; a step that ends otherwise than it should ends the demo."""

    moral = ""
    """What is said at the end, before the seconds that it took."""

    def __init__(self, app: App, root: Path, kit: Path) -> None:
        self._app = app
        self._root = root
        self._kit = kit

    def tell(self) -> None:
        """Tell it."""
        raise NotImplementedError

    def _begin(self) -> Repository:
        """A repository with the project, at its root."""
        from triage.process.git import Repository

        shutil.copytree(self._kit / "project", self._root, dirs_exist_ok=True)
        os.chdir(self._root)
        self._app.say(f"$ cd {shlex.quote(str(self._root))}")
        return Repository.create(self._root, name="triage demo", email="demo@example.org")

    def _chapter(self, title: str) -> None:
        self._app.say(f"\n## {title}")

    def _step(self, *words: str, allowed: Collection[ExitCode] = (ExitCode.OK,)) -> None:
        self._app.say(f"$ triage {shlex.join(words)}")
        code = run(words)
        if code not in allowed:
            what = f"'triage {shlex.join(words)}' ended with exit code {code} in {self._root}"
            raise VoidError("demo-failed", what, "what it printed says why")


class _Story(_Teller):
    """The first campaign."""

    moral = "Red to resolved"

    def __init__(self, app: App, root: Path) -> None:
        super().__init__(app, root, demo_kit())

    def tell(self) -> None:
        """Each step for real."""
        repository = self._begin()
        shutil.copytree(self._kit / "options", self._root / "options")
        repository.commit_all("The suite as it was")
        self._chapter("A suite is red, and an older tracker ended at C18")
        self._step("init", "--next-cluster", "19")
        repository.commit_all("Set triage up")
        self._chapter("Phase A: what fails, and what belongs together")
        self._step("run", "--workers", "2", allowed={ExitCode.FAILURES})
        self._chapter("Phase B: why, by experiment")
        self._step("probe", "C19")
        self._chapter("Phase C: two repairs, compared by running them")
        options = sorted(Path("options").glob("*.patch"))
        self._step("design", "C19", *(word for path in options for word in ("--option", str(path))))
        repository.commit_all("Record phases A to C")
        self._chapter("Option A is applied")
        self._app.say(f"$ git apply {options[0]}")
        repository.apply(options[0].read_text(encoding="utf-8"))
        repository.commit_all("Give the gradient test a structure factor")
        self._chapter("Phase D: the exit criteria, in their scopes")
        self._step("verify", "C19")
        self._chapter("Every number that was written, recomputed")
        self._step("check")
        self._step("status")
        repository.commit_all("Resolve C19")
        self._chapter("A test that is green by luck, found before it finds you")
        shutil.copytree(self._kit / "latent", self._root, dirs_exist_ok=True)
        repository.commit_all("Show lengths with their unit")
        self._step("hunt", "tests/test_units.py", "--only", "order", "--budget", "60")


class _BranchStory(_Teller):
    """A branch with four bugs."""

    moral = "Four bugs in one branch, four clusters, four hunks"

    def __init__(self, app: App, root: Path) -> None:
        super().__init__(app, root, demo_kit("demo_many"))

    def tell(self) -> None:
        """Each step for real."""
        repository = self._begin()
        repository.commit_all("The suite is green")
        self._chapter("A project that is green, and set up")
        self._step("init")
        repository.commit_all("Set triage up")
        self._chapter("A branch of three commits")
        repository.start_branch("send-abroad")
        for path in sorted((self._kit / "commits").glob("*.patch")):
            subject, _, patch = path.read_text(encoding="utf-8").partition("\n\n")
            self._app.say(f"$ git apply {path.name} && git commit -am {shlex.quote(subject)}")
            repository.apply(patch)
            repository.commit_all(subject)
        self._chapter("What is red, what the branch broke, and by which lines")
        self._step("run", "--workers", "2", "--base", "auto", "--attribute", allowed={ExitCode.FAILURES})
        self._chapter("Every number that was written, recomputed")
        self._step("check")
        self._step("status")


def demo_kit(name: str = "demo") -> Path:
    """The folder with a demo's project and what is done to it: in the wheel, or in a checkout."""
    shipped = Path(__file__).parents[1] / "_templates" / name
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "templates" / name
