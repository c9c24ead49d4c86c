"""Tell whether a file is what a pointer of Git LFS stands for, without starting its filter."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_POINTER = re.compile(
    r"version https://git-lfs\.github\.com/spec/v1\n"  # the only version there is
    r"(?:ext-[^\n]*\n)*"
    r"oid sha256:(?P<digest>[0-9a-f]{64})\n"
    r"size (?P<size>[0-9]+)\n"
)
LARGEST_POINTER = 1024
"""Characters: the specification asks for fewer."""
_BLOCK = 1 << 20


def is_pointer(path: Path) -> bool:
    """Whether a file holds a pointer instead of what it stands for."""
    try:
        if path.is_symlink() or path.stat().st_size > LARGEST_POINTER:
            return False
        return _POINTER.fullmatch(path.read_text("utf-8", "replace")) is not None
    except OSError:
        return False


def stands_for(pointer: str, path: Path) -> bool:
    """Whether a pointer stands for what is in a file; False for a text that is no pointer."""
    found = _POINTER.fullmatch(pointer)
    if found is None:
        return False
    digest = hashlib.sha256()
    try:
        if path.stat().st_size != int(found["size"]):
            return False
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == found["digest"]
