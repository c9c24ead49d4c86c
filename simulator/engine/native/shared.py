"""Share one library in a process: brought by the package, cached or built, and checked."""

import os
from collections.abc import Mapping
from functools import lru_cache

from simulator.engine.native.library import Library, load
from simulator.engine.native.verify import complaint


def checked(environ: Mapping[str, str]) -> Library | str:
    """Load a library that agrees with the plain path; a text says why there is none."""
    library = load(environ)
    if isinstance(library, str):
        return library
    # In every process, because it takes a millisecond: a library may be damaged after it was built.
    return complaint(library) or library


@lru_cache(maxsize=1)
def shared() -> Library | str:
    """Return `checked` of this process's environment, computed once."""
    return checked(os.environ)
