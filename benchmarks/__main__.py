"""`python -m benchmarks NAME... [ARGUMENT...]`: run the named benchmarks; without a name, list them.

What follows the names goes to the last of them: `python -m benchmarks zoo deadlock --jobs 2`. Some take hours
and a whole machine, so that `all` of them run only where somebody says so.
"""

from __future__ import annotations

import sys
from importlib import import_module
from inspect import signature
from itertools import takewhile
from pathlib import Path
from types import ModuleType

_ALL = "all"
_FILES = {"secrets": "redaction"}
"""Benchmarks called as a module of the standard library: a file of that name would hide it from scripts."""


def main(names: list[str]) -> int:
    """Run benchmarks one after the other; each is a module here with a `main`."""
    known = names_of_benchmarks()
    if not names:
        print(f"python -m benchmarks NAME...: {', '.join(known)}; {_ALL} runs every one", file=sys.stderr)
        return 2
    if names == [_ALL]:
        names = known
    chosen = list(takewhile(known.__contains__, names))
    arguments = names[len(chosen) :]
    if arguments and (not chosen or not _takes_arguments(chosen[-1])):
        print(f"no benchmark {arguments[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    status = 0
    for name in chosen:
        print(f"\n== {name}", flush=True)
        told = [arguments if name in chosen[-1:] else []] if _takes_arguments(name) else []
        status = max(status, _module(name).main(*told) or 0)
    return status


def _takes_arguments(name: str) -> bool:
    return bool(signature(_module(name).main).parameters)


def names_of_benchmarks() -> list[str]:
    """Return the names by which benchmarks are called: that of the file, but for a few."""
    names = []
    named = {file: name for name, file in _FILES.items()}
    for path in Path(__file__).parent.glob("[!_]*.py"):
        if "def main(" in path.read_text(encoding="utf-8"):
            names.append(named.get(path.stem, path.stem))
    return sorted(names)


def _module(name: str) -> ModuleType:
    return import_module(f"benchmarks.{_FILES.get(name, name)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
