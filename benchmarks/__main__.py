"""`python -m benchmarks [NAME...]`: run all benchmarks, or the named ones."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main(names: list[str]) -> int:
    """Run benchmarks one after the other; each is a module here with a `main`."""
    files = Path(__file__).parent.glob("[!_]*.py")
    known = sorted(path.stem for path in files if "def main(" in path.read_text(encoding="utf-8"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"\n== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
