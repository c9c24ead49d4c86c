"""What a run depends on besides the tests: commit, disk, interpreter, environment; nothing secret."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triage.errors import TriageError
from triage.model.run import Suite
from triage.process.git import Repository
from triage.text.redact import MARK, is_secret_name

_ALLOWED = (
    "CI", "CUDA_VISIBLE_DEVICES", "GITHUB_ACTIONS", "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_SHA",
    "GITLAB_CI", "GOMP_SPINCOUNT", "HOSTTYPE", "KMP_BLOCKTIME", "KMP_DUPLICATE_LIB_OK", "LANG", "LANGUAGE",
    "LC_ALL", "LC_CTYPE", "MKL_NUM_THREADS", "NANOBRAGG_DISABLE_COMPILE", "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS", "PYTEST_ADDOPTS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONUTF8", "PYTHONWARNINGS", "TMPDIR", "TZ",
)  # fmt: skip
_DIRTY_LIMIT = 50
_WAITING = ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", "GOMP_SPINCOUNT")


def added(suite: Suite, environ: Mapping[str, str]) -> dict[str, str]:
    """What processes get beside the canonical environment: nothing that changes a result.

    OpenMP's threads spin while they wait. In several processes at once they take the cores from each
    other, so they sleep instead, unless somebody has said how they should wait.
    """
    if suite.workers == 1 or any(name in environ or name in suite.env for name in _WAITING):
        return {}
    return {"OMP_WAIT_POLICY": "PASSIVE"}


def environment(suite: Suite, environ: Mapping[str, str]) -> dict[str, Any]:
    """The canonical environment, what it changes, and the harmless part of what was inherited.

    Anything not on the allow-list is left out; PATH is there only as a hash.
    """
    canonical = {name: MARK if is_secret_name(name) else value for name, value in sorted(suite.env.items())}
    return {
        "canonical": canonical,
        "added": added(suite, environ),
        "differs": sorted(name for name, value in suite.env.items() if environ.get(name) != value),
        "inherited": {name: environ[name] for name in _ALLOWED if name in environ and name not in suite.env},
        "left_out": len([name for name in environ if name not in _ALLOWED]),
        "path_sha256": hashlib.sha256(environ.get("PATH", "").encode("utf-8", "replace")).hexdigest(),
    }


def machine(root: str, scratch: str) -> dict[str, Any]:
    """Disk, processor, system."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "disk_free": {"root": shutil.disk_usage(root).free, "scratch": shutil.disk_usage(scratch).free},
    }


def git_state(root: str, own: Path) -> dict[str, Any]:
    """Commit and dirtiness of the suite's repository; None and the reason where it cannot be told.

    What this run itself has written, in its folder `own`, does not make the tree dirty.
    """
    try:
        repository = Repository.open(Path(root))
        if repository is None:
            return {"commit": None, "dirty": None, "why": "not in a git repository"}
        written = f"{os.path.relpath(own.resolve(), repository.top)}/"
        changed = [name for name in repository.changes() if not name.startswith(written)]
        filtered = repository.filtered_files()
        state: dict[str, Any] = {
            "commit": repository.head(),
            "dirty": bool(changed),
            "changed": changed[:_DIRTY_LIMIT],
            "changed_count": len(changed),
        }
        if changed and filtered.issuperset(changed):
            # git alone compares what the filter gives, and the filter is a program of the repository
            state |= {"dirty": None, "why": "only files under a filter differ, and filters are not started"}
        return state
    except TriageError as error:
        return {"commit": None, "dirty": None, "why": str(error)}
