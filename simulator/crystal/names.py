"""Tell files of reflections apart by their names."""

from pathlib import Path

SUFFIXES = (".mtz", ".cif", ".mmcif", ".ent")
"""Names of files that gemmi reads; other files are text of h k l F. Each may be compressed (.gz)."""


def is_crystallographic(path: str | Path) -> bool:
    """Whether a file of this name is read by gemmi."""
    return without_gz(path).endswith(SUFFIXES)


def without_gz(path: str | Path) -> str:
    """The file's name in small letters, without the mark of compression."""
    return Path(path).name.lower().removesuffix(".gz")
