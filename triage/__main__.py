"""`python -m triage` and the `triage` script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from triage.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
