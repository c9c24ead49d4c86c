"""Read the outcomes of tests from an event log, as the recorder and its parent wrote them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from triage.model.outcome import Outcome
from triage.model.run import Key, keys_of

PREFLIGHT = "preflight"
"""The name under which a run's log has the process that only collected."""


@dataclass
class RecordedEvents:
    """What a log says; of a test that ran again after its process vanished, the last word."""

    outcomes: dict[tuple[str, Key], str] = field(default_factory=dict)
    """(chunk, test) to its outcome; the chunk is empty where the log is of one selection."""
    failures: dict[tuple[str, Key], int] = field(default_factory=dict)
    """(chunk, test) to the number of its failures."""
    collected: dict[str, list[Key]] = field(default_factory=lambda: defaultdict(list))
    """Chunk to the tests that its last process collected."""

    def by_nodeid(self, chunk: str) -> dict[str, str]:
        """Outcomes of one chunk's tests; those whose id occurs more than once are left out."""
        pairs = [(key[0], outcome) for (name, key), outcome in self.outcomes.items() if name == chunk]
        times = Counter(nodeid for nodeid, _ in pairs)
        return {nodeid: outcome for nodeid, outcome in pairs if times[nodeid] == 1}


def read_events(data: bytes) -> RecordedEvents:
    """Read a whole log.

    Raises ValueError, KeyError, TypeError or IndexError for an event that no recorder wrote; a line that a
    killed process left torn is left out.
    """
    found = RecordedEvents()
    before_teardown: dict[str, dict[Key, str]] = defaultdict(dict)
    for event in _parsed(data):
        chunk = event.get("chunk") or ""
        match event["e"]:
            case "collected":
                found.collected[chunk] = _numbered(event)
                before_teardown[chunk] = {}  # another process begins
            case "ran" | "finish" as kind:
                key = found.collected[chunk][event["i"]]
                outcome = event.get("outcome", Outcome.PASSED.value)
                if kind == "ran":
                    before_teardown[chunk][key] = outcome
                else:
                    _hold_together(before_teardown[chunk].pop(key, outcome), outcome)
                found.outcomes[chunk, key] = outcome
                found.failures[chunk, key] = len(event.get("failures", ()))
            case "collect_skip":
                # every process collects; the result of a file that is skipped as a whole is of no chunk
                key = (event["nodeid"], 0)
                found.outcomes["", key], found.failures["", key] = Outcome.SKIPPED.value, 0
            case "result":  # the process died in it, or vanished
                nodeid, nth = event["key"]
                found.outcomes[chunk, (nodeid, nth)] = event["result"]["outcome"]
                found.failures[chunk, (nodeid, nth)] = len(event["result"].get("failures", ()))
    return found


def _hold_together(before_teardown: str, finished: str) -> None:
    """Raise ValueError where a test ended with another outcome than it had: a teardown only adds errors."""
    if finished not in (before_teardown, Outcome.ERROR.value):
        raise ValueError(f"a test that was {before_teardown} before its teardown cannot end as {finished}")


def _parsed(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        yield event


def _numbered(event: Mapping[str, Any]) -> list[Key]:
    numbers = event.get("nth")
    return list(zip(event["ids"], numbers, strict=True)) if numbers else keys_of(event["ids"])
