"""Results of tests, from finished events and from verdicts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import Key, TestResult
from triage.process.api import ProcessOutcome
from triage.run.attempt import Dump, Verdict, as_frames
from triage.run.record_reader import Seen

_LIBRARIES = ("site-packages", "dist-packages")
_RELATIONS = ("raised", "cause", "context", "member")
_TAIL_CHARS = 4000


class Origins:
    """Says where code belongs: to the product, to its tests, to a library."""

    def __init__(self, root: str) -> None:
        """`root` is the suite's; what lies beneath it is the author's."""
        self._root = os.path.realpath(root)
        self._known: dict[str, str] = {}

    def relative(self, path: str) -> str:
        """Posix and relative beneath the root, absolute elsewhere."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._relative(path)
        return known

    def _relative(self, path: str) -> str:
        if path.startswith("<"):
            return path
        real = os.path.realpath(os.path.join(self._root, path))
        if real.startswith(self._root + os.sep):
            return os.path.relpath(real, self._root).replace(os.sep, "/")
        return path.replace(os.sep, "/")

    def of(self, path: str) -> Literal["product", "test", "library", "unknown"]:
        """Whose code the file is."""
        if path.startswith("<"):
            return "unknown"
        place = self.relative(path)
        parts = place.split("/")
        if place.startswith("/") or any(name in parts for name in _LIBRARIES):
            return "library"
        name = parts[-1]
        named = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
        return "test" if named or "tests" in parts[:-1] or "test" in parts[:-1] else "product"

    def frame(self, frame: Frame) -> Frame:
        """The frame with its path and origin as documents have them."""
        return frame.model_copy(update={"path": self.relative(frame.path), "origin": self.of(frame.path)})


def failure_of(nodeid: str, data: Mapping[str, Any], origins: Origins) -> Failure:
    """One failure of the record."""
    return Failure(
        nodeid=nodeid,
        phase=Phase(data["phase"]),
        chain=tuple(_raised(entry, origins) for entry in data.get("chain", ())),
        longrepr=data.get("longrepr", ""),
        captured=Captured(
            stdout=data.get("stdout", ""), stderr=data.get("stderr", ""), log=data.get("log", "")
        ),
        subtest=data.get("subtest"),
    )


def _raised(data: Mapping[str, Any], origins: Origins) -> Raised:
    relation = data.get("relation", "raised")
    return Raised(
        type=data.get("type", ""),
        message=data.get("message", ""),
        relation=relation if relation in _RELATIONS else "raised",
        frames=tuple(origins.frame(Frame(**frame)) for frame in data.get("frames", ())),
        notes=tuple(data.get("notes", ())),
    )


def death(
    nodeid: str,
    kind: str,
    message: str,
    *,
    dump: Dump | None,
    log_tail: str,
    origins: Origins,
    phase: Phase | None = None,
) -> Failure:
    """The failure of a test whose process died or was killed: `kind` is `Crashed` or `Timeout`."""
    frames = tuple(origins.frame(frame) for frame in as_frames(dump)) if dump else ()
    text = f"{kind}: {message}\n\n{dump.text if dump else log_tail}"
    return Failure(
        nodeid=nodeid,
        phase=phase or (dump.phase if dump else Phase.CALL),
        chain=(Raised(type=kind, message=message, frames=frames),),
        longrepr=text[: 4 * _TAIL_CHARS].rstrip(),
    )


def cut_failure(nodeid: str, cut: Mapping[str, Any], origins: Origins) -> Failure:
    """The failure of a test that ended the session: `pytest.exit`, an interrupt, a plugin that raised."""
    chain = tuple(_raised(entry, origins) for entry in cut.get("chain", ()))
    return Failure(nodeid=nodeid, phase=Phase.CALL, chain=chain, longrepr=str(cut.get("what", "")))


_PHASES = ("setup", "call", "teardown")


def finished(
    key: Key, event: Mapping[str, Any], chunk: str | None, attempt: int, origins: Origins
) -> TestResult:
    """The result of a test that came to its end."""
    times = event.get("d")
    if times is not None:
        return TestResult(
            nodeid=key[0], outcome=Outcome.PASSED, chunk=chunk, attempt=attempt, duration=round(sum(times), 6)
        )
    stages = event.get("stages", {})
    duration = sum(stages[phase]["duration"] for phase in _PHASES if phase in stages)
    notes = [event["note"]] if event.get("note") else []
    if event.get("reason"):
        notes.append(event["reason"])
    if event.get("reruns"):
        notes.append(f"run {event['reruns'] + 1} times by pytest-rerunfailures")
    return TestResult(
        nodeid=key[0],
        outcome=Outcome(event["outcome"]),
        chunk=chunk,
        attempt=attempt,
        duration=round(duration, 6),
        failures=tuple(failure_of(key[0], data, origins) for data in event.get("failures", ())),
        note="; ".join(notes) or None,
    )


def blamed(
    verdict: Verdict, seen: Seen, process: ProcessOutcome, *, chunk: str | None, attempt: int,
    dump: Dump | None, log_tail: str, origins: Origins,
) -> TestResult | None:  # fmt: skip
    """The result of the culprit, where there is one."""
    if verdict.culprit is None or verdict.outcome is None:
        return None
    nodeid = verdict.culprit[0]
    if seen.cut is not None:
        failure = cut_failure(nodeid, seen.cut, origins)
    else:
        kind = "Timeout" if verdict.outcome is Outcome.TIMEOUT else "Crashed"
        failure = death(nodeid, kind, verdict.note or "", dump=dump, log_tail=log_tail, origins=origins)
    killed = verdict.outcome is Outcome.TIMEOUT or process.ended != "finished"  # by us: no sign of the test's
    return TestResult(
        nodeid=nodeid,
        outcome=verdict.outcome,
        chunk=chunk,
        attempt=attempt,
        failures=(failure,),
        signal=None if killed else process.signal,
        exit_code=None if killed else process.exit_code,
        note=verdict.note,
    )


def never(key: Key, chunk: str | None, note: str) -> TestResult:
    """A planned test that has no outcome, and why."""
    return TestResult(nodeid=key[0], outcome=Outcome.NOT_RUN, chunk=chunk, note=note)


def collect_errors(seen: Seen, origins: Origins) -> list[TestResult]:
    """Files and folders that did not collect."""
    found = []
    for event in seen.collect_errors:
        failure = failure_of(event["nodeid"], event["failure"], origins)
        found.append(TestResult(nodeid=event["nodeid"], outcome=Outcome.ERROR, failures=(failure,)))
    return found
