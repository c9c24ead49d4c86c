"""Make results and failures of tests out of recorded events and of how processes ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triage.model.exception_group import members_apart
from triage.model.failure import CRASHED, TIMED_OUT, Captured, Failure, Frame, Origin, Raised, origin_of
from triage.model.outcome import Outcome, Phase
from triage.model.run import Key, TestResult
from triage.process.api import ProcessOutcome
from triage.run.attempt import AttemptEnd, StackDump
from triage.run.record_reader import RecordReader

_RELATIONS = ("raised", "cause", "context", "member")
_PHASES = ("setup", "call", "teardown")
_TRACE_CHARS = 16_000
"""Of the stacks or the end of the log in a failure: enough for a deep stack, and still a page to scroll."""


@dataclass(frozen=True)
class Traces:
    """What a dead process left for whoever wants to know where it was."""

    dump: StackDump | None = None
    log_tail: str = ""

    @property
    def text(self) -> str:
        """The stacks, else the end of the log."""
        return self.dump.text if self.dump else self.log_tail


NO_TRACES = Traces()


class Origins:
    """Says where code belongs: to the product, to its tests, to a library."""

    def __init__(self, root: str) -> None:
        """`root` is the suite's; what lies beneath it is the author's."""
        self.root = os.path.realpath(root)
        self.roots = tuple(dict.fromkeys((os.path.abspath(root), self.root)))
        """The root under each name that a text may quote: as it was given, and behind symbolic links."""
        self._relative_paths: dict[str, str] = {}
        """Resolving a path asks the file system, and each frame of each failure has one."""

    def relative(self, path: str) -> str:
        """Posix and relative beneath the root, absolute elsewhere."""
        known = self._relative_paths.get(path)
        if known is None:
            known = self._relative_paths[path] = self._resolve(path)
        return known

    def _resolve(self, path: str) -> str:
        if path.startswith("<"):  # no file: `<string>`, `<frozen importlib>`
            return path
        real = os.path.realpath(os.path.join(self.root, path))
        if real.startswith(self.root + os.sep):
            return os.path.relpath(real, self.root).replace(os.sep, "/")
        return path.replace(os.sep, "/")

    def of(self, path: str) -> Origin:
        """Whose code the file is."""
        return origin_of(self.relative(path), self.root)

    def frame(self, frame: Frame) -> Frame:
        """The frame with its path and origin as documents have them."""
        return frame.model_copy(update={"path": self.relative(frame.path), "origin": self.of(frame.path)})


def result_of_event(
    key: Key, event: Mapping[str, Any], chunk: str | None, attempt: int, origins: Origins
) -> TestResult:
    """The result of a test that came to its end, from its `ran` or `finish` event."""
    durations = event.get("d")
    if durations is not None:  # the short form: everything passed
        return TestResult(
            nodeid=key[0],
            outcome=Outcome.PASSED,
            chunk=chunk,
            attempt=attempt,
            duration=round(max(0.0, sum(durations)), 6),
        )
    stages = event.get("stages", {})
    duration = sum(stages[phase]["duration"] for phase in _PHASES if phase in stages)
    notes = [event[name] for name in ("note", "reason") if event.get(name)]
    if event.get("reruns"):
        notes.append(f"run {event['reruns'] + 1} times by pytest-rerunfailures")
    return TestResult(
        nodeid=key[0],
        outcome=Outcome(event["outcome"]),
        chunk=chunk,
        attempt=attempt,
        duration=round(max(0.0, duration), 6),
        failures=tuple(
            failure
            for data in event.get("failures", ())
            for failure in members_apart(failure_of(key[0], data, origins))
        ),
        note="; ".join(notes) or None,
    )


def result_of_culprit(
    end: AttemptEnd,
    reader: RecordReader,
    process: ProcessOutcome,
    *,
    chunk: str | None,
    attempt: int,
    traces: Traces,
    origins: Origins,
) -> TestResult | None:
    """The result of the test that ended its process; None where no test did."""
    if end.culprit is None or end.outcome is None:
        return None
    nodeid = end.culprit[0]
    earlier = failures_before_teardown(nodeid, reader, origins)
    if reader.cut is not None:
        failure = _failure_of_cut(nodeid, reader.cut, origins)
    else:
        kind = TIMED_OUT if end.outcome is Outcome.TIMEOUT else CRASHED
        phase = Phase.TEARDOWN if earlier else None
        failure = failure_of_death(nodeid, kind, end.note or "", traces=traces, origins=origins, phase=phase)
    # a signal that the executor sent says nothing about the test
    killed = end.outcome is Outcome.TIMEOUT or process.ended != "finished"
    return TestResult(
        nodeid=nodeid,
        outcome=end.outcome,
        chunk=chunk,
        attempt=attempt,
        failures=(*earlier, failure),
        signal=None if killed else process.signal,
        exit_code=None if killed else process.exit_code,
        note=end.note,
    )


def failures_before_teardown(nodeid: str, reader: RecordReader, origins: Origins) -> tuple[Failure, ...]:
    """What had failed of the running test when its teardown ended the process."""
    if reader.failing is None:
        return ()
    return tuple(
        failure
        for data in reader.failing["failures"]
        for failure in members_apart(failure_of(nodeid, data, origins))
    )


def result_not_run(key: Key, chunk: str | None, why: str) -> TestResult:
    """The result of a planned test that has no outcome."""
    return TestResult(nodeid=key[0], outcome=Outcome.NOT_RUN, chunk=chunk, note=why)


def collect_errors(reader: RecordReader, origins: Origins) -> list[TestResult]:
    """Files and folders that did not collect, as results."""
    found = []
    for event in reader.collect_errors:
        failures = members_apart(failure_of(event["nodeid"], event["failure"], origins))
        found.append(TestResult(nodeid=event["nodeid"], outcome=Outcome.ERROR, failures=failures))
    return found


def collect_skips(reader: RecordReader) -> list[TestResult]:
    """Files and classes that were skipped as a whole, as results: pytest counts each as one skip."""
    return [
        TestResult(nodeid=event["nodeid"], outcome=Outcome.SKIPPED, note=event["reason"] or None)
        for event in reader.collect_skips
    ]


def failure_of(nodeid: str, data: Mapping[str, Any], origins: Origins) -> Failure:
    """One failure as the recorder wrote it."""
    return Failure(
        nodeid=nodeid,
        phase=Phase(data["phase"]),
        chain=_chain(data, origins),
        longrepr=data.get("longrepr", ""),
        captured=Captured(
            stdout=data.get("stdout", ""), stderr=data.get("stderr", ""), log=data.get("log", "")
        ),
        subtest=data.get("subtest"),
        roots=origins.roots,
    )


def failure_of_death(
    nodeid: str,
    kind: str,
    message: str,
    *,
    traces: Traces = NO_TRACES,
    origins: Origins,
    phase: Phase | None = None,
) -> Failure:
    """The failure of a test whose process died (`CRASHED`) or was killed (`TIMED_OUT`).

    Without a `phase` the stacks tell in which one that was.
    """
    dump = traces.dump
    frames = tuple(origins.frame(frame) for frame in dump.own_frames) if dump else ()
    text = f"{kind}: {message}\n\n{traces.text}"
    return Failure(
        nodeid=nodeid,
        phase=phase or (dump.phase if dump else Phase.CALL),
        chain=(Raised(type=kind, message=message, frames=frames),),
        longrepr=text[:_TRACE_CHARS].rstrip(),
        roots=origins.roots,
    )


def _failure_of_cut(nodeid: str, cut: Mapping[str, Any], origins: Origins) -> Failure:
    """The failure of a test that ended the session: `pytest.exit`, an interrupt, a plugin that raised."""
    text = str(cut.get("what", ""))
    return Failure(
        nodeid=nodeid, phase=Phase.CALL, chain=_chain(cut, origins), longrepr=text, roots=origins.roots
    )


def _chain(data: Mapping[str, Any], origins: Origins) -> tuple[Raised, ...]:
    return tuple(_raised(entry, origins) for entry in data.get("chain", ()))


def _raised(data: Mapping[str, Any], origins: Origins) -> Raised:
    relation = data.get("relation", "raised")
    return Raised(
        type=data.get("type", ""),
        message=data.get("message", ""),
        relation=relation if relation in _RELATIONS else "raised",
        frames=tuple(origins.frame(Frame(**frame)) for frame in data.get("frames", ())),
        notes=tuple(data.get("notes", ())),
        members=int(data.get("members", 0)),
    )
