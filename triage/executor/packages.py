"""Other versions of installed distributions, in a folder of their own that is put in front."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from triage.errors import VoidError

_SECONDS = 180


def install(
    wanted: Mapping[str, str], target: Path, *, python: str | None = None, links: Sequence[Path] = ()
) -> Path:
    """Install these versions, without their dependencies, into `target`; returns it.

    `links` are folders with wheels to look in first. Raises `VoidError` with pip's reason.
    """
    words = [
        python or sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ]
    words += ["--no-deps", "--target", str(target)]
    words += [word for folder in links for word in ("--find-links", str(folder))]
    words += [f"{name}=={version}" if version else name for name, version in wanted.items()]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        raise VoidError(
            "no-package", f"pip could not install {_named(wanted)}: {error}", "install it by hand"
        ) from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise VoidError(
            "no-package", f"pip could not install {_named(wanted)}: {reason}", "install it by hand"
        )
    return target


def _named(wanted: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}".strip() for name, version in wanted.items())
