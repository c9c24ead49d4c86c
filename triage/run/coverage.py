"""What the processes of a run measured with pytest-cov, joined to the one file that the suite asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triage.process.api import LOG, Executor, ProcessRequest
from triage.recorder.other_plugins import TARGET
from triage.run.command import Launch

_JOIN_SECONDS = 600.0
"""Data of a large suite is joined in a minute; whoever waits for a hang here waits no longer than this."""
_LINE_CHARS = 300
"""Of what coverage printed, in a note, which is one line itself."""
_SWITCHED_OFF = "pytest-cov's reports and --cov-fail-under switched off: `coverage report` makes them"


@dataclass(frozen=True)
class _Target:
    """Where the suite wants its coverage, as a process under test has left it in `TARGET`."""

    data_file: str
    config: str
    append: bool
    """Whether it adds to what an earlier run measured."""

    @classmethod
    def read(cls, path: Path) -> _Target:
        data_file, config, append = path.read_text("utf-8", "surrogateescape").split("\n")
        return cls(data_file, config, bool(append))

    def join_command(self, python: str, folder: Path) -> tuple[str, ...]:
        """The command that combines the data files in `folder`."""
        options = ["--quiet", f"--data-file={self.data_file}", f"--rcfile={self.config}"]
        if self.append:
            options.append("--append")
        return (python, "-m", "coverage", "combine", *options, str(folder))


def join_coverage(
    folder: Path, launch: Launch, executor: Executor, work: Path, stop: Callable[[], bool]
) -> list[str]:
    """Combine the data files in `folder` with the suite's own coverage; returns what is to be said of it."""
    if not (folder / TARGET).is_file():
        return []  # the suite measures nothing
    target = _Target.read(folder / TARGET)
    prefix = f"{Path(target.data_file).name}."
    parts = [path for path in folder.iterdir() if path.name.startswith(prefix)]
    if not parts:
        return ["coverage: no process came to its end, nothing was measured"]
    request = ProcessRequest(
        argv=target.join_command(launch.python, folder),
        cwd=launch.root,
        env=launch.environment(),
        folder=work,
        total_seconds=_JOIN_SECONDS,
    )
    outcome = executor.run(request, lambda _block: None, stop)
    if outcome.exit_code != 0:
        printed = (work / LOG).read_text("utf-8", "replace").strip().splitlines()
        reason = printed[-1] if printed else outcome.ended
        return [f"coverage could not be joined: {reason[:_LINE_CHARS]}"]
    joined = f"coverage of {len(parts)} processes joined in {target.data_file}"
    return [f"{joined} (a process that died has none); {_SWITCHED_OFF}"]
