"""End what outlived the processes of triage that watched over it.

Every process that triage starts carries a mark in its environment, and so does whatever a test starts. Its
supervisor ends it; where the supervisor was killed the harness does, by the mark; where the harness was
killed with it, the next run of the suite.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MARKER = "TRIAGE_PROCESS"
"""Variable that holds the mark: pid of the harness, digest of the suite's root, name, chance."""
_MARKED = f"{MARKER}=".encode()
_DIGEST_LENGTH = 12


def new_mark(root: str, name: str) -> str:
    """A mark for the processes of one attempt in the suite at `root`."""
    return f"{os.getpid()}-{_digest(root)}-{name}-{os.urandom(6).hex()}"


def sweep_marked(mark: str) -> int:
    """Kill every process that carries the mark; return how many."""
    return _sweep(lambda found: found == mark)


def sweep_abandoned(root: str) -> int:
    """Kill what a harness that is gone has left of the suite at `root`; return how many processes.

    A harness whose pid is somebody else's by now is taken to live.
    """
    digest = _digest(root)

    def is_abandoned(mark: str) -> bool:
        import psutil

        pid, _, rest = mark.partition("-")
        return rest.startswith(f"{digest}-") and pid.isdecimal() and not psutil.pid_exists(int(pid))

    return _sweep(is_abandoned)


def _digest(root: str) -> str:
    return hashlib.sha256(os.path.realpath(root).encode("utf-8", "surrogateescape")).hexdigest()[
        :_DIGEST_LENGTH
    ]


def _sweep(is_meant: Callable[[str], bool]) -> int:
    pids = _marked_pids()
    if not pids:
        return 0
    import psutil

    killed = 0
    for pid in pids:
        try:
            process = psutil.Process(pid)
            mark = process.environ().get(MARKER)
            if mark is not None and is_meant(mark):
                process.kill()
                killed += 1
        except (psutil.Error, OSError):
            continue  # ended, or not ours to look at
    return killed


def _marked_pids() -> list[int]:
    """The processes that may carry a mark: on Linux those that do, elsewhere all.

    Nearly always there is none, and psutil, which takes longer to import than to use, is not needed.
    """
    processes = Path("/proc")
    if not (processes / "self" / "environ").exists():
        import psutil

        return psutil.pids()
    found = []
    for entry in os.scandir(processes):
        if not entry.name.isdecimal():
            continue
        with suppress(OSError), open(f"{entry.path}/environ", "rb") as environ:
            if _MARKED in environ.read():
                found.append(int(entry.name))
    return found
