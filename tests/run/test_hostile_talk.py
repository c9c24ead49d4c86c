"""What tests print: bounded, harmless, without secrets, and no part of the record."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.planted.hostile import talk
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Survive = Callable[..., RunRecord]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def peak_kilobytes() -> int:
    """The most memory that this process has held since its peak was last forgotten; 0 where nobody says."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


@pytest.mark.slow
def test_a_flood_is_cut_and_said(survive: Survive, evidence: Callable[[], Path]) -> None:
    if peak_kilobytes():
        Path("/proc/self/clear_refs").write_text("5")  # forget the peaks of other tests
    before = peak_kilobytes()
    record = survive(talk.flood(200), limits={"log_bytes": 1 << 20})
    assert peak_kilobytes() - before < 100 * 1024, "the harness must not hold what tests print"
    assert any("bytes of output were not kept" in (a.note or "") for a in record.attempts)
    log = next(evidence().rglob("pytest.log")).read_bytes()
    assert len(log) < 2 << 20
    assert b"bytes of output cut" in log
    assert b"2 failed, 3 passed" in log, "the tail is kept"
    failed = {r.nodeid.partition("::")[2]: r for r in record.results}["test_flood_fails"].failures[0]
    assert "characters cut" in failed.captured.stderr
    assert "the end of the flood" in failed.captured.stdout
    assert sum(len(data) for data in everything(evidence()).values()) < 8 << 20


def test_noise_breaks_nothing(survive: Survive, isolation: str, evidence: Callable[[], Path]) -> None:
    record = survive(talk.noise(), isolation=isolation)
    text = record.model_dump_json()
    assert json.loads(text)["stamp"] == record.stamp
    for name, data in everything(evidence()).items():
        if name.endswith(".log"):
            assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data), name
            assert not re.search(rb"(?m)^\s*::[a-z]|##\[", data), name
        if name.endswith(".json"):
            json.loads(data)
        data.decode("utf-8")


def test_nobody_writes_himself_into_the_record(survive: Survive, isolation: str) -> None:
    record = survive(talk.forgery(), isolation=isolation)
    red = {r.nodeid: r for r in record.results}["test_forge.py::test_red"]
    assert red.failures[0].message.startswith("this must stay red")
    assert any("not the recorder's" in note for note in record.notes)


def test_no_secret_reaches_an_artifact(
    survive: Survive, isolation: str, evidence: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = survive(talk.tell_tale(), isolation=isolation, env=talk.SECRETS)
    secrets = {talk.URL_PASSWORD, *talk.TOKENS}
    for value in talk.SECRETS.values():
        lines = [line for line in value.splitlines() if "-----" not in line]
        secrets |= {*lines, base64.b64encode(value.encode()).decode(), quote(value, safe="")}
    header = base64.b64encode(f"user:{talk.SECRETS['DB_PASSWORD']}".encode()).decode()
    secrets.add(header[8:-4])
    shown = everything(evidence()) | {"the record": record.model_dump_json().encode()}
    for name, data in shown.items():
        for secret in secrets:
            for form in (secret, json.dumps(secret)[1:-1], secret.encode().decode("latin-1")):
                assert form.encode() not in data, (name, form)


def test_a_secret_setting_is_not_in_the_commands(
    tmp_path: Path, run_here: Callable[..., RunRecord], evidence: Callable[[], Path]
) -> None:
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_a.py").write_text("def test_a(): pass\n")
    root = tmp_path / "suite"
    record = run_here(root, pytest_args=("-q",), env_settings={"MY_TOKEN": "s3cr3t-setting"})
    shown = everything(evidence()) | {"the record": record.model_dump_json().encode()}
    assert [name for name, data in shown.items() if b"s3cr3t-setting" in data] == []
    assert b"MY_TOKEN" in shown["commands.txt"]
