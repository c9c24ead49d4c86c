"""Read from the event log of a run in several processes which worker ran a test, and what ran at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.model.outcome import Outcome


@dataclass(frozen=True)
class ParallelTests:
    """Where tests ran, and beside which others; empty for a run in one process."""

    worker_of: dict[str, str] = field(default_factory=dict)
    at_once: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each red test those that other workers ran at the same time, by the order of events."""


def parallel_tests(folder: Path) -> ParallelTests:
    """What the log of a selection tells; `folder` keeps its events."""
    ids: list[str] = []
    running: dict[str, None] = {}
    beside: dict[str, set[str]] = defaultdict(set)
    worker_of: dict[str, str] = {}
    red: dict[str, None] = {}
    for event in _events(folder / "events.jsonl"):
        kind = event.get("e")
        if kind == "collected":
            ids = event["ids"]
        elif kind == "start":
            name = ids[event["i"]]
            for other in running:
                beside[name].add(other)
                beside[other].add(name)
            running[name] = None
        elif kind == "finish":
            name = ids[event["i"]]
            running.pop(name, None)
            worker_of[name] = event.get("worker", "")
            if Outcome(event["outcome"]).is_red:
                red[name] = None
    order = {name: number for number, name in enumerate(dict.fromkeys(ids))}
    at_once = {name: tuple(sorted(beside[name] - {name}, key=order.__getitem__)) for name in red}
    return ParallelTests(worker_of, at_once)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        yield json.loads(line)
