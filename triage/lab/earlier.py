"""Find experiments that an earlier probe has judged on the same code in the same environment."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from triage.evidence.manifest import sha256_of
from triage.lab.environment import site_packages
from triage.lab.protocol import Experiment
from triage.model.experiment import EXPERIMENTS_FILE, ExperimentResult, Status

_KEY_LENGTH = 32
"""Hexadecimal digits of an experiment's key: 128 bits."""
_OWN_FOLDERS = ("reports", "plans", ".triage")
"""Folders in which triage itself writes: another attempt in the journal is no other code."""
_NOT_CODE = frozenset({".git", "__pycache__", ".pytest_cache", ".hypothesis"})
_LASTING = (Status.CONFIRMED, Status.REFUTED)
"""An experiment without a clear answer is run again."""


class EarlierVerdicts:
    """Clear verdicts of earlier probes, by the key of their experiment."""

    def __init__(self, fingerprint: str, folders: Iterable[Path] = ()) -> None:
        """`fingerprint` stands for code and environment; `folders` are sealed ones of phase B."""
        self._fingerprint = fingerprint
        self._found: dict[str, tuple[ExperimentResult, str]] = {}
        for folder in folders:
            for key, result in _judged(folder):
                self._found[key] = (result, folder.name)

    def key(self, experiment: Experiment) -> str:
        """Name an experiment on this code in this environment; its wording and its probe do not count."""
        fields = experiment.model_dump(mode="json", exclude={"prediction", "probe", "arm_names"})
        text = json.dumps([self._fingerprint, fields], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]

    def find(self, key: str) -> tuple[ExperimentResult, str] | None:
        """The verdict, and the STAMP of the probe that gave it; None where there is none."""
        return self._found.get(key)


def fingerprint(tree: Path, env: Mapping[str, str], python: str | None) -> str:
    """One hash over the suite's files, the canonical environment and the interpreter with its packages."""
    digest = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree)
        is_code = not _NOT_CODE & set(name.parts) and name.parts[0] not in _OWN_FOLDERS
        if path.is_file() and not path.is_symlink() and is_code:
            digest.update(f"{name}\0{sha256_of(path)}\n".encode())
    surroundings = [dict(env), python or sys.executable, sys.version, _distributions(python)]
    digest.update(json.dumps(surroundings).encode())
    return digest.hexdigest()


def _judged(folder: Path) -> Iterator[tuple[str, ExperimentResult]]:
    """Key and verdict of each judged experiment; a damaged line is none, and `triage check` names it."""
    try:
        lines = (folder / EXPERIMENTS_FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for text in lines:
        try:
            line = json.loads(text)
            if line.get("event") != "judged" or "key" not in line:
                continue
            result = ExperimentResult.model_validate(line["result"])
        except (ValueError, ValidationError, KeyError, AttributeError):
            continue
        if result.status in _LASTING:
            yield line["key"], result


def _distributions(python: str | None) -> list[str]:
    return sorted(path.name for site in site_packages(python) for path in site.glob("*.dist-info"))
