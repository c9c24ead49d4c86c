"""Make failures out of what the recorder wrote, and of how a process ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from triage.model.exception_group import members_apart
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.run.attempt import StackDump
from triage.run.origins import Origins
from triage.run.record_reader import RecordReader

_RELATIONS = ("raised", "cause", "context", "member")
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


def failures_of(nodeid: str, recorded: Iterable[Mapping[str, Any]], origins: Origins) -> tuple[Failure, ...]:
    """Failures as the recorder wrote them, those of an exception group apart."""
    found: list[Failure] = []
    for data in recorded:
        found.extend(members_apart(failure_of(nodeid, data, origins)))
    return tuple(found)


def failures_before_teardown(nodeid: str, reader: RecordReader, origins: Origins) -> tuple[Failure, ...]:
    """What had failed of the running test when its teardown ended the process."""
    if reader.failing is None:
        return ()
    return failures_of(nodeid, reader.failing["failures"], origins)


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


def failure_of_cut(nodeid: str, cut: Mapping[str, Any], origins: Origins) -> Failure:
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
