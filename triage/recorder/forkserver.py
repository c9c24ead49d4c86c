"""a fork server: it has imported and collected the suite, and forks a child for each chunk.

The child is an exact copy of the state after collection: nothing that an earlier chunk did is in it.
What a copy must not do is say goodbye twice for what the parent made: finalizers and exit handlers
that were registered before the fork are taken off in the child; those that its own tests register run.

A suite that holds at fork time what two processes cannot share (threads, sockets, child processes,
hooks that tear down what was set up once) is not fit; the parent says why and serves nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import logging
import os
import socket
import stat
import sys
import threading
import weakref
from typing import Any

from triage.recorder import supervisor
from triage.recorder.settings import Settings, settings_from

_PAIRED_HOOKS = (("pytest_sessionstart", "pytest_sessionfinish"), ("pytest_configure", "pytest_unconfigure"))


def serve(recorder: Any, session: Any) -> None:
    """Fork a child for each order; returns in the child, never in the parent."""
    recorder.stop_watchdog()
    control = socket.socket(fileno=recorder.settings.control)
    control.set_inheritable(False)
    reasons = unfit(session, control.fileno())
    control.sendall(json.dumps({"ready": True, "unfit": reasons}).encode() + b"\n")
    _flush()
    gc.collect()
    gc.freeze()
    log = os.fstat(1)
    while True:
        data, fds, _, _ = socket.recv_fds(control, 4096, 2)
        if not data:
            os._exit(0)
        if _fork_supervisor(control, fds, (log.st_dev, log.st_ino)):
            settings = _settings(json.loads(data)["settings"])
            _part_from_parent(session)
            recorder.begin_chunk(settings, session)
            return
        for fd in fds:
            os.close(fd)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _settings(path: str) -> Settings:
    with open(path, encoding="utf-8") as file:
        settings = settings_from(json.load(file))
    os.unlink(path)
    return settings


def _fork_supervisor(control: socket.socket, fds: list[int], log: tuple[int, int]) -> bool:
    """True in the process that is to run the chunk, below a supervisor of its own; False in the parent."""
    parent = os.getpid()
    if os.fork():
        return False
    os.setsid()
    supervisor.die_with_parent(parent)
    supervisor.adopt_orphans()
    control.close()
    log_fd, order_fd = fds
    _redirect(log_fd, log)
    orders = socket.socket(fileno=order_fd)
    child = supervisor.fork(orders, None)
    if child:
        supervisor.keep(orders, child)
        os._exit(0)
    return True


def _redirect(target: int, log: tuple[int, int]) -> None:
    """Every descriptor that leads to the parent's log leads to the chunk's from now on."""
    for fd in _descriptors():
        with contextlib.suppress(OSError):
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == log:
                inheritable = os.get_inheritable(fd)
                os.dup2(target, fd, inheritable)
    os.close(target)


def _descriptors() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/fd")]
    return [1, 2]


def _part_from_parent(session: Any) -> None:
    """Take off what the parent registered to happen at its own end; end without its destructors."""
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.detach()
    atexit._clear()
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    atexit.register(_leave, session)
    atexit.register(logging.shutdown)
    if util := sys.modules.get("multiprocessing.util"):
        util._finalizer_registry.clear()
        atexit.register(util._exit_function)


def _leave(session: Any) -> None:
    """The last exit handler: what tests registered has run; objects of the parent are not ours to destroy."""
    _flush()
    os._exit(int(session.exitstatus) & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def unfit(session: Any, control_fd: int) -> list[str]:
    """Why children of this process would not be independent of it and of each other; empty when they are."""
    reasons = [f"a thread runs after collection: {thread.name}" for thread in threading.enumerate()[1:]]
    if not reasons and _threads_after_fork() > 1:
        reasons.append("a library started threads during collection")
    reasons += _shared_descriptors(control_fd)
    if _children():
        reasons.append("a process was started during collection")
    return reasons + _paired_hooks(session.config)


def _threads_after_fork() -> int:
    """Threads that are left when libraries that know of forks have stopped theirs."""
    with contextlib.suppress(OSError):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return len(os.listdir("/proc/self/task"))
    return 1


def _shared_descriptors(control_fd: int) -> list[str]:
    reasons = []
    for fd in _descriptors():
        with contextlib.suppress(OSError):
            kind = os.readlink(f"/proc/self/fd/{fd}") if os.path.exists("/proc/self/fd") else ""
            if fd != control_fd and stat.S_ISSOCK(os.fstat(fd).st_mode):
                reasons.append("a socket was opened during collection")
            elif "eventpoll" in kind or "io_uring" in kind:
                reasons.append("an event loop was started during collection")
    return reasons[:1]


def _children() -> bool:
    return bool(supervisor.descendants(os.getpid()))


def _paired_hooks(config: Any) -> list[str]:
    """Local plugins that set up once and tear down at the end: each child would tear down for all."""
    root = str(config.rootpath) + os.sep
    for start, end in _PAIRED_HOOKS:
        ends = {id(impl.plugin) for impl in getattr(config.hook, end).get_hookimpls()}
        for impl in getattr(config.hook, start).get_hookimpls():
            file = getattr(impl.plugin, "__file__", None) or ""
            if id(impl.plugin) in ends and file.startswith(root) and "site-packages" not in file:
                return [f"{os.path.relpath(file, root)} pairs {start} with {end}"]
    return []
