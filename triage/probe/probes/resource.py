"""Test whether a resource is short or refused: limits of the process, ports, cores, disk, file modes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triage.model.experiment import Factor, RootCause
from triage.model.nodeid import file_of
from triage.probe.api import Case, Finding, Steps
from triage.probe.symptoms import message_of, own_frames, own_places, uses
from triage.probe.treatment import Treatment, settle, with_instrument
from triage.text.pattern import pattern

_SHORTAGE = pattern(
    r"""
    Too [ ] many [ ] open [ ] files | Errno [ ] 24
    | No [ ] space [ ] left | Errno [ ] 28
    | Cannot [ ] allocate [ ] memory | Errno [ ] 12 | MemoryError
    | RecursionError | maximum [ ] recursion [ ] depth
    | Address [ ] already [ ] in [ ] use | Errno [ ] 98
    | can't [ ] start [ ] new [ ] thread | Resource [ ] temporarily [ ] unavailable
    | File [ ] too [ ] large | Errno [ ] 27 | setrlimit
    | AF_UNIX [ ] path [ ] too [ ] long | File [ ] name [ ] too [ ] long
    """,
    matches=["OSError: [Errno 24] Too many open files", "MemoryError", "recursionerror: maximum"],
    rejects=["PermissionError: [Errno 13] Permission denied", "Errno 2", "assert 24 == 28"],
    flags=re.IGNORECASE,
)
"""What the system says where it has too little of something."""
_PERMISSION = re.compile("Permission denied", re.IGNORECASE)
"""A refusal that no higher limit lifts: a cause only where an experiment shows it."""
_ASKS_MODES = pattern(
    r"st_mode | \bumask\b | filemode | \bS_I[RWXF]",
    matches=["path.stat().st_mode & 0o777", "os.umask(0o022)", "stat.S_IRUSR"],
    rejects=["filename", "mode = 'r'"],
)
_MASKS = (0o022, 0o002, 0o077)
"""The usual one, the one of shared groups, and the strictest."""


def names_a_shortage(case: Case) -> bool:
    """Whether the failure says that something ran out, and nothing of permissions."""
    text = message_of(case)
    return _SHORTAGE.search(text) is not None and _PERMISSION.search(text) is None


def asks_for_limits_or_modes(case: Case) -> bool:
    """Whether a steady failure has to do with limits, the umask or file modes."""
    if case.flaky:
        return False
    text = message_of(case)
    refused = _SHORTAGE.search(text) is not None or _PERMISSION.search(text) is not None
    return refused or bool(uses(case, "limits", "umask")) or _asks_modes(case)


def asks_for_the_machine(case: Case) -> bool:
    """Whether a steady failure's test asks for cores, disk, sockets or temporary files."""
    return not case.flaky and bool(uses(case, "cores", "disk", "network", "temporary"))


def _asks_modes(case: Case) -> bool:
    """Whether the files that the failure went through ask for permissions of files."""
    files = {file_of(case.nodeid), *(path for path, _ in own_frames(case))}
    return any(_ASKS_MODES.search(case.source(path) or "") for path in files)


class Resource:
    """Give more of each thing that may be short."""

    name = "resource"

    def investigate(self, case: Case) -> Steps:
        """Try umasks and larger limits; where none helps, a shortage that the failure names is likely."""
        treatments = [*_umasks(case), *_larger_limits(case), *_temporary_folders(case)]
        found = yield from settle(self.name, case, treatments, "with more of it")
        if found is not None:
            return found
        shortage = _first_named_shortage(case)
        if shortage is not None:
            cause = RootCause(
                kind="resource",
                summary=f"the system refuses: {shortage}",
                culprits=own_places(case, 1),
                confidence="likely",
            )
            return Finding(cause=cause, facts={"tried": treatments})
        return Finding(
            excluded="no higher limit, free port or other temporary folder helps", facts={"tried": treatments}
        )


def _first_named_shortage(case: Case) -> str | None:
    """What ran out in the system's words; None where a permission is refused first."""
    text = message_of(case)
    shortage, permission = _SHORTAGE.search(text), _PERMISSION.search(text)
    if shortage is None:
        return None
    if permission is not None and permission.start() < shortage.start():
        return None
    return shortage[0]


def _umasks(case: Case) -> Iterator[Treatment]:
    if not (uses(case, "umask") or _asks_modes(case)):
        return
    for mask in _MASKS:
        baseline, treated = with_instrument(case.base, "machine", {"umask": mask})
        yield Treatment(
            factor=Factor(kind="resource", name="umask", from_="as here", to=f"{mask:03o}"),
            kind="resource",
            baseline=baseline,
            treated=treated,
            prediction=f"With the umask {mask:03o} the test passes: it assumes what new files permit.",
            summary=f"with the umask {mask:03o} the test passes: it depends on what new files permit",
            culprits=("umask", *own_places(case, 2)),
        )


@dataclass(frozen=True)
class _Limit:
    """One thing that may be short, and the instrument's settings that give more of it."""

    instrument: str
    name: str
    settings: dict[str, Any]
    description: str


# "frozen" keeps the test itself from lowering the limit again.
_LIMITS = (
    _Limit(
        "limits",
        "open files",
        {"nofile": "hard", "frozen": True},
        "the limit of open files raised and kept",
    ),
    _Limit("limits", "memory", {"memory": "unlimited", "frozen": True}, "the memory limit lifted and kept"),
    _Limit("limits", "recursion depth", {"recursion": 20000, "frozen": True}, "a deeper recursion limit"),
    _Limit("limits", "file size", {"filesize": "hard", "frozen": True}, "the limit of file sizes lifted"),
    _Limit("limits", "processes", {"processes": "hard", "frozen": True}, "the limit of processes lifted"),
    _Limit("ports", "port", {"free": True}, "a free port in place of a taken one"),
    _Limit("machine", "cores", {"cores": 1}, "one core reported"),
    _Limit("machine", "cores", {"cores": 16}, "sixteen cores reported"),
    _Limit("machine", "disk", {"free": 2**40}, "a terabyte free on the disk"),
)


def _larger_limits(case: Case) -> Iterator[Treatment]:
    for limit in _LIMITS:
        baseline, treated = with_instrument(case.base, limit.instrument, limit.settings)
        yield Treatment(
            factor=Factor(kind="resource", name=limit.name, from_="as here", to=limit.description),
            kind="resource",
            baseline=baseline,
            treated=treated,
            prediction=(
                f"With {limit.description} the test passes: there is too little of it, or another number, "
                "here."
            ),
            summary=f"with {limit.description} the test passes: it depends on this resource of the machine",
            culprits=(limit.name, *own_places(case, 2)),
        )


def _temporary_folders(case: Case) -> Iterator[Treatment]:
    for folder in ("/tmp", "/dev/shm"):
        yield Treatment(
            factor=Factor(kind="env", name="TMPDIR", from_=None, to=folder),
            kind="resource",
            baseline=case.base,
            treated=case.base.plus(env={"TMPDIR": folder}),
            prediction=f"With temporary files in {folder} the test passes.",
            summary=f"the test depends on the folder of temporary files: it passes with {folder}",
            culprits=("TMPDIR", *own_places(case, 2)),
        )
