"""Output of real test suites, made once and kept in a cache folder: what redaction should leave as it is.

The suites come from source distributions of the package index (`pip download`), run by pytest in an
environment of their own. They were chosen because they speak of tokens, keys, passwords and cookies.
"""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

SUITES = {
    "sqlparse": "tests",
    "oauthlib": "tests",
    "pyjwt": "tests",
    "requests": "tests",
    "itsdangerous": "tests",
    "packaging": "tests",
    "click": "tests",
    "werkzeug": "tests",
    "flask": "tests",
    "jinja2": "tests",
    "attrs": "tests",
    "pygments": "tests",
    "tomlkit": "tests",
    "more-itertools": "tests",
    "lark": "tests",
    "passlib": "passlib/tests",
    "urllib3": "test",
    "pyparsing": "tests",
    "tinycss2": "tests",
    "httpx": "tests",
    "markdown-it-py": "tests",
    "simplejson": "simplejson/tests",
}
"""Distribution, and where its tests are."""
TEST_TOOLS = (
    "pytest", "pytest-mock", "hypothesis", "blinker", "asgiref", "cryptography", "trio", "anyio",
    "pytest-httpbin", "httpbin", "PySocks", "chardet", "tornado", "pytest-regressions", "uvicorn", "trustme", "pretend",
    "ephemeral-port-reserve", "cffi", "freezegun", "requests-mock", "pyyaml", "brotli", "zstandard", "python-dateutil",
)  # fmt: skip
_SUITE_SECONDS = 300
_OPTIONS = (
    "-v",
    "-rA",
    "--showlocals",
    "-p",
    "no:cacheprovider",
    "--color=no",
    "--continue-on-collection-errors",
)


def cache_folder() -> Path:
    """Where sources and outputs are kept: `TRIAGE_BENCHMARK_CACHE`, or the user's cache folder."""
    named = os.environ.get("TRIAGE_BENCHMARK_CACHE")
    folder = Path(named) if named else Path.home() / ".cache" / "triage-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def outputs() -> dict[str, Path]:
    """Return the output of each suite by name; makes those that are not in the cache."""
    folder = cache_folder() / "suites"
    folder.mkdir(exist_ok=True)
    found = {}
    for name, tests in SUITES.items():
        path = folder / f"{name}.txt"
        if not path.exists():
            _run_suite(name, tests, path)
        if path.exists():
            found[name] = path
    return found


def sources() -> dict[str, Path]:
    """Return the unpacked source distributions that are in the cache, by name."""
    folder = cache_folder() / "sources"
    found = {name: folder / name for name in SUITES}
    return {name: path for name, path in found.items() if path.is_dir()}


def _run_suite(name: str, tests: str, target: Path) -> None:
    source = _source(name)
    if source is None:
        print(f"  {name}: not to be had")
        return
    python = _environment()
    subprocess.run([python, "-m", "pip", "install", "-q", str(source)], capture_output=True, check=False)
    try:
        done = subprocess.run(
            [python, "-m", "pytest", *_OPTIONS, tests],
            cwd=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SUITE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        target.write_bytes(expired.stdout or b"")
        return
    target.write_bytes(done.stdout)


def _source(name: str) -> Path | None:
    """Fetch and unpack a source distribution; None where the index does not have it."""
    folder = cache_folder() / "sources" / name
    if folder.is_dir():
        return folder
    archives = cache_folder() / "sdists" / name
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        ":all:",
        "-d",
        str(archives),
        name,
    ]
    subprocess.run(command, capture_output=True, check=False)
    archive = next(iter(sorted(archives.glob("*.tar.gz"))), None)
    if archive is None:
        return None
    unpacked = folder.with_suffix(".part")
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(archive) as opened:
        opened.extractall(unpacked, filter="data")
    (top,) = unpacked.iterdir()
    top.rename(folder)
    unpacked.rmdir()
    return folder


def _environment() -> str:
    """Return the interpreter of the suites' environment."""
    folder = cache_folder() / "venv"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", *TEST_TOOLS], capture_output=True, check=False
        )
    return str(python)
