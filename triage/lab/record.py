"""Record experiments as they run, and find those that an earlier probe has already judged."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.evidence.atomic import append_line
from triage.evidence.folder import EvidenceFolder
from triage.lab.protocol import Experiment
from triage.model.base import World
from triage.model.experiment import ExperimentResult, Status

EXPERIMENTS = "experiments.jsonl"


def writer(folder: EvidenceFolder, world: World) -> Callable[[Mapping[str, Any]], None]:
    """Appends a line to the record of experiments, on disk before it returns."""
    path = folder.path / EXPERIMENTS

    def write(line: Mapping[str, Any]) -> None:
        text = json.dumps({"at": world.timestamp(), **line}, ensure_ascii=True, default=str)
        append_line(path, folder.redact(text))

    return write


_OWN = ("reports", "plans", ".triage")
"""Folders in which triage itself writes: another attempt in the journal is no other code."""


_NOT_CODE = frozenset({".git", "__pycache__", ".pytest_cache", ".hypothesis"})


_LASTING = (Status.CONFIRMED, Status.REFUTED)


class Known:
    """What experiments gave, by what they were."""

    def __init__(self, context: str, folders: Iterable[Path] = ()) -> None:
        """`context` stands for code and environment; `folders` are earlier, sealed ones of phase B."""
        self._context = context
        self._results: dict[str, tuple[ExperimentResult, str]] = {}
        for folder in folders:
            self._read(folder)

    def key(self, experiment: Experiment) -> str:
        """Names an experiment in this code and environment; the wording of its prediction is no part."""
        asked = experiment.model_dump(mode="json", exclude={"prediction", "probe", "arm_names"})
        text = json.dumps([self._context, asked], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def find(self, key: str) -> tuple[ExperimentResult, str] | None:
        """The verdict and the folder that it comes from."""
        return self._results.get(key)

    def _read(self, folder: Path) -> None:
        try:
            lines = (folder / EXPERIMENTS).read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for text in lines:
            try:
                line = json.loads(text)
                if line.get("event") == "judged" and "key" in line:
                    result = ExperimentResult.model_validate(line["result"])
                    if result.status in _LASTING:
                        self._results[line["key"]] = (result, folder.name)
            except (ValueError, ValidationError, KeyError, AttributeError):
                continue


def context_of(tree: Path, env: Mapping[str, str], python: str | None) -> str:
    """One hash over the suite's files, the canonical environment and the interpreter with its packages."""
    digest = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        parts = path.relative_to(tree).parts
        if path.is_file() and not path.is_symlink() and not _NOT_CODE & set(parts) and parts[0] not in _OWN:
            digest.update(f"{path.relative_to(tree)}\0{_hash(path)}\n".encode())
    digest.update(json.dumps([dict(env), python or sys.executable, sys.version, _packages(python)]).encode())
    return digest.hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _packages(python: str | None) -> list[Any]:
    if python is None:
        folders = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    else:
        folders = list((Path(python).parent.parent / "lib").glob("python*/site-packages"))
    return sorted(path.name for folder in folders for path in folder.glob("*.dist-info"))
