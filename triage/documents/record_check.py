"""Check the record of a run against everything in its folder that tells the same story another time.

The event log is what the processes wrote while they ran; `results.json` must follow from it. Reports of
chunks, recorded commands, preflight and plan each name the tests again: one that was taken out of the record
is still in them.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.documents.recorded_events import PREFLIGHT, RecordedEvents, read_events
from triage.evidence.packed import read_record_bytes
from triage.model.failure import Failure
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult, keys_of

EVENTS = "events.jsonl"
RESULTS = "results.json"
_SHOWN = 3
"""Tests that are named in one problem; the others are counted."""


def check_record(folder: Path, record: RunRecord) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything that tells another story than the record."""
    if record.stamp != folder.name:
        yield RESULTS, f"is the record of {record.stamp}"
    if record.campaign != folder.parent.parent.name:
        yield RESULTS, f"is of campaign {record.campaign}"
    readers: Sequence[tuple[str, Callable[[Path, RunRecord], Iterator[str]]]] = (
        (EVENTS, _compare_events),
        ("plan.json", _compare_plan),
        ("preflight.json", _compare_preflight),
        ("failures.json", _compare_failures),
        ("commands.txt", _compare_commands),
    )
    for name, compare in readers:
        yield from _problems(folder / name, name, compare, record)
    for path in sorted(folder.glob("chunks/*/exit.json")):
        yield from _problems(path, f"chunks/{path.parent.name}/exit.json", _compare_exit, record)
    yield from _missing_chunks(folder, record)


def _problems(
    path: Path, name: str, compare: Callable[[Path, RunRecord], Iterator[str]], record: RunRecord
) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        return
    try:
        for problem in compare(path, record):
            yield name, problem
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:
        yield name, f"cannot be read: {type(error).__name__}: {error}"


def _compare_events(path: Path, record: RunRecord) -> Iterator[str]:
    """Each result is what its events give, and each test that ran has a result."""
    events = read_events(path.read_bytes())
    keys = keys_of([result.nodeid for result in record.results])
    in_record = dict(zip(keys, record.results, strict=True))
    for (chunk, key), outcome in events.outcomes.items():
        result = in_record.get(key)
        if result is None:
            yield f"{key[0]} ran in {chunk or 'the run'}, and {RESULTS} does not hold it"
        elif result.chunk in (chunk, None):
            yield from _compare_result(result, outcome, events.failures[chunk, key])
    for key, result in in_record.items():
        if result.outcome.ran and (result.chunk or "", key) not in events.outcomes:
            yield f"{key[0]} has no outcome here, and is {result.outcome} in {RESULTS}"
    yield from _vanished(_collected(events), in_record.values(), record)


def _compare_result(result: TestResult, outcome: str, failures: int) -> Iterator[str]:
    was_red = Outcome(outcome).is_red
    became_flaky = result.outcome.is_flaky and result.reruns is not None and was_red
    if result.outcome.value != outcome and not became_flaky:
        yield f"{result.nodeid} is {outcome} here, and {result.outcome} in {RESULTS}"
    elif len(result.failures) < failures or bool(result.failures) != bool(failures):
        # the members of an exception group are failures of their own in the record
        yield f"{result.nodeid} has {failures} failures here, and {len(result.failures)} in {RESULTS}"


def _collected(events: RecordedEvents) -> Counter[str]:
    return Counter(nodeid for nodeid, _ in events.collected.get(PREFLIGHT, ()))


def _vanished(collected: Counter[str], results: Any, record: RunRecord) -> Iterator[str]:
    """Tests that were collected, and are in no result; shards and runs of red tests have some of them."""
    if record.plan is None or record.plan.shard is not None:
        return
    if record.plan.failed is not None:
        wanted = set(record.plan.failed.nodeids)
        collected = Counter({nodeid: count for nodeid, count in collected.items() if nodeid in wanted})
    missing = collected - Counter(result.nodeid for result in results)
    if missing:
        yield f"{_named(sorted(missing))} collected, and {RESULTS} does not hold that"


def _compare_plan(path: Path, record: RunRecord) -> Iterator[str]:
    if record.plan is None:
        return
    written = {chunk["name"]: list(chunk["nodeids"]) for chunk in json.loads(path.read_bytes())["chunks"]}
    planned = {chunk.name: list(chunk.nodeids) for chunk in record.plan.chunks}
    for name in sorted(written.keys() | planned.keys()):
        if written.get(name) != planned.get(name):
            yield f"{name} is not the one that {RESULTS} holds"


def _compare_preflight(path: Path, record: RunRecord) -> Iterator[str]:
    git = json.loads(path.read_bytes()).get("git")
    if git is None:
        return
    if git.get("commit") != record.commit:
        yield f"it says commit {git.get('commit')}, and {RESULTS} says {record.commit}"
    if git.get("dirty") and not record.dirty:  # joined shards are dirty if any of them was
        yield f"it says that files were changed, and {RESULTS} does not"


def _compare_failures(path: Path, record: RunRecord) -> Iterator[str]:
    """Each row holds its failure whole."""
    rows = json.loads(read_record_bytes(path))["failures"]
    if len(rows) != len(record.failures):
        return  # the sums say so
    for row, failure in zip(rows, record.failures, strict=True):
        if not _same_failure(row, failure):
            yield f"a failure of {failure.nodeid} is not the one that {RESULTS} holds"


def _same_failure(row: Mapping[str, Any], failure: Failure) -> bool:
    """Read with the present model both ways: evidence of an older version lacks fields that are new."""
    own = {name: row[name] for name in Failure.model_fields if name in row}
    if "chain" not in own:
        return True  # a row that names the test alone
    derived = (row.get("exception"), row.get("message"))
    return Failure.model_validate(own) == failure and derived == (failure.exception, failure.message)


def _compare_commands(path: Path, record: RunRecord) -> Iterator[str]:
    lines = path.read_text(encoding="utf-8", errors="replace")
    for attempt in record.attempts:
        if attempt.command and attempt.command not in lines:
            yield f"the command of {attempt.chunk}, attempt {attempt.number}, is not in it"


def _compare_exit(path: Path, record: RunRecord) -> Iterator[str]:
    """The attempts of a chunk as its own file has them; each command names only tests of the record."""
    document = json.loads(path.read_bytes())
    attempts = [attempt for attempt in record.attempts if attempt.chunk == document["chunk"]]
    written = [(attempt["number"], attempt["command"], attempt["ended"]) for attempt in document["attempts"]]
    if written != [(attempt.number, attempt.command, attempt.ended) for attempt in attempts]:
        yield f"its attempts are not those that {RESULTS} holds"
    known = {result.nodeid for result in record.results}
    named = {word for _, command, _ in written for word in _tests_named(command)}
    if strangers := sorted(named - known):
        yield f"{_named(strangers)} named by its command, and {RESULTS} does not hold that"


def _tests_named(command: str) -> list[str]:
    """The node ids at the end of a recorded command; none where it cannot be taken apart."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    found = []
    for word in reversed(words):
        if "::" not in word:
            break
        found.append(word)
    return found


def _missing_chunks(folder: Path, record: RunRecord) -> Iterator[tuple[str, str]]:
    """Chunks that came to their end left a folder; a run whose evidence triage wrote has it still."""
    if record.plan is None or not (folder / EVENTS).is_file():
        return
    finished = {attempt.chunk for attempt in record.attempts if attempt.ended == "finished"}
    for chunk in record.plan.chunks:
        if chunk.name not in finished or not record.complete:
            continue
        for name in ("exit.json", "junit.xml", "report.json", "pytest.log"):
            if not (folder / "chunks" / chunk.name / name).is_file():
                yield f"chunks/{chunk.name}/{name}", "is missing"


def _named(nodeids: Sequence[str]) -> str:
    shown = ", ".join(nodeids[:_SHOWN])
    more = len(nodeids) - _SHOWN
    if more > 0:
        return f"{shown} and {more} more were"
    return f"{shown} was" if len(nodeids) == 1 else f"{shown} were"
