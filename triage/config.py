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

from pydantic import Field, ValidationError, field_validator

from triage.errors import UsageError
from triage.model.base import Value
from triage.model.base_commit import DEFAULT_ATTRIBUTE_BUDGET, DEFAULT_BASE_BUDGET
from triage.model.look import DEFAULT_LOOK_BUDGET
from triage.model.reruns import DEFAULT_RERUN_BUDGET, DEFAULT_RERUNS
from triage.model.run import AS_PYTEST, DEFAULT_CHUNK_TIMEOUT, DEFAULT_TEST_TIMEOUT, Limits, Suite

FlakyPolicy = Literal["warn", "fail"]
FailOn = Literal["fixed-open"]
Gate = Literal["reason", "reason-and-test", "strict"]


class Settings(Value):
    """What `[tool.triage]`, `TRIAGE_*` and flags can set; `triage config` prints it with origins."""

    campaign: str = Field("triage", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Names the folder under reports/ and the plan under plans/active/."""
    selectors: tuple[str, ...] = ()
    """What to run when the command names nothing; empty leaves it to pytest's own configuration."""
    env: dict[str, str] = {}
    """The canonical environment."""
    ci_files: tuple[str, ...] = ()
    """Variables that tests get although they name files by which a CI job's steps speak to later steps:
    GITHUB_ENV, GITHUB_OUTPUT, GITHUB_STEP_SUMMARY and the like are withheld otherwise."""
    pytest_args: tuple[str, ...] = ()
    """Further arguments for every pytest process."""
    pytest_command: Literal["python -m pytest", "pytest"] = "python -m pytest"
    """How the suite is started: `python -m pytest` puts the root on the import path, `pytest` does not (for
    suites on Python 3.11 or newer)."""
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
    order: str | None = None
    """The order of the tests, in one process (or in as many parts as `chunks` says) instead of planning: a
    file with a node id a line, `reversed`, `random:SEED`, or `randomly:SEED` and `random-order:SEED` for what
    pytest-randomly and pytest-random-order make of a seed."""
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
    """warm: a fork server that has imported the suite forks per chunk, and experiments fork from one that has
    imported its libraries; fresh: a new interpreter each."""
    reruns: int = Field(DEFAULT_RERUNS, ge=0, le=100)
    """How often a red test is run again alone before its failure counts as steady; green alone, it is run
    behind the tests that preceded it too. 0: never; nor where more than a tenth of the suite is red."""
    rerun_budget: float | None = Field(DEFAULT_RERUN_BUDGET, gt=0)
    """Seconds for all reruns of a run; what there was no time for is noted."""
    look_budget: float = Field(DEFAULT_LOOK_BUDGET, ge=0)
    """Seconds for one traced run of the red tests, beside green ones: what they execute of the product tells
    which failures have one cause. 0: none; nor where `reruns` is 0."""
    flaky: FlakyPolicy = "warn"
    """What the gate makes of flaky tests: warn (exit 0), fail (exit 1)."""
    gate: Gate = "reason"
    """What counts as known: reason (signature of an open cluster), reason-and-test (and the same test),
    strict (nothing: any failure exits 1)."""
    fail_on: tuple[FailOn, ...] = ()
    """What else fails the gate: fixed-open (an open cluster all of whose tests pass has to be closed)."""
    base: str | None = None
    """The commit that a run is judged against: a branch, tag or commit, `auto` for the merge base with the
    default branch, `none` for what is stored of earlier runs."""
    base_budget: float | None = Field(DEFAULT_BASE_BUDGET, ge=0)
    """Seconds for failing tests on the base; what there was no time for is undecided. none: no limit."""
    attribute: bool = False
    """Whether a run with a base finds by experiments which commit and which lines broke what it shows."""
    attribute_budget: float = Field(DEFAULT_ATTRIBUTE_BUDGET, gt=0)
    """Seconds for these experiments; what there was no time for stays without a cause."""
    gradient_floors: dict[str, float] = {}
    """Least magnitude of each gradient in an exit criterion, by a pattern of its name."""
    repeats: int = Field(4, ge=1)
    """How often each arm of an experiment runs; 4 and 4 give p = 0.014."""
    budget: float | None = Field(None, ge=0)
    """Seconds that a probe may spend."""
    store: str = ".triage/history.sqlite"
    """History: a file beneath the root (or `output`), or a postgresql:// address."""
    output: str | None = None
    """The folder that reports/, plans/ and .triage/ lie beneath (for a checkout that cannot be written, say);
    default: the root."""
    templates: str | None = None
    """A folder whose templates replace the shipped ones of the same name."""
    redact: tuple[str, ...] = ()
    """Further regular expressions whose matches never reach a file."""

    @field_validator("redact")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                matches_nothing = re.compile(pattern).match("") is not None
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
            if matches_nothing:
                raise ValueError(f"{pattern!r} matches the empty text, so it would match everywhere")
        return patterns

    @property
    def process_env(self) -> dict[str, str]:
        """The canonical environment, and what makes `python -m pytest` start the suite as `pytest` does."""
        return {**self.env, **AS_PYTEST} if self.pytest_command == "pytest" else self.env

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
            env=self.process_env,
            pytest_args=self.pytest_args,
            python=self.python,
            workers=self.workers,
            chunks=self.chunks,
            chunk_seconds=self.chunk_seconds,
            manifest=self.chunk_manifest,
            order=self.order,
            shard=shard,
            isolation=self.isolation,
            reruns=self.reruns,
            rerun_budget=self.rerun_budget,
            look_budget=self.look_budget if self.reruns else 0.0,
            limits=self.limits,
        )


ROOT_MARKS = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
OTHER_VARIABLES = frozenset(
    {"TRIAGE_NOW", "TRIAGE_ACTOR", "TRIAGE_RECORD", "TRIAGE_INSTRUMENT", "TRIAGE_PROCESS"}
)
"""Variables of triage that are no settings."""
_TUPLES = {"selectors", "pytest_args", "redact", "fail_on", "ci_files"}
"""Settings whose variable holds words as a shell splits them."""
_TABLES = {"env", "gradient_floors"}
"""Settings whose variable holds NAME=VALUE words or a JSON object; later layers add to earlier ones."""
_WITHOUT_LIMIT = {"test_timeout", "chunk_timeout", "total_timeout", "rerun_budget"}
"""Settings of which 0 and `none` mean no limit."""

_SWITCHED_OFF = {"base", "base_budget"}
"""Settings of which `none` means none; 0 seconds are none at all."""


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
    for layer, given in layers:
        for name, value in given.items():
            values[name] = _layered(name, values.get(name), value)
            origins[name] = f"TRIAGE_{name.upper()}" if layer == "environment" else layer
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _bad_setting(error, origins) from error
    return Loaded(settings, origins, tuple(_ignored(environ)))


def declared(text: str, where: str = "pyproject.toml") -> Settings:
    """The settings that the text of a pyproject.toml declares, without variables and flags."""
    values = {name: _layered(name, None, value) for name, value in _table(text, where).items()}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _bad_setting(error, dict.fromkeys(values, where)) from error


def _layered(name: str, earlier: Any, value: Any) -> Any:
    """The value of a setting once a layer gives it another one."""
    if name in _TABLES and isinstance(value, Mapping):
        return {**(earlier or {}), **value}
    if name in _SWITCHED_OFF and value == "none":
        return None
    if name in _WITHOUT_LIMIT and value in (0, "0", "none"):
        return None
    return value


def _bad_setting(error: ValidationError, origins: Mapping[str, str]) -> UsageError:
    """The first thing that is wrong: which setting, where it was set, and what may have been meant."""
    first = error.errors(include_url=False)[0]
    location = [str(part) for part in first["loc"]]
    name = ".".join(location) or "settings"
    origin = origins.get(location[0] if location else "", "pyproject.toml")
    if first["type"] == "extra_forbidden":
        wrong, next_step = "there is no such setting", _suggestion(name)
    else:
        wrong, next_step = first["msg"].lower(), "see 'triage config --help' for names and values"
    return UsageError("bad-setting", f"setting {name!r} from {origin}: {wrong}", next_step)


def _from_pyproject(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise UsageError("bad-pyproject", f"{path}: {error}", "mend the file") from error
    return _table(text, str(path))


def _table(text: str, where: str) -> dict[str, Any]:
    """`[tool.triage]` with the names of the fields; `where` is for what is said of a bad one."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("bad-pyproject", f"{where}: {error}", "mend the file") from error
    tools = document.get("tool", {})
    table = tools.get("triage", {}) if isinstance(tools, dict) else None
    if not isinstance(table, dict):
        raise UsageError("bad-pyproject", f"{where}: [tool.triage] is not a table", "mend the file")
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
    known = {f"TRIAGE_{field.upper()}" for field in Settings.model_fields} | OTHER_VARIABLES
    names = sorted(name for name in environ if name.startswith("TRIAGE_") and name not in known)
    return [f"{name} ({_suggestion(name.removeprefix('TRIAGE_').lower(), variable=True)})" for name in names]


def _suggestion(name: str, *, variable: bool = False) -> str:
    """What a misspelt setting may have meant, spelled as a setting or as its variable."""
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.6)
    if not near:
        return "'triage config' lists them"
    return f"did you mean TRIAGE_{near[0].upper()}?" if variable else f"did you mean {near[0]!r}?"


def _parsed(field: str, text: str) -> Any:
    """The value that a variable's text stands for; texts and numbers are left to validation."""
    if field not in _TUPLES | _TABLES:
        return text
    try:
        if field in _TUPLES:
            return tuple(shlex.split(text))
        if text.lstrip().startswith("{"):
            return json.loads(text)
        return dict(pair(part) for part in shlex.split(text))
    except ValueError as error:
        raise UsageError(
            "bad-setting", f"TRIAGE_{field.upper()}: {error}", "quote it as for a shell"
        ) from error


def pair(text: str) -> tuple[str, str]:
    """`K=V` in two; the error of a text without `=` or without a name names it."""
    name, equals, value = text.partition("=")
    if not equals or not name or "\0" in text:
        raise UsageError("bad-pair", f"{text!r} is not NAME=VALUE", "write it as NAME=VALUE")
    return name, value
