"""How the suite's interpreter is started with the recorder in it, and the same as people paste it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import triage
from triage.model.nodeid import file_of, without_parameters
from triage.model.run import AS_PYTEST, Limits
from triage.process.api import FOLDER, RECORD, REPORT, STACKS, ProcessRequest
from triage.text.mark import MARK_PATTERN
from triage.text.redact import Redactor

PLUGIN = "triage.recorder.plugin"
_NOT_INHERITED = ("PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "TRIAGE_RECORD")
"""They describe another pytest: the one that started triage, where a test did."""
_CARRIED_ROOMS = ("recorder", "text", "instruments")
"""What the process under test imports; all of it needs nothing but the standard library and pytest."""
_KEY_BYTES = 32


@dataclass(frozen=True)
class Launch:
    """Everything that the processes of one run have in common."""

    root: str
    environ: Mapping[str, str]
    """What the harness inherited."""
    env: Mapping[str, str | None]
    """What is set (None: unset) on top of it."""
    limits: Limits
    python: str = sys.executable
    args: tuple[str, ...] = ()
    """Options for pytest."""
    selectors: tuple[str, ...] = ()
    """Files and folders to collect; empty leaves it to the suite's configuration."""
    plugins: tuple[str, ...] = ()
    carry: str | None = None
    """A folder with the recorder, for an interpreter that has no triage."""
    cache_dir: str | None = None
    coverage: str | None = None
    """A folder where processes leave what they measured; None where they should not measure."""
    seed: int | None = None
    """Shared by all processes of a run."""
    keep_order: str | None = None
    """The plugin that may shuffle while the suite is collected, with its seed."""
    workers: int = 0
    """Let pytest-xdist run the tests in so many workers; 0: in the process itself."""
    distribution: str = "load"
    """How pytest-xdist gives the tests to its workers, as `--dist` names it."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Variables that only instruments read."""

    def environment(self) -> dict[str, str]:
        """The whole environment of a process under test."""
        inherited = {name: value for name, value in self.environ.items() if name not in _NOT_INHERITED}
        merged: dict[str, str | None] = {**inherited, **self.env}
        return {name: value for name, value in merged.items() if value is not None}

    def argv(self, left_out: Sequence[str] = ()) -> tuple[str, ...]:
        """The command, recorder included; `left_out` are paths that the recorder keeps pytest from."""
        plugins: list[str] = []
        for name in (PLUGIN, *self.plugins):
            plugins += ["-p", name]
        selectors = [_outermost(selector, self.root, left_out) for selector in self.selectors]
        return (self.python, "-m", "pytest", *plugins, *self.args, *selectors)

    def patient(self, factor: float) -> Launch:
        """The same, with so many times the limit of a test."""
        seconds = self.limits.test_timeout
        if seconds is None or factor == 1.0:
            return self
        return replace(self, limits=self.limits.model_copy(update={"test_timeout": factor * seconds}))

    def request(
        self, folder: Path, key: bytes, *, ignore: Sequence[str] = (), **settings: Any
    ) -> ProcessRequest:
        """A process whose recorder is told `settings`, and leaves `ignore` out."""
        environment = self.environment()
        job = self.settings(key, environment, ignore=list(ignore), **settings)
        environment["TRIAGE_RECORD"] = f"{FOLDER}/settings.json"
        environment.update(self.extra)
        if self.carry is not None:
            path = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = self.carry + (f":{path}" if path else "")
        return ProcessRequest(
            argv=self.argv(ignore),
            cwd=self.root,
            env=environment,
            folder=folder,
            files={"settings.json": json.dumps(job).encode()},
            test_timeout=self.limits.test_timeout,
            total_seconds=self.limits.chunk_timeout,
            log_bytes=self.limits.log_bytes,
            memory_bytes=self.limits.memory_bytes,
            settings=job,
        )

    def settings(self, key: bytes, environment: Mapping[str, str], **settings: Any) -> dict[str, Any]:
        """What the recorder of one process is told."""
        job = {
            "record": f"{FOLDER}/{RECORD}",
            "key": key.hex(),
            "field_chars": self.limits.field_chars,
            "test_timeout": self.limits.test_timeout,
            "stacks": f"{FOLDER}/{STACKS}",
            "json_report": f"{FOLDER}/{REPORT}",
            "cache_dir": self.cache_dir,
            "coverage": self.coverage,
            "seed": self.seed,
            "keep_order": self.keep_order,
            "workers": self.workers,
            "distribution": self.distribution,
        }
        restore: dict[str, str | None] = {}
        # workers of pytest-xdist start from what their session has, and need the recorder too
        if self.carry is not None and not self.workers:
            restore["PYTHONPATH"] = environment.get("PYTHONPATH")
            job["unpath"] = [self.carry]
        for name, value in AS_PYTEST.items():
            if environment.get(name) == value:
                restore[name] = self.environ.get(name)
        return job | {"restore": restore} | settings

    def shell(self, targets: Sequence[str] = ()) -> str:
        """The command as a shell takes it back: folder, environment, plain pytest on `targets`."""
        unset: list[str] = []
        assignments: list[str] = []
        for name, value in self.env.items():
            if self.environ.get(name) == value:
                continue
            if value is None:
                unset += ["-u", name]
            else:
                assignments.append(f"{name}={value}")
        env = ["env", *unset, *assignments] if unset or assignments else []
        named = dict.fromkeys(map(_without_secret_case, targets)) or self.selectors
        workers = ["-n", str(self.workers), "--dist", self.distribution] if self.workers else []
        words = [*env, self.python, "-m", "pytest", *self.args, *workers, *named]
        return self._redact(f"cd {shlex.quote(self.root)} && {shlex.join(words)}")

    @cached_property
    def _redact(self) -> Redactor:
        """For what is shown of the environment: a setting may be a secret too."""
        return Redactor.of(self.environment())


def seed_of_run(stamp: str) -> int:
    """The seed that all processes of a run have, and those that try its failures again elsewhere."""
    return int(hashlib.sha256(stamp.encode()).hexdigest()[:8], 16)


def _without_secret_case(nodeid: str) -> str:
    """Return an id that plain pytest finds: for a case whose id was redacted, that of its function."""
    return without_parameters(nodeid) if MARK_PATTERN.search(nodeid) else nodeid


def new_key() -> bytes:
    """The key of one process's record."""
    return secrets.token_bytes(_KEY_BYTES)


def _outermost(selector: str, root: str, left_out: Sequence[str]) -> str:
    """The selector, or what it lies in and is left out: pytest refuses a name that it does not find there."""
    path = os.path.normpath(os.path.join(root, file_of(selector)))
    for other in left_out:
        if path == other or path.startswith(other + os.sep):
            return other
    return selector


def carried(python: str | None, scratch: Path) -> tuple[str, str | None]:
    """The interpreter, and the folder to put on its path where it is not the one that runs triage."""
    if python is None or Path(python) == Path(sys.executable):
        return sys.executable, None
    found = shutil.which(python) or python
    source = Path(triage.__file__).parent
    target = scratch / "carry" / "triage"
    if not target.exists():
        target.mkdir(parents=True)
        shutil.copy(source / "__init__.py", target)
        for room in _CARRIED_ROOMS:
            shutil.copytree(source / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    return found, str(target.parent)
