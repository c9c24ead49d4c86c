"""Supervise one process tree: start it, wait for it, and prove that nothing of it is left.

The executor runs this file as a script, `python -I -S supervisor.py FD`; a child of a fork server calls its
functions. The supervisor adopts every orphan below it (a daemon that forked twice and called `setsid` too),
so "no child is left" is the kernel's word that the tree is gone, and no other process can be hit. When the
harness dies, its end of the socket closes and the supervisor kills the tree. When the supervisor dies, the
kernel kills the child.

The socket carries JSON lines. From the harness: a specification first, then `abort` (let the child dump its
stacks) or `kill`. To the harness: `started`, then `ended` with the wait status and how many processes were
swept.

Standard library only, and no import of triage: it runs before anything of triage is loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
import types
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
"""From <linux/prctl.h>."""
_SWEEP_SECONDS = 10.0
"""A process in uninterruptible sleep outlives SIGKILL: the supervisor does not wait for it for ever."""
_SWEEP_PAUSE_SECONDS = 0.002
_POLL_MS = 1000
_POLL_MS_WITHOUT_PIDFD = 10
"""Where the kernel cannot wake the supervisor at the end of the child, it has to look."""
EXIT_NOT_STARTED = 127
"""What a shell answers for a program that cannot be started."""


def _prctl(option: int, value: int) -> bool:
    try:
        # imported late: most interpreters have it, some are built without
        import ctypes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent ends; end at once where it has ended already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def limit(memory_bytes: int | None) -> None:
    """Forbid core files, and more address space than `memory_bytes`."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory_bytes is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def adopt_orphans() -> None:
    """Make descendants whose parent dies children of this process (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> list[int]:
    """Return every process below `pid`; empty where there is no /proc."""
    children_of: dict[int, list[int]] = {}
    for process, parent in _parents().items():
        children_of.setdefault(parent, []).append(process)
    found: list[int] = []
    todo = [pid]
    while todo:
        children = children_of.get(todo.pop(), [])
        found += children
        todo += children
    return found


def _parents() -> dict[int, int]:
    """The parent of every process of this machine."""
    parents = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            # a process may end while it is read
            with (
                contextlib.suppress(OSError, ValueError, IndexError),
                open(f"/proc/{name}/stat", "rb") as file,
            ):
                # `PID (COMMAND) STATE PARENT ...`: the command may hold blanks and parentheses
                fields = file.read().rpartition(b")")[2].split()
                parents[int(name)] = int(fields[1])
    return parents


def sweep(child: int | None) -> tuple[int, int | None]:
    """Kill everything below this process until the kernel says that no child is left.

    Returns how many processes were killed, and the wait status of `child` if it was among them.
    """
    killed: set[int] = set()
    status: int | None = None
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        targets = descendants(os.getpid())
        if not targets and child is not None and status is None:
            # no /proc: at least the child is known
            targets = [child]
        for pid in targets:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        try:
            while True:
                pid, raw = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == child:
                    status = raw
        except ChildProcessError:
            break
        time.sleep(_SWEEP_PAUSE_SECONDS)
    return len(killed), status


def supervise(control: socket.socket, child: int) -> None:
    """Wait for `child`, obey the harness, sweep, report."""
    started = time.monotonic()
    _send(control, {"started": child, "supervisor": os.getpid()})
    status = _wait(control, child)
    if status is None:
        swept, status = sweep(child)
        # the child itself is not counted among what it left behind
        swept = max(0, swept - 1)
        if status is None:
            status = signal.SIGKILL
    else:
        swept, _ = sweep(None)
    _send(control, {"ended": status, "swept": swept, "seconds": round(time.monotonic() - started, 6)})


def _send(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")


def _wait(control: socket.socket, child: int) -> int | None:
    """The wait status of the child, or None when the harness wants it dead (or is dead itself)."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    pidfd = _pidfd(child)
    if pidfd is not None:
        poller.register(pidfd, select.POLLIN)
    pause = _POLL_MS if pidfd is not None else _POLL_MS_WITHOUT_PIDFD
    while True:
        status = _reap(child)
        if status is not None:
            return status
        for fd, _ in poller.poll(pause):
            if fd != control.fileno():
                continue
            order = control.recv(4096)
            if b"abort" in order:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGABRT)
                    # a stopped process dumps nothing
                    os.kill(child, signal.SIGCONT)
            if b"kill" in order or not order:
                return None


def _pidfd(child: int) -> int | None:
    """A descriptor that is readable when the child has ended; None where the kernel has none."""
    try:
        return os.pidfd_open(child)
    except (AttributeError, OSError):
        return None


def _reap(child: int) -> int | None:
    """Collect every ended process below this one; the wait status of the child where it is among them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                return status
            if pid == 0:
                break
    return None


def fork(control: socket.socket, memory_bytes: int | None) -> int:
    """Fork a child in a session of its own that dies with this process; return 0 in the child.

    A test may signal its parent: from now on the supervisor blocks every signal that can be blocked.
    """
    parent = os.getpid()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    child = os.fork()
    if child:
        return child
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    control.close()
    os.setsid()
    die_with_parent(parent)
    limit(memory_bytes)
    return 0


def _execute(specification: dict[str, Any]) -> None:
    """Become the command of the specification."""
    argv, cwd = specification["argv"], specification["cwd"]
    try:
        os.chdir(cwd)
        os.execvpe(argv[0], argv, specification["env"])
    except OSError as error:
        _end_unstarted(argv, cwd, error)


def take_on(specification: dict[str, Any]) -> None:
    """Take on folder, environment and arguments of a command, in a fork that goes on as that command.

    That is `python -m MODULE ...` or `python -c CODE ...`.
    """
    argv, cwd = specification["argv"], specification["cwd"]
    try:
        os.chdir(cwd)
    except OSError as error:
        _end_unstarted(argv, cwd, error)
    os.environ.clear()
    os.environ.update(specification["env"])
    sys.argv = [argv[1], *argv[3:]]
    sys.orig_argv = argv
    sys.modules["__main__"] = types.ModuleType("__main__")


def _end_unstarted(argv: list[str], cwd: str, error: OSError) -> None:
    os.write(2, f"cannot start {argv[0]} in {cwd}: {error.strerror}\n".encode())
    os._exit(EXIT_NOT_STARTED)


def read_specification(control: socket.socket) -> dict[str, Any]:
    """Read what to run; end where the harness died before it could say."""
    data = b""
    while not data.endswith(b"\n"):
        block = control.recv(65536)
        if not block:
            os._exit(0)
        data += block
    specification: dict[str, Any] = json.loads(data)
    return specification


def main() -> None:
    """Start and supervise the one command that the socket names."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    specification = read_specification(control)
    adopt_orphans()
    inherited = [int(fd) for fd in specification.get("pass_fds", [])]
    for fd in inherited:
        os.set_inheritable(fd, True)
    child = fork(control, specification.get("memory_bytes"))
    if child == 0:
        _execute(specification)
    for fd in inherited:
        os.close(fd)
    supervise(control, child)
    os._exit(0)


if __name__ == "__main__":
    main()
