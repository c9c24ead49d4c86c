"""Start and order a fork server: one process that has collected the suite and forks for each chunk."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from triage.process.api import ProcessOutcome, ProcessRequest, Sink
from triage.process.supervised import Supervised, watch

_FORK_SECONDS = 60.0
"""To fork a process that holds gigabytes takes seconds on a busy machine."""
_POLL_SECONDS = 0.02


class LocalForkServer:
    """A fork server that `LocalExecutor.start_fork_server` started; several threads may call `fork`."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        supervised: Supervised,
        control: socket.socket,
        *,
        watching: tuple[ProcessRequest, Sink, Callable[[], bool]],
        sweep: Callable[[], int],
    ) -> None:
        """`control` takes the orders to fork; `watching` are the arguments of `_watch`.

        `sweep` kills what is left of the tree, and is called where no supervisor can do it.
        """
        self._supervisor, self._supervised, self._control = supervisor, supervised, control
        self._sweep = sweep
        self._closing = False
        self._broken = False
        """Whether an order came to nothing: it is of no use any more, even if it still lives."""
        self._mutex = threading.Lock()
        self.outcome: ProcessOutcome | None = None
        self.unfit: list[str] = []
        self.said: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._watch, args=watching, daemon=True)
        self._thread.start()

    def _watch(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> None:
        outcome = watch(self._supervised, request, sink, lambda: self._closing or stop())
        self._supervisor.wait()
        if not outcome.reported:
            self._sweep()
        self.outcome = outcome

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
        return self.outcome is None and not self._closing and not self._broken

    def wait_ready(self) -> bool:
        """Wait until it has collected; return False where it ended instead."""
        data = b""
        while self.outcome is None:
            if select.select([self._control], [], [], _POLL_SECONDS)[0]:
                block = self._control.recv(65536)
                data += block
                if not block or data.endswith(b"\n"):
                    break
        if not data.endswith(b"\n"):
            self._thread.join()
            return False
        self.said = json.loads(data)
        self.unfit = self.said["unfit"]
        self._supervised.at_rest = True
        return True

    def fork(self, request: ProcessRequest) -> Supervised:
        """Fork a child for this request, under a supervisor of its own.

        Raises OSError where the fork server is gone.
        """
        names = ("settings", "start") if request.argv else ("settings",)
        order = json.dumps(
            {
                **{name: str(request.folder / f"{name}.json") for name in names},
                "memory_bytes": request.memory_bytes if request.argv else None,
            }
        ).encode()
        ours, theirs = socket.socketpair()
        log_read, log_write = os.pipe()
        supervised = Supervised(ours, log_read)
        try:
            with self._mutex:
                try:
                    socket.send_fds(self._control, [order], [log_write, theirs.fileno()])
                finally:
                    # with this end open here, the death of the server would not be seen at the other
                    theirs.close()
                    os.close(log_write)
                _wait_started(supervised)
        except OSError:
            self._broken = True
            supervised.close()
            raise
        return supervised

    def close(self) -> ProcessOutcome | None:
        """End it and its children; return how it ended."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._control.close()
        self._thread.join()
        return self.outcome


def _wait_started(supervised: Supervised) -> None:
    """Wait until the fork server has obeyed: two orders in one message would lose descriptors.

    Raises OSError where it does not.
    """
    deadline = time.monotonic() + _FORK_SECONDS
    while "started" not in supervised.messages and not supervised.gone and time.monotonic() < deadline:
        if select.select([supervised.control], [], [], 0.5)[0]:
            supervised.receive()
    if "started" not in supervised.messages:
        raise OSError("the fork server did not fork")


def with_control(request: ProcessRequest, fd: int) -> ProcessRequest:
    """Return the request of a fork server, whose settings name the descriptor of its control socket."""
    settings = {**request.settings, "control": fd}
    files = {**request.files, "settings.json": json.dumps(settings).encode()}
    return replace(request, settings=settings, files=files)
