"""`python -m triage` and the `triage` script."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn

_FEW_COLLECTIONS = (50_000, 20, 100)
"""A command reads records of many thousand values, which have no cycles and stay to its end: to look through
all of them again and again took a sixth of an import. What dies young is still collected."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(*_FEW_COLLECTIONS)
    # what is imported stays to the end; the group enables it again once the command is there
    gc.disable()
    from triage.cli.app import run
    from triage.cli.command_clock import count_from_process
    from triage.cli.streams import with_tolerant_streams

    count_from_process()
    _leave(with_tolerant_streams(lambda: run(sys.argv[1:])))


def _leave(code: int) -> NoReturn:
    """End the process; all that it holds goes with it.

    To take the modules apart one by one, as Python does, takes a tenth of a short command. What was
    registered for the end runs all the same; the streams have been flushed.
    """
    is_watched = sys.gettrace() is not None or sys.getprofile() is not None
    threading = sys.modules.get("threading")
    if is_watched or (threading is not None and threading.active_count() > 1):
        # a profiler reports behind the program; Python waits for threads
        sys.exit(code)
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    main()
