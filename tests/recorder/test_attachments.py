"""Files that a test attaches: which are taken, how much of them, and what is said of the others."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from triage.recorder import attachments
from triage.recorder.attachments import Attachments
from triage.recorder.reports import ReportSerializer
from triage.text.redact import Redactor

PNG = b"\x89PNG\r\n\x1a\n" + b"\0pixels"
SECRET = "correct-horse-battery-9Staple"


@pytest.fixture
def reader() -> Attachments:
    return Attachments(ReportSerializer(Redactor([SECRET]), 65536))


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\0jpeg", "image/jpeg"),
        (b"GIF89a\0", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_images_are_told_by_their_content(
    tmp_path: Path, reader: Attachments, content: bytes, media: str
) -> None:
    path = tmp_path / "shot.txt"
    path.write_bytes(content)
    (entry,) = reader.of([("attachment", str(path))], "/")
    assert entry["media"] == media
    assert base64.b64decode(entry["data"]) == content
    assert (entry["name"], entry["bytes"]) == ("shot.txt", len(content))


def test_texts_are_redacted_and_named(tmp_path: Path, reader: Attachments) -> None:
    (tmp_path / "server.log").write_text(f"login with {SECRET}\n<svg onload=x>")
    found = reader.of([("attachment: the server", "server.log"), ("ticket", "server.log")], str(tmp_path))
    assert found == [
        {"name": "the server", "bytes": 55, "media": "text/plain",
         "data": "login with [redacted]\n<svg onload=x>"}
    ]  # fmt: skip


def test_a_path_counts_from_the_working_directory_first(
    tmp_path: Path, reader: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "root"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    monkeypatch.chdir(tmp_path / "here")
    (entry,) = reader.of([("attachment", "a.txt")], str(tmp_path / "root"))
    assert entry["data"] == "here"


def test_of_a_long_text_head_and_tail_are_kept(tmp_path: Path, reader: Attachments) -> None:
    path = tmp_path / "long.log"
    path.write_text("first\n" + "x" * 3_000_000 + "\nlast")
    (entry,) = reader.of([("attachment", str(path))], "/")
    assert entry["data"].startswith("first\n")
    assert entry["data"].endswith("\nlast")
    assert len(entry["data"]) < 70_000
    assert entry["bytes"] == 3_000_011


def test_what_is_left_out_says_why(tmp_path: Path, reader: Attachments) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04\0\0")
    (tmp_path / "secret.png").write_bytes(PNG + SECRET.encode())
    (tmp_path / "large.png").write_bytes(PNG + b"\0" * attachments.FILE_BYTES)
    reasons = {
        "pipe": "no plain file",
        "archive.zip": "neither a text nor an image",
        "secret.png": "holds a secret",
        "large.png": "may have 524288 bytes",
        "missing": "No such file",
        ".": "could not be read",
        "nul\0": "could not be read",
    }
    entries = reader.of([("attachment", name) for name in reasons], str(tmp_path))
    for entry, reason in zip(entries, reasons.values(), strict=True):
        assert "data" not in entry
        assert reason in entry["note"]


def test_files_and_bytes_have_an_end(
    tmp_path: Path, reader: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    assert len(reader.of([("attachment", str(tmp_path / "a.png"))] * 50, "/")) == attachments.MOST_FILES
    monkeypatch.setattr(attachments, "PROCESS_BYTES", 2 * len(PNG))
    small = Attachments(ReportSerializer(Redactor(), 65536))
    entries = small.of([("attachment", str(tmp_path / "a.png"))] * 3, "/")
    assert ["data" in entry for entry in entries] == [True, True, False]
    assert "attachments of its process" in entries[-1]["note"]


def test_a_test_that_broke_open_loses_its_attachment_alone(
    tmp_path: Path, reader: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    monkeypatch.setattr(os, "open", None)
    (entry,) = reader.of([("attachment", str(tmp_path / "a.png"))], "/")
    assert "could not be read" in entry["note"]
