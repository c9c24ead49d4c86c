"""The harness's side of a warm parent: one process that has collected the suite and forks on order."""

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

from triage.process.api import ProcessOutcome, ProcessRequest, Sink
from triage.process.supervised import Kept, watch

_FORK_SECONDS = 60.0


class WarmParent:
    """Started by `LocalExecutor.warm_parent`; `fork` may be called from several threads."""

    def __init__(
        self,
        keeper: subprocess.Popen[bytes],
        kept: Kept,
        control: socket.socket,
        *,
        watching: tuple[ProcessRequest, Sink, Callable[[], bool]],
    ) -> None:
        self._keeper, self._kept, self._control = keeper, kept, control
        self._closing = False
        self._mutex = threading.Lock()
        self.outcome: ProcessOutcome | None = None
        self.unfit: list[str] = []
        self._thread = threading.Thread(target=self._watch, args=watching, daemon=True)
        self._thread.start()

    def _watch(self, request: ProcessRequest, sink: Sink, stop: Callable[[], bool]) -> None:
        outcome = watch(self._kept, request, sink, lambda: self._closing or stop())
        self._keeper.wait()
        self.outcome = outcome

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
        return self.outcome is None and not self._closing

    def wait_ready(self) -> bool:
        """Wait until it has collected; False where it ended instead."""
        data = b""
        while self.outcome is None:
            if select.select([self._control], [], [], 0.02)[0]:
                block = self._control.recv(65536)
                data += block
                if not block or data.endswith(b"\n"):
                    break
        if not data.endswith(b"\n"):
            self._thread.join()
            return False
        self.unfit = json.loads(data)["unfit"]
        self._kept.at_rest = True
        return True

    def fork(self, request: ProcessRequest) -> Kept:
        """A child for this request, under a keeper of its own. Raises OSError where the parent is gone."""
        path = request.folder / "settings.json"
        ours, theirs = socket.socketpair()
        log_read, log_write = os.pipe()
        try:
            with self._mutex:
                order = json.dumps({"settings": str(path)}).encode()
                socket.send_fds(self._control, [order], [log_write, theirs.fileno()])
                kept = Kept(ours, log_read)
                _wait_started(kept)
        except OSError:
            ours.close()
            os.close(log_read)
            raise
        finally:
            theirs.close()
            os.close(log_write)
        return kept

    def close(self) -> ProcessOutcome | None:
        """End it; its children are gone with it."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._control.close()
        self._thread.join()
        return self.outcome


def _wait_started(kept: Kept) -> None:
    """One order at a time: two orders in one message would lose descriptors."""
    deadline = time.monotonic() + _FORK_SECONDS
    while "started" not in kept.messages and not kept.gone and time.monotonic() < deadline:
        if select.select([kept.control], [], [], 0.5)[0]:
            kept.hear()
    if "started" not in kept.messages:
        raise OSError("the warm parent did not fork")


def with_control(request: ProcessRequest, fd: int) -> ProcessRequest:
    """The request of a warm parent: its settings name the control socket."""
    job = {**request.job, "control": fd}
    return replace(request, job=job, files={**request.files, "settings.json": json.dumps(job).encode()})
