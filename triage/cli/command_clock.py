"""When a command began: budgets count from there, as whoever waits for the command does."""

from __future__ import annotations

import os
import time

_begins_with_process = False
"""Whether the next command is the one that this process was started for."""


def count_from_process() -> None:
    """Let the next command have begun with this process: the interpreter's start and its imports count."""
    global _begins_with_process  # noqa: PLW0603 - a process has one start
    _begins_with_process = True


def command_began() -> float:
    """The moment of `time.monotonic` at which a command that is opened now began."""
    global _begins_with_process  # noqa: PLW0603
    now = time.monotonic()
    if not _begins_with_process:
        return now
    _begins_with_process = False
    return now - _process_age()


def _process_age() -> float:
    """Seconds since the kernel started this process; 0 where it does not say."""
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            # the name in brackets may hold spaces; the start is the 22nd field, counted from the name's end
            started_ticks = int(file.read().rpartition(")")[2].split()[19])
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
    return max(0.0, uptime - started_ticks / os.sysconf("SC_CLK_TCK"))
