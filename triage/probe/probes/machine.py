"""`locale`, `network` and `resource`: what the machine around the test gives or refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps
from triage.probe.treatment import Treatment, message_of, own_frames, places, settle, uses, with_instrument

_UNICODE = re.compile(
    r"Unicode(De|En)codeError|codec can't|surrogate|locale\.Error|unsupported locale", re.IGNORECASE
)
_LOCALES = ("C.UTF-8", "en_US.UTF-8", "C", "de_DE.UTF-8")
_OFFLINE = re.compile(
    r"ConnectionError|ConnectionRefused|ConnectionReset|gaierror|URLError|Name or service not known|"
    r"Temporary failure in name resolution|Network is unreachable|No route to host|Max retries exceeded|"
    r"ConnectError|HTTPError"
)
_SHORT = re.compile(
    r"Too many open files|Errno 24|No space left|Errno 28|Cannot allocate memory|Errno 12|MemoryError|"
    r"RecursionError|Address already in use|Errno 98|can't start new thread|File too large|Errno 27|"
    r"Resource temporarily unavailable|"
    r"maximum recursion depth|setrlimit|AF_UNIX path too long|File name too long|Permission denied",
    re.IGNORECASE,
)

_MODES = re.compile(r"st_mode|\bumask\b|filemode|\bS_I[RWXF]")


class Locale:
    """Encodings, decimal commas, collation."""

    name = "locale"

    def likelihood(self, case: Case) -> float:
        """High for encoding errors; some where the test asks the locale."""
        if _UNICODE.search(message_of(case)):
            return 0.9
        if case.flaky:
            return 0.0
        if uses(case, "locale"):
            return 0.5
        told = any(name.startswith("LC_") or name == "LANG" for name in case.env)
        return (0.15 if told else 0.03) if uses(case, "file", "text") else 0.1 if told else 0.0

    def investigate(self, case: Case) -> Steps:
        """Other locales, and UTF-8 mode on and off."""
        treatments = [_variable(case, "LC_ALL", name) for name in _LOCALES if case.env.get("LC_ALL") != name]
        treatments += [_variable(case, "PYTHONUTF8", value) for value in ("1", "0")]
        found = yield from settle(self.name, case, treatments, "in another locale")
        if found is not None:
            return found
        if _UNICODE.search(message_of(case)):
            frames = tuple(f"{path}:{line}" for path, line in own_frames(case)[:1])
            summary = f"it needs a locale or an encoding that is not here: {case.failure.message[:150]}"
            cause = RootCause(kind="locale", summary=summary, culprits=frames, confidence="likely")
            return Finding(cause=cause, facts={"tried": treatments})
        return Finding(excluded="no other locale or encoding helps", facts={"tried": treatments})


class Network:
    """Connections that nobody answers."""

    name = "network"

    def likelihood(self, case: Case) -> float:
        """High for failed connections, none where the test opens none."""
        if _OFFLINE.search(message_of(case)):
            return 0.92
        return 0.4 if uses(case, "network") else 0.0

    def investigate(self, case: Case) -> Steps:
        """A network that answers; else, where the failure itself says so, the address is named."""
        baseline, treated = with_instrument(case.base, "network", {"answers": True})
        met = [line for line in uses(case, "network") if line.get("address")]
        wanted = [line for line in met if line.get("name") != "socket.bind"]
        address = str(wanted[0].get("address", "")) if wanted else "the network"
        culprits = tuple(dict.fromkeys(str(line.get("address", "")) for line in wanted))[:2] + places(wanted)
        treatment = Treatment(
            factor=Factor(kind="network", name=address, from_="refused", to="answered"),
            kind="network",
            baseline=baseline,
            treated=treated,
            prediction=f"Where {address} answers, the test passes: it needs the network.",
            summary=f"the test needs {address} to answer, and here nothing does",
            culprits=culprits,
        )
        found = yield from settle(self.name, case, [treatment], "with a network that answers")
        if found is not None:
            return found
        if _OFFLINE.search(message_of(case)):
            summary = f"the test needs {address}, which cannot be reached here; a stand-in was not enough"
            cause = RootCause(kind="network", summary=summary, culprits=culprits, confidence="likely")
            return Finding(cause=cause, facts={"tried": [treatment]})
        return Finding(excluded="a network that answers does not help", facts={"tried": [treatment]})


class Resource:
    """Limits of the process, ports, temporary space."""

    name = "resource"

    def likelihood(self, case: Case) -> float:
        """High where the system refused something."""
        text = message_of(case)
        if _SHORT.search(text) and "Permission denied" not in text:
            return 0.9
        if case.flaky:
            return 0.0
        if uses(case, "limits", "umask") or _SHORT.search(text) or _asks_modes(case):
            return 0.4
        return 0.2 if uses(case, "cores", "disk", "network", "temporary") else 0.0

    def investigate(self, case: Case) -> Steps:
        """More of each thing that may be short."""
        treatments = [*_masks(case), *_more(case)]
        found = yield from settle(self.name, case, treatments, "with more of it")
        if found is not None:
            return found
        match = _SHORT.search(message_of(case))
        if match and "denied" not in match[0]:
            frames = tuple(f"{path}:{line}" for path, line in own_frames(case)[:1])
            cause = RootCause(
                kind="resource",
                summary=f"the system refuses: {match[0]}",
                culprits=frames,
                confidence="likely",
            )
            return Finding(cause=cause, facts={"tried": treatments})
        return Finding(
            excluded="no higher limit, free port or other temporary folder helps", facts={"tried": treatments}
        )


def _variable(case: Case, name: str, value: str) -> Treatment:
    before = case.env.get(name)
    shown = "unset" if before is None else repr(before)
    return Treatment(
        factor=Factor(kind="env", name=name, from_=before, to=value),
        kind="locale",
        baseline=case.base,
        treated=case.base.plus(env={name: value}),
        prediction=f"With {name}={value} the test passes: it assumes a locale or an encoding.",
        summary=f"the test passes with {name}={value} and fails with {name} {shown}",
        culprits=(name, *places(uses(case, "locale"))),
    )


def _asks_modes(case: Case) -> bool:
    """Whether the lines that the failure went through, or their files, ask for permissions of files."""
    files = {case.nodeid.partition("::")[0], *(path for path, _ in own_frames(case))}
    return any(_MODES.search(case.source(path) or "") for path in files)


def _masks(case: Case) -> Iterator[Treatment]:
    for mask in (0o022, 0o002, 0o077) if uses(case, "umask") or _asks_modes(case) else ():
        baseline, treated = with_instrument(case.base, "machine", {"umask": mask})
        yield Treatment(
            factor=Factor(kind="resource", name="umask", from_="as here", to=f"{mask:03o}"),
            kind="resource",
            baseline=baseline,
            treated=treated,
            prediction=f"With the umask {mask:03o} the test passes: it assumes what new files permit.",
            summary=f"with the umask {mask:03o} the test passes: it depends on what new files permit",
            culprits=("umask", *(f"{path}:{line}" for path, line in own_frames(case)[:2])),
        )


def _more(case: Case) -> Iterator[Treatment]:
    told: tuple[tuple[str, str, dict[str, Any], str], ...] = (
        (
            "limits",
            "open files",
            {"nofile": "hard", "frozen": True},
            "the limit of open files raised and kept",
        ),
        ("limits", "memory", {"memory": "unlimited", "frozen": True}, "the memory limit lifted and kept"),
        ("limits", "recursion depth", {"recursion": 20000, "frozen": True}, "a deeper recursion limit"),
        ("limits", "file size", {"filesize": "hard", "frozen": True}, "the limit of file sizes lifted"),
        ("limits", "processes", {"processes": "hard", "frozen": True}, "the limit of processes lifted"),
        ("ports", "port", {"free": True}, "a free port in place of a taken one"),
        ("machine", "cores", {"cores": 1}, "one core reported"),
        ("machine", "cores", {"cores": 16}, "sixteen cores reported"),
        ("machine", "disk", {"free": 2**40}, "a terabyte free on the disk"),
    )
    frames = tuple(f"{path}:{line}" for path, line in own_frames(case)[:2])
    for instrument, name, settings, words in told:
        baseline, treated = with_instrument(case.base, instrument, settings)
        yield Treatment(
            factor=Factor(kind="resource", name=name, from_="as here", to=words),
            kind="resource",
            baseline=baseline,
            treated=treated,
            prediction=f"With {words} the test passes: there is too little of it, or another number, here.",
            summary=f"with {words} the test passes: it depends on this resource of the machine",
            culprits=(name, *frames),
        )
    for folder in ("/tmp", "/dev/shm"):
        yield Treatment(
            factor=Factor(kind="env", name="TMPDIR", from_=None, to=folder),
            kind="resource",
            baseline=case.base,
            treated=case.base.plus(env={"TMPDIR": folder}),
            prediction=f"With temporary files in {folder} the test passes.",
            summary=f"the test depends on the folder of temporary files: it passes with {folder}",
            culprits=("TMPDIR", *frames),
        )
