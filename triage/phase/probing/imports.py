"""Make scratch copies import themselves: an editable installation points at the user's tree."""

from __future__ import annotations

import sys
from pathlib import Path


def python_path(root: Path, python: str | None) -> tuple[str, ...]:
    """Folders below the root that the interpreter imports from, relative to it.

    Found in its `.pth` files and editable finders; empty where the suite is not installed so.
    """
    found = set()
    for folder in _site_packages(python):
        for path in (*folder.glob("*.pth"), *folder.glob("__editable__*.py")):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            found |= {part for part in _candidates(root) if _names(text, root / part)}
    return tuple(sorted(found))


def _site_packages(python: str | None) -> list[Path]:
    if python is None:
        return [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    return list((Path(python).parent.parent / "lib").glob("python*/site-packages"))


def _candidates(root: Path) -> list[str]:
    """The root and the folders directly below it: where packages of a project lie."""
    below = [path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [".", *below]


def _names(text: str, folder: Path) -> bool:
    """Whether a line is this folder, or a finder maps a package to something directly in it."""
    if str(folder) in (line.strip() for line in text.splitlines()):
        return True
    return (
        any(f"'{path}'" in text for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else False
    )
