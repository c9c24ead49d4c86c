"""The settings: one flat, validated value with documented defaults."""

from __future__ import annotations

import difflib
import json
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator

from triage.errors import UsageError
from triage.model.base import Value
from triage.model.run import DEFAULT_CHUNK_TIMEOUT, DEFAULT_TEST_TIMEOUT, Limits, Suite

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
    test_timeout: float | None = Field(DEFAULT_TEST_TIMEOUT, gt=0)
    """Seconds after which a test is stopped; 0 on the command line means no limit."""
    chunk_timeout: float | None = Field(DEFAULT_CHUNK_TIMEOUT, gt=0)
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
    """warm: a fork server that has imported the suite forks per chunk; fresh: a new interpreter each."""
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
            test_timeout=self.test_timeout,
            chunk_timeout=self.chunk_timeout,
            total_timeout=self.total_timeout,
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


ROOT_MARKS = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
OTHER_VARIABLES = frozenset(
    {"TRIAGE_NOW", "TRIAGE_ACTOR", "TRIAGE_RECORD", "TRIAGE_INSTRUMENT", "TRIAGE_PROCESS"}
)
"""Variables of triage that are no settings."""
_TUPLES = {"selectors", "pytest_args", "redact"}
_TABLES = {"env", "gradient_floors"}
_OPTIONAL = {"test_timeout", "chunk_timeout", "total_timeout"}


@dataclass(frozen=True)
class Loaded:
    """Settings, and for each field the place that decided it."""

    settings: Settings
    origins: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    """`TRIAGE_*` variables that are no setting, each with the name that may have been meant."""


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a pytest configuration, else `start`."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in ROOT_MARKS):
            return folder
    return start


def load(root: Path, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Loaded:
    """Read the settings of the suite at `root`; flags that are None were not given."""
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    layers = (
        ("pyproject.toml", _from_pyproject(root / "pyproject.toml")),
        ("environment", _from_environ(environ)),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    )
    for origin, layer in layers:
        for name, given in layer.items():
            merged = name in _TABLES and isinstance(given, Mapping)
            value = {**values.get(name, {}), **given} if merged else given
            values[name] = None if name in _OPTIONAL and value in (0, "0", "none") else value
            origins[name] = f"TRIAGE_{name.upper()}" if origin == "environment" else origin
    try:
        return Loaded(Settings.model_validate(values), origins, tuple(_ignored(environ)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        place = origins.get(str(first["loc"][0]) if first["loc"] else "", "pyproject.toml")
        unknown = first["type"] == "extra_forbidden"
        wrong = "there is no such setting" if unknown else first["msg"].lower()
        raise UsageError(
            "bad-setting",
            f"setting {name!r} from {place}: {wrong}",
            _meant(name) if unknown else "see 'triage config --help' for names and values",
        ) from error


def _from_pyproject(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError("bad-pyproject", f"{path}: {error}", "mend the file") from error
    table = document.get("tool", {}).get("triage", {})
    if not isinstance(table, dict):
        raise UsageError("bad-pyproject", f"{path}: [tool.triage] is not a table", "mend the file")
    return {name.replace("-", "_"): value for name, value in table.items()}


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in Settings.model_fields:
        text = environ.get(f"TRIAGE_{field.upper()}")
        if text is not None:
            values[field] = _parsed(field, text)
    return values


def _ignored(environ: Mapping[str, str]) -> list[str]:
    """A misspelt variable would otherwise leave a run under settings that nobody asked for."""
    taken = {f"TRIAGE_{field.upper()}" for field in Settings.model_fields} | OTHER_VARIABLES
    names = sorted(name for name in environ if name.startswith("TRIAGE_") and name not in taken)
    return [f"{name} ({_meant(name.removeprefix('TRIAGE_').lower(), 'TRIAGE_')})" for name in names]


def _meant(name: str, prefix: str = "") -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.6)
    if not near:
        return "'triage config' lists them"
    return f"did you mean {prefix + near[0].upper()}?" if prefix else f"did you mean {near[0]!r}?"


def _parsed(field: str, text: str) -> Any:
    if field in _TUPLES:
        return tuple(shlex.split(text))
    if field not in _TABLES:
        return text
    try:
        return (
            json.loads(text)
            if text.lstrip().startswith("{")
            else dict(pair(part) for part in shlex.split(text))
        )
    except (json.JSONDecodeError, ValueError) as error:
        raise UsageError(
            "bad-setting", f"TRIAGE_{field.upper()}: {error}", "write NAME=VALUE NAME=VALUE"
        ) from error


def pair(text: str) -> tuple[str, str]:
    """`K=V` in two; the error of a text without `=` or without a name names it."""
    name, equals, value = text.partition("=")
    if not equals or not name or "\0" in text:
        raise UsageError("bad-pair", f"{text!r} is not NAME=VALUE", "write it as NAME=VALUE")
    return name, value
