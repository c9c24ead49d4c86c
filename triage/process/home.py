"""Give a process a home folder of its own that shows what is in the user's.

Two experiments at once must not meet in the home folder: what one creates there the other would find. The
copy is made of links, so that settings, caches and installed packages are there; what is created or removed
at its top, or at the top of the usual folders for settings and data, stays in the copy.
"""

from __future__ import annotations

import os
from pathlib import Path

_OPENED = (".cache", ".config", ".local", ".local/share", ".local/state")
"""Folders that are made anew, with links inside: programs make folders of their own there."""
_MOST_ENTRIES = 2000
"""Entries of one folder up to which it is mirrored: a larger one takes longer than what it protects from."""


def mirror_home(home: Path, place: Path) -> Path:
    """Make `place` a home folder of links to what is in `home`; returns the home folder to use.

    That is `home` itself where it cannot be read or has too many entries.
    """
    try:
        _mirror(home, place)
        for name in _OPENED:
            _open(home / name, place / name)
    except OSError:
        return home
    return place


def _mirror(folder: Path, place: Path) -> None:
    names = os.listdir(folder)
    if len(names) > _MOST_ENTRIES:
        raise OSError(f"{folder} has {len(names)} entries")
    place.mkdir()
    for name in names:
        (place / name).symlink_to(folder / name)


def _open(folder: Path, place: Path) -> None:
    """Put a folder of links where a link to the folder is; links that the user made stay as they are."""
    if not place.is_symlink() or folder.is_symlink() or not folder.is_dir():
        return
    place.unlink()
    _mirror(folder, place)
