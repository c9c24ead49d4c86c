"""`python -m triage` and the `triage` script."""

from __future__ import annotations

import gc
import sys

_FEW_COLLECTIONS = (50_000, 20, 100)
"""A command reads records of many thousand values, which have no cycles and stay to its end: to look through
all of them again and again took a sixth of an import. What dies young is still collected."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.set_threshold(*_FEW_COLLECTIONS)
    from triage.cli.app import run
    from triage.cli.command_clock import count_from_process
    from triage.cli.streams import with_tolerant_streams

    count_from_process()
    sys.exit(with_tolerant_streams(lambda: run(sys.argv[1:])))


if __name__ == "__main__":
    main()
