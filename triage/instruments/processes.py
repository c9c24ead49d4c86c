"""Tell what processes wait for, by what the kernel knows, and let a debugger write their native stacks."""

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
"""Numbers of system calls that wait, by machine (Linux: asm/unistd.h)."""
_CALLS: dict[int, str] = {}
for _kind, _numbers in _KINDS.get(platform.machine(), {}).items():
    _CALLS.update(dict.fromkeys(_numbers, _kind))
_STREAMS = {0: "its standard input", 1: "its standard output", 2: "its standard error"}
_MAX_CHILDREN = 50
_PR_SET_PTRACER, _PR_SET_PTRACER_ANY = 0x59616D61, -1
"""From <linux/prctl.h>."""
_DEBUGGERS: set[int] = set()
"""Processes that we started: they are no children of the test."""


def waiting_in(process: int, thread: int) -> str:
    """Return in words what a thread waits for in the kernel; empty where it runs or nothing is known."""
    try:
        # the number of the call and its arguments in hexadecimal, or `running`
        words = Path(f"/proc/{process}/task/{thread}/syscall").read_text().split()
        call = _CALLS.get(int(words[0]), "")
        if call in ("read", "write"):
            return _stream_wait(process, int(words[1], 16), is_read=call == "read")
    except (OSError, ValueError, IndexError):
        return ""
    return call


def _stream_wait(process: int, descriptor: int, *, is_read: bool) -> str:
    """What a thread waits for at a descriptor; raises OSError where that is closed."""
    kind = os.readlink(f"/proc/{process}/fd/{descriptor}").partition(":")[0]
    name = _STREAMS.get(descriptor, f"descriptor {descriptor}")
    if is_read:
        return f"input from {name} (a {kind}: nothing comes)"
    return f"room in {name} (a {kind}: nobody reads)"


def children(process: int) -> list[dict[str, Any]]:
    """Return the living descendants of a process, our debuggers apart, and what they wait for."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
        except (OSError, ValueError, IndexError):
            continue
    return [_described(pid) for pid in sorted(parents) if _descends(pid, process, parents)][:_MAX_CHILDREN]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents and parents[pid] != pid and pid not in _DEBUGGERS:
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
_STACK_FRAMES = 24
_WATCHER = """
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
    """Let gdb write the native stacks of this process after some seconds, or when it dies.

    They go to the file of the instrument `name`. Returns False where gdb is not installed. Where gdb may
    not attach, nothing is written.
    """
    gdb, folder = shutil.which("gdb"), out_folder()
    if gdb is None or folder is None:
        return False
    _let_others_trace()
    words = [gdb, *_GDB, "-p", str(os.getpid())]
    if until_it_dies:
        words += ["-ex", "handle SIGSEGV SIGBUS SIGFPE SIGILL SIGABRT stop nopass", "-ex", "continue"]
    words += ["-ex", f"backtrace {_STACK_FRAMES}"]
    if until_it_dies:
        # the pause lets the stacks be written before the process is gone
        words += ["-ex", "shell sleep 0.3", "-ex", "kill"]
    else:
        words += ["-ex", "detach"]
    target = os.path.join(folder, f"{name}.jsonl")
    watcher = subprocess.Popen(
        [sys.executable, "-S", "-c", _WATCHER, target, str(seconds), str(os.getpid()), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    _DEBUGGERS.add(watcher.pid)
    return True


def traced(seconds: float) -> bool:
    """Wait for a debugger to attach, at most so long; return whether one has."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            status = Path("/proc/self/status").read_text()
        except OSError:
            return False
        if "TracerPid:\t0\n" not in status:
            # it has attached, and reads symbols before it goes on
            time.sleep(0.3)
            return True
        time.sleep(0.05)
    return False


def _let_others_trace() -> None:
    """Allow any process of this user to trace this one: some systems allow it only to ancestors."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_PR_SET_PTRACER_ANY), 0, 0, 0)
