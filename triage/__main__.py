"""`python -m triage` and the `triage` script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from triage.cli.app import run
    from triage.cli.streams import with_tolerant_streams

    sys.exit(with_tolerant_streams(lambda: run(sys.argv[1:])))


if __name__ == "__main__":
    main()
