"""What processes wait for, as the kernel tells it, and their native stacks. No plugin of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from triage.instruments.base import out_folder

_KINDS = {
    "x86_64": {
        "read": (0,), "write": (1,), "an event": (7, 23, 232, 270, 271, 281), "time to pass": (35, 230),
        "a connection": (43, 288), "data of a connection": (45,), "a child": (61, 247), "a lock": (202,),
    },
    "aarch64": {
        "read": (63,), "write": (64,), "an event": (22, 72, 73), "time to pass": (101, 115),
        "a connection": (202, 242), "data of a connection": (207,), "a child": (95, 260), "a lock": (98,),
    },
}  # fmt: skip
"""Numbers of system calls that wait, by machine (Linux)."""
_CALLS = {number: kind for kind, own in _KINDS.get(platform.machine(), {}).items() for number in own}
_STREAMS = {0: "its standard input", 1: "its standard output", 2: "its standard error"}
_MOST = 50
_OURS: set[int] = set()


def waiting_in(process: int, thread: int) -> str:
    """In words, what a thread waits for in the kernel; empty where it runs or nothing can be told."""
    try:
        words = Path(f"/proc/{process}/task/{thread}/syscall").read_text().split()
        call = _CALLS.get(int(words[0])) if words and words[0].lstrip("-").isdigit() else None
        if call in ("read", "write"):
            stream = int(words[1], 16)
            what = os.readlink(f"/proc/{process}/fd/{stream}").partition(":")[0]
            verb, end = ("input from", "nothing comes") if call == "read" else ("room in", "nobody reads")
            return f"{verb} {_STREAMS.get(stream, f'descriptor {stream}')} (a {what}: {end})"
    except (OSError, ValueError, IndexError):
        return ""
    return call or ""


def children(process: int) -> list[dict[str, Any]]:
    """Descendants that still live (the debugger's apart), with command lines and what they wait for."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
        except (OSError, ValueError, IndexError):
            continue
    return [_described(pid) for pid in sorted(parents) if _descends(pid, process, parents)][:_MOST]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents and parents[pid] != pid and pid not in _OURS:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False


def _described(pid: int) -> dict[str, Any]:
    folder = Path(f"/proc/{pid}")
    try:
        command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
        state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        where = (folder / "wchan").read_text().strip("0\n")
    except (OSError, IndexError):
        return {"pid": pid, "command": "", "state": "gone", "for": "", "kernel": ""}
    return {
        "pid": pid, "command": command[:300], "state": state, "for": waiting_in(pid, pid), "kernel": where,
    }  # fmt: skip


_GDB = ("--batch", "--nx", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off")
_LATER = """
import json, subprocess, sys, time
name, seconds, parent, words = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
time.sleep(seconds)
try:
    gdb = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    for line in gdb.stdout:
        if line.startswith(("#", "Thread ", "Program ")):
            with open(name, "a") as out:
                out.write(json.dumps({"event": "native", "stacks": [line.rstrip()]}) + chr(10))
except OSError:
    pass
"""


def attach(name: str, *, seconds: float = 0.0, until_it_dies: bool = False) -> bool:
    """Let gdb look at this process, after some seconds or when it dies; stacks go to an instrument's file.

    False where gdb is not there. Where it may not look, nothing is written.
    """
    gdb, folder = shutil.which("gdb"), out_folder()
    if gdb is None or folder is None:
        return False
    _let_others_trace()
    dying = ("-ex", "handle SIGSEGV SIGBUS SIGFPE SIGILL SIGABRT stop nopass", "-ex", "continue")
    words = [gdb, *_GDB, "-p", str(os.getpid()), *(dying if until_it_dies else ()), "-ex", "backtrace 24"]
    words += ["-ex", "shell sleep 0.3", "-ex", "kill"] if until_it_dies else ["-ex", "detach"]
    target = os.path.join(folder, f"{name}.jsonl")
    watcher = subprocess.Popen(
        [sys.executable, "-S", "-c", _LATER, target, str(seconds), str(os.getpid()), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    _OURS.add(watcher.pid)
    return True


def traced(seconds: float) -> bool:
    """Whether a debugger holds this process, after at most so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            status = Path("/proc/self/status").read_text()
        except OSError:
            return False
        if "TracerPid:\t0\n" not in status:
            time.sleep(0.3)
            return True
        time.sleep(0.05)
    return False


def _let_others_trace() -> None:
    """Some systems let only ancestors trace; PR_SET_PTRACER with PR_SET_PTRACER_ANY lifts that."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
