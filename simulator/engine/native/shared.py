"""Share one library in a process: built or cached, and checked once per build."""

import contextlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from simulator.engine.native.library import Library, load


def checked(environ: Mapping[str, str]) -> Library | str:
    """Load a library that agrees with the plain path; a text says why there is none.

    A file beside the library records that it agreed, so that no later process checks again.
    """
    library = load(environ)
    if isinstance(library, str):
        return library
    note = Path(library.path).with_suffix(".checked")
    if note.exists():
        return library
    # The check loads torch, which takes seconds: only the first process on a machine pays for it.
    from simulator.engine.native.verify import complaint

    wrong = complaint(library)
    if wrong is not None:
        return wrong
    # Where the cache cannot be written to, the next process checks again.
    with contextlib.suppress(OSError):
        note.write_text(library.how + "\n", encoding="utf-8")
    return library


@lru_cache(maxsize=1)
def shared() -> Library | str:
    """Return `checked` of this process's environment, computed once."""
    return checked(os.environ)
