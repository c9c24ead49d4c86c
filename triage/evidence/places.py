"""Where triage writes: `reports/`, `plans/` and `.triage/` beneath one folder, and nowhere else.

The folder is the suite's root, or the one that the setting `output` names. Links in the checkout, and paths
in other settings, do not lead out of it: what a merge request changes must not decide where a job writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from triage.errors import UsageError
from triage.evidence.atomic import append_lines, disk_error, write_text
from triage.evidence.folder import REPORTS
from triage.evidence.journal import JOURNAL

PLANS = "plans"
STATE = ".triage"
PRUNED = f"{STATE}/pruned"
"""Where evidence that is being removed lies for a moment."""
_IGNORE_ALL = "*\n"


def output_folder(root: Path, setting: str | None) -> Path:
    """The folder that everything is written beneath; `setting` is relative to the root, or absolute.

    Raises `UsageError` where a link in it would lead what is written elsewhere, or a file is in its way.
    """
    output = (root / setting).resolve() if setting else root
    for path in _written(output):
        if path.is_symlink() and not path.resolve().is_relative_to(output.resolve()):
            raise UsageError(
                "outside-output",
                f"{path} is a link to {path.resolve()}, outside of {output}",
                "make it a folder of its own; to write elsewhere set `output`",
            )
    _refuse_files(output)
    return output


def _refuse_files(output: Path) -> None:
    """Raise `UsageError` where a file has the name of a folder that is written to."""
    nearest = next(path for path in (output, *output.parents) if path.exists())
    for path in (nearest, output / REPORTS, output / PLANS, output / STATE):
        if path.exists() and not path.is_dir():
            raise UsageError(
                "bad-output",
                f"{path} is no folder, and triage writes into a folder of that name",
                "move it, or name another folder by --output",
            )
    if (output / JOURNAL).is_dir():
        raise UsageError("bad-output", f"{output / JOURNAL} is a folder", "move it; the journal is a file")


def seen_from_suite(root: Path, output: Path) -> str:
    """The output as a posix path from the suite's root; empty where it is the root, or lies elsewhere.

    From elsewhere no relative link leads to the source that holds on another machine.
    """
    if output == root or not output.is_relative_to(root):
        return ""
    return output.relative_to(root).as_posix()


def state_folder(output: Path) -> Path:
    """Make `.triage`, for locks and the history; git ignores what is in it, also where nobody has said so."""
    folder = output / STATE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".gitignore").exists():
            write_text(folder / ".gitignore", _IGNORE_ALL)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder


def store_file(output: Path, setting: str) -> Path:
    """The file of the embedded history. Raises `UsageError` where the setting leads out of the output."""
    path = output / setting
    if not path.resolve().is_relative_to(output.resolve()):
        raise UsageError(
            "outside-output",
            f"setting 'store': {setting} is outside of {output}",
            "name a file beneath it; to write elsewhere set `output`",
        )
    return path


def carry_journal(root: Path, output: Path) -> None:
    """Add to the journal of another output what the checkout's has more; it merges by union, as in git.

    Without it every failure that the project knows would be new there.
    """
    if output == root:
        return
    known = set(_lines(output / JOURNAL))
    missing = [line for line in _lines(root / JOURNAL) if line not in known]
    if missing:
        append_lines(output / JOURNAL, missing)


def _lines(path: Path) -> list[str]:
    with suppress(FileNotFoundError):
        return [line for line in path.read_text("utf-8", "surrogateescape").split("\n") if line.strip()]
    return []


def _written(output: Path) -> Iterator[Path]:
    """The folders and files of the checkout that writes go through, as far as a link in them matters."""
    reports, plans, state = output / REPORTS, output / PLANS, output / STATE
    yield from (reports, plans, state)
    for folder in (plans, state, reports):
        if folder.is_dir():
            yield from folder.iterdir()
    for campaign in reports.glob("*"):
        yield from campaign.glob("phase_*")
