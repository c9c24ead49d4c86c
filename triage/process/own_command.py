"""Run one of triage's own commands as a process, for a server that outlives it and may be told to stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio.streams.text import TextReceiveStream

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, Process

_SECONDS_TO_TIDY_UP = 30.0
"""A command that is told to stop ends what tests had started and keeps what it has recorded."""

OnLine = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class CommandAnswer:
    """What a command came to."""

    code: int
    out: str
    said: str
    """What it wrote to standard error."""


async def run_triage(words: Sequence[str], folder: Path, on_line: OnLine) -> CommandAnswer:
    """Run `triage WORDS` in a folder; each line of standard error goes to `on_line` as it comes.

    Where the caller is cancelled the command is told to stop, and is waited for.
    """
    process = await anyio.open_process(
        [sys.executable, "-m", "triage", *words],
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # a Ctrl-C at the server's terminal is the server's
    )
    out: list[str] = []
    said: list[str] = []

    async def say(line: str) -> None:
        said.append(line)
        await on_line(line)

    async def keep(text: str) -> None:
        out.append(text)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, process.stdout, keep)
            tasks.start_soon(_read_lines, process.stderr, say)
        code = await process.wait()
    except BaseException:
        with anyio.CancelScope(shield=True):
            await _stop(process)
        raise
    return CommandAnswer(code, "".join(out), "\n".join(said))


async def _read(stream: ByteReceiveStream | None, keep: OnLine) -> None:
    if stream is not None:
        async for text in TextReceiveStream(stream, errors="replace"):
            await keep(text)


async def _read_lines(stream: ByteReceiveStream | None, on_line: OnLine) -> None:
    waiting = ""
    if stream is not None:
        async for text in TextReceiveStream(stream, errors="replace"):
            *lines, waiting = (waiting + text).split("\n")
            for line in lines:
                await on_line(line)
    if waiting:
        await on_line(waiting)


async def _stop(process: Process) -> None:
    """SIGTERM is what Ctrl-C is to a command; one that does not heed it is killed."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        with anyio.move_on_after(_SECONDS_TO_TIDY_UP):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.aclose()
