"""The one library of a process: built or cached, checked once per build; or the reason why there is none."""

import contextlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from simulator.simulator.native.library import Library, load


def checked(environ: Mapping[str, str]) -> Library | str:
    """A library that agrees with its twin. That it did is noted beside it, so that no later process asks."""
    library = load(environ)
    if isinstance(library, str):
        return library
    note = Path(library.path).with_suffix(".checked")
    if note.exists():
        return library
    # The twin is torch, which a process that finds the note never loads.
    from simulator.simulator.native.verify import complaint

    wrong = complaint(library)
    if wrong is not None:
        return wrong
    # A cache that cannot be written to is checked again next time.
    with contextlib.suppress(OSError):
        note.write_text(library.how + "\n", encoding="utf-8")
    return library


@lru_cache(maxsize=1)
def shared() -> Library | str:
    """`checked` once per process."""
    return checked(os.environ)
