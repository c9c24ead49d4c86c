"""A pytest project and how to run it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from triage.model.base import Value
from triage.model.run import Limits


class Suite(Value):
    """Root, selectors, canonical environment, how it is cut into chunks, limits."""

    root: str
    """Absolute path of the folder with the pytest configuration."""
    selectors: tuple[str, ...] = ()
    """Node ids, files or folders as pytest takes them; empty means what its configuration says."""
    env: dict[str, str] = {}
    """The canonical environment: set in every process under test."""
    pytest_args: tuple[str, ...] = ()
    python: str | None = None
    """Interpreter of the suite; None is the one that runs triage."""
    workers: int = Field(default=1, ge=1)
    chunks: int | None = Field(default=None, ge=1)
    """Number of chunks; None lets `chunk_seconds` decide."""
    chunk_seconds: float = Field(default=60.0, gt=0)
    manifest: str | None = None
    """A file that names the chunks and their tests, instead of planning."""
    shard: tuple[int, int] | None = None
    """(3, 10): run the third tenth of the plan."""
    limits: Limits = Limits()
    isolation: Literal["warm", "fresh"] = "warm"
    """warm: a parent that has imported the suite forks for each chunk; fresh: a new interpreter each."""
