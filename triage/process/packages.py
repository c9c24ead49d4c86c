"""Install other versions of distributions into a folder that is put before the installed ones."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path

from triage.errors import VoidError
from triage.text.pattern import pattern

_PIP_SECONDS = 180
_NO_INDEX = pattern(
    r"connection | resolution | unreachable | retry | timed[ ]out | proxy",
    matches=(
        "Failed to establish a new connection",
        "Read timed out.",
        "Temporary failure in name resolution",
    ),
    rejects=("No matching distribution found for torch==99", "ERROR: Invalid requirement"),
    flags=re.IGNORECASE,
)
"""What pip says where no package index can be reached."""


def install(
    wanted: Mapping[str, str],
    target: Path,
    *,
    python: str | None = None,
    links: Sequence[Path] = (),
    seconds: float = inf,
) -> Path:
    """Install these versions, without their dependencies, into `target`; return it.

    `wanted` maps a name to a version, or to an empty text for any. `links` are folders with wheels or source
    archives, which are tried first and without a network. Raises `VoidError` with pip's reason, also where
    it takes longer than `seconds`.
    """
    until = time.monotonic() + min(seconds, _PIP_SECONDS)
    words = [python or sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    words += ["--quiet", "--no-deps", "--upgrade", "--target", str(target)]
    words += [f"{name}=={version}" if version else name for name, version in wanted.items()]
    local: list[str] = []
    for folder in links:
        local += ["--find-links", str(folder)]
    if local:
        reason = _pip([*words, "--no-index", "--no-build-isolation", *local], until)
        if reason is None:
            return target
    reason = _pip([*words, "--retries", "0", "--timeout", "10", *local], until)
    if reason is not None:
        raise VoidError(
            "no-package", f"pip could not install {_named(wanted)}: {reason}", "install it by hand"
        )
    return target


def _pip(words: Sequence[str], until: float) -> str | None:
    """Run pip until this moment at the latest; return None where it succeeded, else its last line."""
    seconds = max(0.0, until - time.monotonic())
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reason = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
    if _NO_INDEX.search(done.stderr):
        reason += " (no package index can be reached)"
    return reason


def _named(wanted: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}".strip() for name, version in wanted.items())
