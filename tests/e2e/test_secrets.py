"""No secret that tests print, raise, log or carry in their ids reaches a file or the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS

pytestmark = pytest.mark.slow

SUITE = """
import json, logging, os, subprocess, sys
import pytest

PASSWORD = "h7Kq2" + "xW9z"
TOKEN = "abc123" + "def456ghi"

@pytest.mark.parametrize("url", [f"https://joe:{PASSWORD}{n}@host/" for n in range(2)], ids=str)
def test_ids(url):
    assert url.endswith("x"), f"no answer from {url}"

def test_data():
    print(os.environ["DATABASE_URL"].split(":")[2].split("@")[0])
    raise ConnectionError(json.dumps({"password": PASSWORD}))

class Client:
    password = PASSWORD

def test_attribute():
    assert Client().password == "x"

def test_log_and_command():
    logging.getLogger().error("X-Api-Key: %s", TOKEN)
    subprocess.run([sys.executable, "-c", "raise SystemExit(3)", "--password", PASSWORD], check=True)
"""
SETTINGS = """
[tool.triage]
reruns = 0
[tool.triage.env]
SMTP_PASSWORD = "summer99sun"
"""
PARTS = (b"h7Kq2", b"abc123def", b"dbp4ssw", b"summer99")
"""Beginnings of the secrets above: none may be in any file."""


def test_no_file_holds_a_secret(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    environment = {**os.environ, **NO_FOREIGN_PLUGINS, "DATABASE_URL": "postgres://joe:dbp4ssw0rdX@db/app"}

    def triage(*words: str) -> bytes:
        command = [sys.executable, "-m", "triage", *words, "--root", str(tmp_path)]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True)
        return done.stdout + done.stderr

    shown = {words: triage(*words) for words in (("run",), ("config",), ("results", "--json"))}
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    own = {path: data for path, data in written.items() if path.parent != tmp_path and path.suffix != ".pyc"}
    assert len(own) > 10
    leaks = [name for name, data in {**own, **shown}.items() if any(part in data for part in PARTS)]
    assert leaks == []

    record = next(path for path in own if path.name == "results.json")
    ids = [test["nodeid"] for test in json.loads(record.read_text())["results"]]
    assert len(set(ids)) == 5
