"""The settings: one flat, validated value with documented defaults."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from triage.model.base import Value
from triage.model.run import Limits
from triage.model.suite import Suite

Gate = Literal["reason", "reason-and-test", "strict"]


class Settings(Value):
    """What `[tool.triage]`, `TRIAGE_*` and flags can set; `triage config` prints it with origins."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    campaign: str = Field("triage", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Names the folder under reports/ and the plan under plans/active/."""
    selectors: tuple[str, ...] = ()
    """What to run when the command names nothing; empty leaves it to pytest's own configuration."""
    env: dict[str, str] = {}
    """The canonical environment."""
    pytest_args: tuple[str, ...] = ()
    """Further arguments for every pytest process."""
    python: str | None = None
    """The suite's interpreter; default: the one that runs triage."""
    workers: int = Field(1, ge=1, le=1024)
    """How many chunks run at once."""
    chunks: int | None = Field(None, ge=1)
    """Number of chunks; default: as many as chunk_seconds asks for."""
    chunk_seconds: float = Field(60.0, gt=0)
    """Expected length of a chunk."""
    chunk_manifest: str | None = None
    """A JSON file {"chunk name": ["nodeid", ...]} that replaces planning."""
    test_timeout: float | None = Field(300.0, gt=0)
    """Seconds after which a test is stopped; 0 on the command line means no limit."""
    chunk_timeout: float | None = Field(3600.0, gt=0)
    """Seconds after which a chunk's process is stopped."""
    total_timeout: float | None = Field(None, gt=0)
    """Seconds after which no further chunk starts."""
    log_bytes: int = Field(8 * 1024 * 1024, ge=4096)
    """What is kept of a chunk's log; what was cut is noted."""
    memory_bytes: int | None = Field(None, ge=64 * 1024 * 1024)
    """Address space limit of each process under test."""
    executor: str = Field("local", pattern=r"^[A-Za-z][A-Za-z0-9_-]*(:.+)?$")
    """Where chunks run: local, dask, dask:ADDRESS, or what a plugin offers."""
    isolation: Literal["warm", "fresh"] = "warm"
    """warm: a parent that has imported the suite forks per chunk; fresh: a new interpreter each."""
    gate: Gate = "reason"
    """What counts as known: reason (signature of an open cluster), reason-and-test (and the same test),
    strict (nothing: any failure exits 1)."""
    gradient_floors: dict[str, float] = {}
    """Least magnitude of each gradient in an exit criterion, by a pattern of its name."""
    repeats: int = Field(4, ge=1)
    """How often each arm of an experiment runs; 4 and 4 give p = 0.014."""
    budget: float | None = Field(None, ge=0)
    """Seconds that a probe may spend."""
    store: str = ".triage/history.sqlite"
    """History: a file beneath the root, or a postgresql:// address."""
    templates: str | None = None
    """A folder whose templates replace the shipped ones of the same name."""
    redact: tuple[str, ...] = ()
    """Further regular expressions whose matches never reach a file."""

    @field_validator("redact")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return patterns

    @property
    def limits(self) -> Limits:
        """The limits of a run."""
        return Limits(
            test_seconds=self.test_timeout,
            chunk_seconds=self.chunk_timeout,
            total_seconds=self.total_timeout,
            log_bytes=self.log_bytes,
            memory_bytes=self.memory_bytes,
        )

    def suite(self, root: str, shard: tuple[int, int] | None = None) -> Suite:
        """The suite at `root` as these settings run it."""
        return Suite(
            root=root,
            selectors=self.selectors,
            env=self.env,
            pytest_args=self.pytest_args,
            python=self.python,
            workers=self.workers,
            chunks=self.chunks,
            chunk_seconds=self.chunk_seconds,
            manifest=self.chunk_manifest,
            shard=shard,
            isolation=self.isolation,
            limits=self.limits,
        )
