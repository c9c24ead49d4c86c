"""Fork server in the process under test: it has imported and collected the suite, and forks for each chunk.

A child is an exact copy of the state after collection: nothing that an earlier chunk did is in it. A copy
must not do twice what the server registered once: finalizers and exit handlers from before the fork are
removed in the child; those that the child's own tests register run.

A suite that holds, at the time of the fork, what two processes cannot share (threads, sockets, child
processes, hooks that tear down what was set up once) is unfit; the server says why and serves nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import logging
import os
import socket
import stat
import sys
import tempfile
import threading
import weakref
from typing import Any

from triage.recorder import supervisor
from triage.recorder.settings import Settings, settings_from

_PAIRED_HOOKS = (("pytest_sessionstart", "pytest_sessionfinish"), ("pytest_configure", "pytest_unconfigure"))
_IMPORTED_AT_THE_END = {"_hypothesis_pytestplugin": "hypothesis.internal.observability"}
"""Plugins that import a library at the end of each session, and which: once is enough, before the forks."""
_ORDER_BYTES = 4096
"""An order is a path, and PATH_MAX is 4096."""
_COPIED_BYTES = 1 << 20
"""At a time, of a temporary file."""


def serve(recorder: Any, session: Any) -> None:
    """Fork a child for each order of the harness; returns in the child, never in the server."""
    recorder.stop_watchdog()
    control = socket.socket(fileno=recorder.settings.control)
    control.set_inheritable(False)
    for plugin, library in _IMPORTED_AT_THE_END.items():
        if plugin in sys.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(library)
    recorder.prepare_forks(session)
    reasons = unfit(session, control.fileno())
    control.sendall(json.dumps({"ready": True, "unfit": reasons}).encode() + b"\n")
    settings = _take_settings(fork_on_order(control, "settings"))
    _detach_from_server(session)
    recorder.begin_chunk(settings, session)


def fork_on_order(control: socket.socket, name: str) -> str:
    """Fork for each order of the harness, which is a JSON object; returns its entry `name` in the fork.

    The process ends when the harness closes its end.
    """
    _flush()
    # the collector of a child leaves frozen objects alone, so that their pages stay shared
    gc.collect()
    gc.freeze()
    log = os.fstat(1)
    while True:
        data, fds, _, _ = socket.recv_fds(control, _ORDER_BYTES, 2)
        if not data:
            os._exit(0)
        order = json.loads(data)
        if _fork_supervised(control, fds, (log.st_dev, log.st_ino), order.get("memory_bytes")):
            return str(order[name])
        for fd in fds:
            os.close(fd)
        _reap_supervisors()


def _reap_supervisors() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _take_settings(path: str) -> Settings:
    with open(path, encoding="utf-8") as file:
        settings = settings_from(json.load(file))
    os.unlink(path)
    return settings


def _fork_supervised(
    control: socket.socket, fds: list[int], log: tuple[int, int], memory_bytes: int | None
) -> bool:
    """Fork a supervisor, which forks the process under test. True in the latter, False in the server."""
    server = os.getpid()
    if os.fork():
        return False
    os.setsid()
    supervisor.die_with_parent(server)
    supervisor.adopt_orphans()
    control.close()
    log_fd, order_fd = fds
    _redirect(log_fd, log)
    orders = socket.socket(fileno=order_fd)
    child = supervisor.fork(orders, memory_bytes)
    if child:
        supervisor.supervise(orders, child)
        os._exit(0)
    _copy_nameless_files()
    return True


def _redirect(target: int, log: tuple[int, int]) -> None:
    """Let every descriptor that leads to the server's log lead to the chunk's."""
    for fd in _descriptors():
        with contextlib.suppress(OSError):
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) == log:
                inheritable = os.get_inheritable(fd)
                os.dup2(target, fd, inheritable)
    os.close(target)


def _copy_nameless_files() -> None:
    """Give this process its own copy of each temporary file without a name that the server has open.

    Forks share such a file and the position in it. pytest captures output in two of them: of chunks that run
    at the same time, each would read and truncate what the other prints.
    """
    copies: dict[tuple[int, int], int] = {}
    for fd in _descriptors():
        with contextlib.suppress(OSError):
            status = os.fstat(fd)
            if not _is_nameless_file(fd, status):
                continue
            file = (status.st_dev, status.st_ino)
            if file not in copies:
                copies[file] = _copy_of(fd, status.st_size)
            os.dup2(copies[file], fd, os.get_inheritable(fd))
    for copy in copies.values():
        os.close(copy)


def _is_nameless_file(fd: int, status: os.stat_result) -> bool:
    """Whether nobody else can open it. Named memory is for sharing: whoever made it wants it shared."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink:
        return False
    with contextlib.suppress(OSError):
        return not os.readlink(f"/proc/self/fd/{fd}").startswith(("/memfd:", "/dev/shm/"))
    return True


def _copy_of(fd: int, size: int) -> int:
    """Open a copy of a file, at the same position and with the same flags."""
    position = os.lseek(fd, 0, os.SEEK_CUR)
    with tempfile.TemporaryFile(buffering=0) as file:
        copy = os.dup(file.fileno())
    while (done := os.lseek(copy, 0, os.SEEK_CUR)) < size:
        block = os.pread(fd, _COPIED_BYTES, done)
        if not block:
            break
        os.write(copy, block)
    os.lseek(copy, position, os.SEEK_SET)
    fcntl.fcntl(copy, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL))
    return copy


def _descriptors() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc/self/fd")]
    return [1, 2]


def _detach_from_server(session: Any) -> None:
    """Remove what the server registered for its own end; let the child end without destructors."""
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.detach()
    atexit._clear()
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    # handlers run last in, first out: this one is the last
    atexit.register(_exit, session)
    atexit.register(logging.shutdown)
    if util := sys.modules.get("multiprocessing.util"):
        util._finalizer_registry.clear()
        atexit.register(util._exit_function)


def _exit(session: Any) -> None:
    """End at once, after what tests registered has run: objects of the server are not ours to destroy."""
    _flush()
    os._exit(int(session.exitstatus) & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def unfit(session: Any, control_fd: int) -> list[str]:
    """Return why children of this process would not be independent of it and of each other."""
    return unfit_process(control_fd) + _paired_hooks(session.config)


def unfit_process(control_fd: int) -> list[str]:
    """Return what this process holds that it could not share with children: threads, sockets, processes."""
    reasons = [f"a thread runs after collection: {thread.name}" for thread in threading.enumerate()[1:]]
    if not reasons and _threads_after_fork() > 1:
        reasons.append("a library started threads during collection")
    reasons += _shared_descriptors(control_fd)
    if supervisor.descendants(os.getpid()):
        reasons.append("a process was started during collection")
    return reasons


def _threads_after_fork() -> int:
    """How many threads are left once libraries that know of forks have stopped theirs for one."""
    with contextlib.suppress(OSError):
        if len(os.listdir("/proc/self/task")) == 1:
            # most suites: a fork would only cost both processes a fault on every page that they write next
            return 1
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return len(os.listdir("/proc/self/task"))
    return 1


def _shared_descriptors(control_fd: int) -> list[str]:
    """The first reason among the open descriptors, if any."""
    for fd in _descriptors():
        # the descriptor of the listing itself is closed by now
        with contextlib.suppress(OSError):
            kind = os.readlink(f"/proc/self/fd/{fd}") if os.path.exists("/proc/self/fd") else ""
            if fd != control_fd and stat.S_ISSOCK(os.fstat(fd).st_mode):
                return ["a socket was opened during collection"]
            if "eventpoll" in kind or "io_uring" in kind:
                return ["an event loop was started during collection"]
    return []


def _paired_hooks(config: Any) -> list[str]:
    """Plugins of the suite that set up once and tear down at the end: each child would tear down for all."""
    root = str(config.rootpath) + os.sep
    for start, end in _PAIRED_HOOKS:
        with_end = {id(implementation.plugin) for implementation in getattr(config.hook, end).get_hookimpls()}
        for implementation in getattr(config.hook, start).get_hookimpls():
            file = getattr(implementation.plugin, "__file__", None) or ""
            is_of_suite = file.startswith(root) and "site-packages" not in file
            if is_of_suite and id(implementation.plugin) in with_end:
                return [f"{os.path.relpath(file, root)} pairs {start} with {end}"]
    return []
