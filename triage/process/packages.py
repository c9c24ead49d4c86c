"""Other versions of installed distributions, in a folder of their own that is put in front."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from triage.errors import VoidError

_SECONDS = 180
_AWAY = re.compile(r"connection|resolution|unreachable|retry|timed out|proxy", re.IGNORECASE)


def install(
    wanted: Mapping[str, str], target: Path, *, python: str | None = None, links: Sequence[Path] = ()
) -> Path:
    """Install these versions, without their dependencies, into `target`; returns it.

    `links` are folders with wheels or source archives, where it looks first and without a network. Raises
    `VoidError` with pip's reason.
    """
    words = [python or sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    words += ["--quiet", "--no-deps", "--upgrade", "--target", str(target)]
    words += [f"{name}=={version}" if version else name for name, version in wanted.items()]
    local = [word for folder in links for word in ("--find-links", str(folder))]
    if local and _pip([*words, "--no-index", "--no-build-isolation", *local]) is None:
        return target
    reason = _pip([*words, "--retries", "0", "--timeout", "10", *local])
    if reason is not None:
        raise VoidError(
            "no-package", f"pip could not install {_named(wanted)}: {reason}", "install it by hand"
        )
    return target


def _pip(words: Sequence[str]) -> str | None:
    """None where it went well, else the last line of what pip says, and whether it could ask anybody."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    away = " (no package index can be reached)" if _AWAY.search(done.stderr) else ""
    return (lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}") + away


def _named(wanted: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}".strip() for name, version in wanted.items())
