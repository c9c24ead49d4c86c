"""The supervisor of one process tree: starts it, waits for it, and proves that nothing of it is left.

Run as a script by the executor, `python -I -S supervisor.py FD`, or as a function in a child of a warm
parent. It adopts every orphan below it (a daemon that forked twice and called `setsid` too), so "no
child is left" is the kernel's word that the tree is gone, and nothing outside it can be hit.
When the harness dies, its end of the socket closes and the supervisor takes the tree down. When the
supervisor dies, the kernel kills the child.

The socket carries JSON lines. Down: a specification first, then `abort` (let the child dump its
stacks) or `kill`. Up: `started`, then `ended` with the wait status and how many processes were swept.
Standard library only, and no import of triage: it runs before anything of it is loaded.
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
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SWEEP_SECONDS = 10.0


def _prctl(option: int, value: int) -> bool:
    try:
        import ctypes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def die_with_parent(parent: int) -> None:
    """The kernel kills this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(137)


def limit(memory_bytes: int | None) -> None:
    """No core files; at most so much address space."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory_bytes is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def adopt_orphans() -> None:
    """Descendants whose parent dies become children of this process (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, from /proc; empty where there is none."""
    below: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with (
                    contextlib.suppress(OSError, ValueError, IndexError),
                    open(f"/proc/{name}/stat", "rb") as file,
                ):
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                    below.setdefault(parent, []).append(int(name))
    found, todo = [], [pid]
    while todo:
        children = below.get(todo.pop(), [])
        found += children
        todo += children
    return found


def sweep(child: int | None) -> tuple[int, int | None]:
    """Kill everything below this process until the kernel says that no child is left.

    Returns how many processes were killed, and the wait status of `child` if it was among them.
    """
    killed: set[int] = set()
    status: int | None = None
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        targets = descendants(os.getpid()) or ([child] if child is not None and status is None else [])
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
        time.sleep(0.002)
    return len(killed), status


def keep(control: socket.socket, child: int) -> None:
    """Wait for `child`, obey the harness, sweep, report."""
    started = time.monotonic()
    _say(control, {"started": child, "supervisor": os.getpid()})
    status = _wait(control, child)
    swept, killed_status = sweep(child if status is None else None)
    if status is None:
        status = killed_status if killed_status is not None else signal.SIGKILL
        swept = max(0, swept - 1)
    _say(control, {"ended": status, "swept": swept, "seconds": round(time.monotonic() - started, 6)})


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")


def _wait(control: socket.socket, child: int) -> int | None:
    """The wait status of the child, or None when the harness wants it dead (or is dead itself)."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    pidfd = _pidfd(child)
    if pidfd is not None:
        poller.register(pidfd, select.POLLIN)
    pause = 1000 if pidfd is not None else 10
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
                    os.kill(child, signal.SIGCONT)  # the stopped dump nothing
            if b"kill" in order or not order:
                return None


def _pidfd(child: int) -> int | None:
    try:
        return os.pidfd_open(child)
    except (AttributeError, OSError):
        return None


def _reap(child: int) -> int | None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                return status
            if pid == 0:
                break
    return None


def fork(control: socket.socket, memory_bytes: int | None) -> int:
    """A child in its own session that dies with this process; 0 in the child, like `os.fork`.

    A test may signal its parent: from now on the supervisor takes none but those that nobody can refuse.
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


def _execute(spec: dict[str, Any]) -> None:
    try:
        os.chdir(spec["cwd"])
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
    except OSError as error:
        os.write(2, f"cannot start {spec['argv'][0]} in {spec['cwd']}: {error.strerror}\n".encode())
        os._exit(127)


def _read_specification(control: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        block = control.recv(65536)
        if not block:
            os._exit(0)
        data += block
    specification: dict[str, Any] = json.loads(data)
    return specification


def main() -> None:
    """Keep one command."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    spec = _read_specification(control)
    adopt_orphans()
    keep_open = [int(fd) for fd in spec.get("pass_fds", [])]
    for fd in keep_open:
        os.set_inheritable(fd, True)
    child = fork(control, spec.get("memory_bytes"))
    if child == 0:
        _execute(spec)
    for fd in keep_open:
        os.close(fd)
    keep(control, child)
    os._exit(0)


if __name__ == "__main__":
    main()
