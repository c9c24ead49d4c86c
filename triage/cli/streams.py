"""Write the answer to whoever reads it, and finish the command all the same where nobody does.

`triage run | head -1` closes the pipe while the suite runs; a full device refuses the last line of an answer.
Neither may cut the command short, and a closed pipe does not change what the exit code says.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import TextIO

from triage.errors import VoidError

_STDOUT = 1
_STDERR = 2


class Output(io.RawIOBase):
    """A descriptor to write to. Once it refuses, what is written is dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.refusal: OSError | None = None
        """Why it refused."""

    def writable(self) -> bool:
        """It is for nothing else."""
        return True

    def fileno(self) -> int:
        """For those who ask whether it is a terminal."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person watches."""
        return os.isatty(self._descriptor)

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write a part of the data, or drop all of it; returns its length."""
        while self.refusal is None:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # somebody else has made the pipe so
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.refusal = error
        return len(data)


def with_tolerant_streams(command: Callable[[], int]) -> int:
    """Run a command whose standard output and error may be closed, full or gone; returns the exit code.

    The code is the command's own, but where the answer was lost otherwise than by a reader who had enough.
    """
    output, errors = Output(_STDOUT), Output(_STDERR)
    sys.stdout = _wrapped(sys.stdout, output)
    sys.stderr = _wrapped(sys.stderr, errors)
    code = command()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    refusal = output.refusal
    if refusal is None or refusal.errno == errno.EPIPE:
        return code
    lost = VoidError(
        "no-output", f"the answer could not be written: {refusal.strerror}", "give it a place where it fits"
    )
    print(f"triage: {lost}", file=sys.stderr, flush=True)
    return max(code, lost.exit_code)


def _wrapped(stream: TextIO | None, output: Output) -> TextIO:
    """The stream on top of the tolerant descriptor; None (closed by the caller) stays None."""
    if stream is None:
        return None  # type: ignore[return-value]  # Python itself has it so
    return io.TextIOWrapper(
        io.BufferedWriter(output),  # type: ignore[type-var]  # it drops what a raw stream would refuse
        encoding=stream.encoding,
        errors="backslashreplace",  # a terminal that cannot show a letter gets its number
        line_buffering=True,
    )
