"""Keep what was found on a base commit, and use it again: a view below `.triage/`, free to delete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.base.observed import Observed
from triage.errors import TriageError
from triage.evidence import atomic
from triage.evidence.places import STATE, state_folder
from triage.model.outcome import Outcome

_VERSION = 2
"""Rises with every change of what is kept or how tests are run on the base: older files are not read."""
_MOST_FILES = 100
"""Kept in all; the oldest go first."""
_OF_THIS_RUN = ("CI", "GITHUB_", "GITLAB_", "TMPDIR")
"""Beginnings of variables that differ from run to run and that no outcome follows from."""

_INTERPRETER = ("executable", "python", "pytest")


class BaseCache:
    """The settled outcomes of one form of one commit in one environment."""

    def __init__(self, output: Path, commit: str, *digests: str) -> None:
        """`digests` stand for the tests and for the environment."""
        key = hashlib.sha256("\0".join((str(_VERSION), commit, *digests)).encode()).hexdigest()
        self._output = output
        self._folder = output / STATE / "base"
        self._path = self._folder / f"{commit[:12]}-{key[:24]}.json"
        self._tests = self._read()

    def get(self, nodeid: str, on_record: Outcome | None) -> Observed | None:
        """What an earlier run found for a test; None where nothing settled is kept."""
        found = self._tests.get(nodeid)
        return found if found is not None and _is_settled(found, on_record) else None

    def keep(self, found: Mapping[str, Observed | None], stamp: str) -> None:
        """Add what the run of this STAMP found; a cache that cannot be written is none."""
        fresh = {
            nodeid: observed.model_copy(update={"cached_from": stamp})
            for nodeid, observed in found.items()
            if observed is not None and observed.cached_from is None and _is_kept(observed)
        }
        if not fresh:
            return
        tests = {**self._read(), **fresh}
        rows = {nodeid: observed.model_dump(mode="json") for nodeid, observed in tests.items()}
        try:
            state_folder(self._output)
            self._folder.mkdir(exist_ok=True)
            atomic.write_json(self._path, {"v": _VERSION, "tests": rows})
            self._remove_oldest()
        except (OSError, TriageError):
            return

    def _read(self) -> dict[str, Observed]:
        try:
            rows = json.loads(self._path.read_bytes())["tests"]
            return {nodeid: Observed.model_validate_json(json.dumps(row)) for nodeid, row in rows.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
            return {}

    def _remove_oldest(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[:-_MOST_FILES]:
            path.unlink(missing_ok=True)


def _is_kept(observed: Observed) -> bool:
    """Only what needs no further witness."""
    return observed.trouble is None and _is_settled(observed, None)


def _is_settled(observed: Observed, on_record: Outcome | None) -> bool:
    """Whether further runs cannot change the answer.

    A test that was red and green on a commit is flaky there for good: asked again, it might be green three
    times, and its failure would be blamed on the change in one run and not in the next.
    """
    return observed.colour == "mixed" or observed.is_steady(on_record)


def environment_digest(evidence: Path) -> str:
    """What stands for interpreter, packages and variables of a run, from its evidence."""
    known = _document(evidence / "env.json")
    preflight = _document(evidence / "preflight.json")
    inherited = known.get("inherited") or {}
    facts = {
        "canonical": known.get("canonical"),
        "added": known.get("added"),
        "inherited": {name: value for name, value in inherited.items() if not name.startswith(_OF_THIS_RUN)},
        "interpreter": [(preflight.get("interpreter") or {}).get(name) for name in _INTERPRETER],
        "packages": preflight.get("packages"),
        "plugins": preflight.get("plugins"),
        "machine": (preflight.get("machine") or {}).get("system"),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
