"""Texts of the templates: those that are shipped, replaced by a team's own of the same name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import triage
from triage.errors import UsageError

SUFFIX = ".j2"


def load_templates(team: Path | None = None) -> dict[str, str]:
    """Template name (posix path below its folder) to text.

    Raises `UsageError` where the team's folder is none or holds a file that cannot be read.
    """
    if team is None:
        return dict(_shipped())
    if not team.is_dir():
        raise UsageError("no-templates", f"the templates folder {team} does not exist", "mend `templates`")
    return {**_shipped(), **_read(team)}


def project_templates(root: Path, setting: str | None) -> dict[str, str]:
    """The templates of a project at `root` whose setting `templates` is this."""
    return load_templates(root / setting if setting else None)


@cache
def _shipped() -> dict[str, str]:
    """In a wheel they lie in the package, in a checkout beside it."""
    package = Path(triage.__file__).parent
    for folder in (package / "_templates", package.parent / "templates"):
        if folder.is_dir():
            return _read(folder)
    raise UsageError("no-templates", f"the templates of {package} are missing", "install triage again")


def _read(folder: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        try:
            texts[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                "bad-template", f"template {path} cannot be read: {error}", "mend the file"
            ) from error
    return texts
