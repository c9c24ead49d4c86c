"""Long records are compressed, read by everything that reads them, and said to be so by the manifest."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.campaign.recorded import read_failures, read_record
from triage.errors import VoidError
from triage.evidence import manifest, packed
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult


@pytest.fixture
def folder(tmp_path: Path) -> EvidenceFolder:
    return EvidenceFolder.create(tmp_path, "camp", "a", "20260101T000000Z")


@pytest.fixture
def long_record(monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    monkeypatch.setattr(packed, "_MOST_PLAIN", 10_000)
    results = tuple(TestResult(nodeid=f"a.py::t[{number}]", outcome=Outcome.PASSED) for number in range(500))
    return RunRecord(
        stamp="20260101T000000Z", campaign="camp", root="/", complete=True, results=results, notes=("é",)
    )


@given(st.lists(st.binary(max_size=50)), st.integers(0, 200))
def test_what_is_packed_reads_back(pieces: list[bytes], most_plain: int) -> None:
    whole = b"x" + b"".join(pieces)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packed, "_MOST_PLAIN", most_plain)
        once = b"".join(packed.packed([b"x", *pieces]))
        at_once = b"".join(packed.packed([whole]))
    assert once == at_once, "the same text gives the same file, however it was cut"
    assert (gzip.decompress(once) if len(whole) > most_plain else once) == whole


def test_a_long_record_is_compressed_and_read(folder: EvidenceFolder, long_record: RunRecord) -> None:
    path = folder.write_json("results.json", long_record)
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert path.stat().st_size < len(long_record.model_dump_json()) / 4
    assert read_record(folder.path) == long_record


def test_the_manifest_says_which_files_are_compressed(folder: EvidenceFolder, long_record: RunRecord) -> None:
    folder.write_json("results.json", long_record)
    folder.write_json("failures.json", {"stamp": "S", "failures": []})
    folder.seal()
    files = manifest.read(folder.path).files
    assert files["results.json"].encoding == "gzip"
    text = json.loads((folder.path / manifest.NAME).read_text())
    assert "encoding" not in text["files"]["failures.json"], "older manifests keep their digests"
    assert manifest.compare(folder.path) == ()


def test_other_documents_stay_as_people_read_them(folder: EvidenceFolder, long_record: RunRecord) -> None:
    path = folder.write_json("gate.json", long_record)
    assert json.loads(path.read_text())["stamp"] == long_record.stamp


def _damages(data: bytes) -> Iterator[bytes]:
    yield data[: len(data) // 2]
    yield data + b"more"
    yield data[:20] + b"\0\0\0\0" + data[24:]


def test_a_damaged_record_is_said_to_be_damaged(folder: EvidenceFolder, long_record: RunRecord) -> None:
    whole = folder.write_json("results.json", long_record).read_bytes()
    for data in _damages(whole):
        for name in ("results.json", "failures.json"):
            (folder.path / name).write_bytes(data)
        with pytest.raises(ValueError, match="damaged"):
            read_record_bytes(folder.path / "results.json")
        with pytest.raises(VoidError, match="damaged"):
            read_record(folder.path)
        with pytest.raises(VoidError, match="damaged"):
            read_failures(folder.path)


def test_a_record_that_would_fill_the_memory_is_refused(
    folder: EvidenceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder.path / "results.json"
    path.write_bytes(gzip.compress(b"0" * 1_000_000))
    monkeypatch.setattr(packed, "_MOST_UNPACKED", 100_000)
    with pytest.raises(ValueError, match="does not end"):
        read_record_bytes(path)
