"""What the processes of a run measured with pytest-cov, joined to the one file that the suite asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from triage.process.api import LOG, Executor, ProcessRequest
from triage.recorder.other_plugins import TARGET
from triage.run.command import Launch

_SECONDS = 600.0


def join_coverage(
    folder: Path, launch: Launch, executor: Executor, work: Path, stop: Callable[[], bool]
) -> list[str]:
    """Combine the data files in `folder` with the suite's own coverage; returns what is to be said of it."""
    if not (folder / TARGET).is_file():
        return []
    target, config, append = (folder / TARGET).read_text("utf-8", "surrogateescape").split("\n")
    parts = [path for path in folder.iterdir() if path.name.startswith(f"{Path(target).name}.")]
    if not parts:
        return ["coverage: no process came to its end, nothing was measured"]
    words = ["combine", "--quiet", f"--data-file={target}", f"--rcfile={config}"]
    words += ["--append"] if append else []
    argv = (launch.python, "-m", "coverage", *words, str(folder))
    request = ProcessRequest(
        argv=argv, cwd=launch.root, env=launch.environment(), folder=work, total_seconds=_SECONDS
    )
    outcome = executor.run(request, lambda _block: None, stop)
    if outcome.exit_code != 0:
        said = (work / LOG).read_text("utf-8", "replace").strip().splitlines() or [outcome.ended]
        return [f"coverage could not be joined: {said[-1][:300]}"]
    off = "pytest-cov's reports and --cov-fail-under switched off: `coverage report` makes them"
    return [f"coverage of {len(parts)} processes joined in {target} (a process that died has none); {off}"]
