"""`triage demo`: the first campaign, red to resolved, in a repository of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

import click

from triage.cli.app import run
from triage.cli.context import App, app_command, examples
from triage.errors import ExitCode, UsageError, VoidError


@app_command(json_output=False, epilog=examples("triage demo", "triage demo /tmp/first-campaign"))
@click.argument("folder", required=False, metavar="[DIR]")
def demo_command(app: App, folder: str | None) -> None:
    """Play the first campaign for real, in a new repository (default: demo/<STAMP>).

    A gradient test fails because its fixture leaves the structure factor at zero; two other tests fail for
    reasons of their own. The cause is found by experiment, two repairs are compared by running them, one is
    applied, its exit criteria are run, and every number that was written on the way is recomputed.
    """
    missing = [name for name in ("simulator", "torch") if find_spec(name) is None]
    if missing:
        raise UsageError(
            "demo-needs-simulator",
            f"the demo's suite tests the simulator, and {sys.executable} has no {' and no '.join(missing)}",
            "install triage-simulator beside triage: pip install ./simulator in a checkout",
        )
    root = Path(folder) if folder else Path("demo") / app.world.stamp()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError("demo-exists", f"{root} exists and is not empty", "name another folder")
    began = app.world.monotonic()
    _Story(app, root.resolve()).tell()
    app.say(f"\nRed to resolved in {app.world.monotonic() - began:.0f} s. It is all in {root}:")
    written = (*sorted(Path().glob("reports/*/phase_*/*/*.md")), *sorted(Path().glob("plans/**/*.*")))
    for path in (*written, Path("reports/remediation_tracker.md")):
        app.say(f"  {root / path}")


class _Story:
    def __init__(self, app: App, root: Path) -> None:
        self._app = app
        self._root = root
        self._kit = demo_kit()

    def tell(self) -> None:
        """Each step for real; a step that ends otherwise than it should ends the demo."""
        from triage.process.git import Repository

        shutil.copytree(self._kit / "project", self._root, dirs_exist_ok=True)
        shutil.copytree(self._kit / "options", self._root / "options")
        os.chdir(self._root)
        self._app.say(f"$ cd {shlex.quote(str(self._root))}")
        repository = Repository.create(self._root, name="triage demo", email="demo@example.org")
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

    def _chapter(self, title: str) -> None:
        self._app.say(f"\n## {title}")

    def _step(self, *words: str, allowed: Collection[ExitCode] = (ExitCode.OK,)) -> None:
        self._app.say(f"$ triage {shlex.join(words)}")
        code = run(words)
        if code not in allowed:
            what = f"'triage {shlex.join(words)}' ended with exit code {code} in {self._root}"
            raise VoidError("demo-failed", what, "what it printed says why")


def demo_kit() -> Path:
    """The folder with the demo's project and repairs: in the wheel, or in a checkout."""
    shipped = Path(__file__).parents[1] / "_templates" / "demo"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "templates" / "demo"
