"""Run tests apart: behind some common tests each in a child process of its own, which nobody else sees.

Settings: `here`, ids of tests that run first, in this process (once; a second item of theirs runs apart);
`together`, how many neighbouring items share a child. Or `groups`, lists of ids: each group in a child of its
own, in its order; a test may be in several. A child costs a few milliseconds, where a process
that a fork server starts has a record, a supervisor and a working copy of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from triage.recorder import supervisor
from triage.recorder.items import NextItem
from triage.recorder.watchdog import SHARE

# bound at import: a test may replace them
_fork, _waitpid, _kill, _exit = os.fork, os.waitpid, os.kill, os._exit
_pipe, _read, _write, _close = os.pipe, os.read, os.write, os.close
_monotonic, _sleep = time.monotonic, time.sleep

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.01
"""Seconds between two looks at a child: most tests take a few milliseconds."""
_LOST_LINES = 10_000
"""More lines than a child that died has written: the record's numbers may have gaps, and never go back."""


def run_apart(recorder: Any, session: Any, settings: dict[str, Any]) -> bool:
    """Run the items of a session: those in front here, the others in children; the hook's answer."""
    items = recorder.items
    if "groups" in settings:
        numbers = {nodeid: number for number, nodeid in reversed(list(enumerate(recorder.ids)))}
        for group in settings["groups"]:
            _run_in_child(recorder, session, [numbers[each] for each in group if each in numbers])
        return True
    behind = _common(recorder.ids, set(settings.get("here", ())))
    for number, item in enumerate(items[:behind]):
        # fixtures that the children can share stay up behind the last one
        following = items[number + 1] if number + 1 < behind else NextItem(item)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldstop:
            return True
    together = settings.get("together", 1)
    for start in range(behind, len(items), together):
        _run_in_child(recorder, session, list(range(start, min(start + together, len(items)))))
    return True


def _common(ids: Sequence[str], here: set[str]) -> int:
    """How many items run in this process: those in front that are named, each once."""
    seen: set[str] = set()
    for number, nodeid in enumerate(ids):
        if nodeid not in here or nodeid in seen:
            return number
        seen.add(nodeid)
    return len(ids)


def _run_in_child(recorder: Any, session: Any, numbers: list[int]) -> None:
    if not numbers:
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    parent, (read_end, write_end) = os.getpid(), _pipe()
    child = _fork()
    if child == 0:
        supervisor.die_with_parent(parent)
        _close(read_end)
        _child(recorder, session, numbers, write_end)
    _close(write_end)
    seconds = recorder.settings.test_timeout
    limit = _monotonic() + seconds * len(numbers) * SHARE if seconds else None
    is_in_time = _wait(child, limit)
    said = _read(read_end, 4096)
    _close(read_end)
    done, recorder.writer.sequence = json.loads(said) if said else (0, recorder.writer.sequence + _LOST_LINES)
    if done < len(numbers):
        outcome = "crashed" if is_in_time else "timeout"
        recorder.writer.write(
            {"e": "finish", "i": numbers[done], "outcome": outcome, "stages": {}, "failures": []}
        )
    recorder.position = numbers[-1] + 1


def _child(recorder: Any, session: Any, numbers: list[int], report: int) -> None:
    """Run these items and end the process: nothing of the session is torn down but what they set up."""
    done = 0
    try:
        recorder.writer.adopt()
        items = [recorder.items[number] for number in numbers]
        with contextlib.suppress(Exception):
            # what the items in front have set up and this one does not share
            session._setupstate.teardown_exact(items[0])
        for number, item, following in zip(numbers, items, [*items[1:], None], strict=True):
            recorder.position = number
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            done += 1
    finally:
        _write(report, json.dumps([done, recorder.writer.sequence]).encode())
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        _exit(0)


def _wait(child: int, limit: float | None) -> bool:
    """Wait for a child; kill it at the limit. Whether it ended by itself."""
    pause = _FIRST_PAUSE
    while not _waitpid(child, os.WNOHANG)[0]:
        if limit is not None and _monotonic() > limit:
            _kill(child, signal.SIGKILL)
            _waitpid(child, 0)
            return False
        _sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return True
