"""Whether a command wants the kernel, and on how many threads; torch need not be loaded to say so."""

import os
from collections.abc import Mapping

from simulator.engine.native.library import Library
from simulator.engine.native.shared import shared
from simulator.engine.switch import MOST_THREADS, disabled


def processors(environ: Mapping[str, str]) -> int:
    """Number of threads: OMP_NUM_THREADS where it is one, else the processors that this process may use."""
    # The variable may hold a list, one number for each level of nesting.
    wanted = environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdigit() and 0 < int(wanted) <= MOST_THREADS:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def wanted_library(wanted: str, device: str, environ: Mapping[str, str]) -> Library | None:
    """Return the kernel, where the request allows it and a compiler built it; None: load torch instead."""
    if device != "cpu" or wanted not in ("auto", "kernel"):
        return None
    if wanted == "auto" and disabled(environ):
        return None
    library = shared()
    return None if isinstance(library, str) else library
