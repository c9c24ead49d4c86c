"""Read the files that a test attaches by `record_property("attachment", path)`, while they are still there.

Temporary folders are emptied by pytest, and the process may be on another machine: so what is attached goes
into the record, in the event of the test. Texts are redacted; of other files only images are taken, because
nobody can redact what nobody can read.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triage.recorder.reports import Data, ReportSerializer

PROPERTY = "attachment"
"""The name of the property; `attachment:NAME` names the attachment, too."""
FILE_BYTES = 512 * 1024
"""Of an image, which cannot be cut; a screenshot has less. Of a longer text, head and tail."""
PROCESS_BYTES = 8 * 1024 * 1024
"""Of all attachments of one process: the record is read as a whole."""
MOST_FILES = 10
"""Of one test."""
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
_TEXT = "text/plain"
_LABEL_CHARS = 200


class Attachments:
    """Reads the attachments of one process."""

    def __init__(self, serializer: ReportSerializer) -> None:
        self._serializer = serializer
        self._left = PROCESS_BYTES

    def of(self, properties: Sequence[Sequence[Any]], root: str) -> list[Data]:
        """Return what a test attached; a file that is left out says why in its `note`.

        A relative path counts from the working directory, else from `root`.
        """
        attached = [pair for pair in properties if _is_attachment(pair[0])]
        return [self._read(str(name), str(value), root) for name, value in attached[:MOST_FILES]]

    def _read(self, name: str, value: str, root: str) -> Data:
        label = name.partition(":")[2].strip() or os.path.basename(value)
        entry: Data = {"name": self._serializer.text(label[:_LABEL_CHARS])}
        try:
            data, size = _content(_path_of(value, root))
        except Exception as problem:  # whatever a test has left of `os` and `open`
            reason = getattr(problem, "strerror", None) or str(problem)
            return entry | {"note": self._serializer.text(f"it could not be read: {reason}")}
        entry["bytes"] = size
        if len(data) > self._left:
            return entry | {"note": f"the attachments of its process have over {PROCESS_BYTES} bytes"}
        media = _media(data)
        if media == _TEXT:
            text = self._serializer.text(_decoded(data, size))
            self._left -= len(text)
            return entry | {"media": media, "data": text}
        if media is None:
            return entry | {"note": "it is neither a text nor an image (PNG, JPEG, GIF, WebP)"}
        if size > FILE_BYTES:
            return entry | {"note": f"an image may have {FILE_BYTES} bytes"}
        if any(secret.encode() in data for secret in self._serializer.redact.values):
            return entry | {"note": "it holds a secret"}
        self._left -= len(data)
        return entry | {"media": media, "data": base64.b64encode(data).decode()}


def _is_attachment(name: object) -> bool:
    return isinstance(name, str) and name.partition(":")[0] == PROPERTY


def _path_of(value: str, root: str) -> Path:
    path = Path(value)
    return path if path.is_absolute() or path.exists() else Path(root, value)


def _content(path: Path) -> tuple[bytes, int]:
    """The bytes of a file, and how many it has: of a long one the head, and as much of its end.

    Raises `OSError`, and `ValueError` for what is no plain file: reading a pipe would never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no plain file")
        if status.st_size <= FILE_BYTES:
            return file.read(FILE_BYTES), status.st_size
        half = FILE_BYTES // 2
        head = file.read(half)
        file.seek(-half, os.SEEK_END)
        return head + file.read(half), status.st_size


def _media(data: bytes) -> str | None:
    """The kind of a file by its content: names lie. SVG is shown as the text that it is."""
    for signature, media in _IMAGES:
        if data.startswith(signature):
            return media
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None if b"\0" in data else _TEXT


def _decoded(data: bytes, size: int) -> str:
    if size <= len(data):
        return data.decode("utf-8", "replace")
    half = len(data) // 2
    cut = f"\n[... {size - len(data)} bytes left out ...]\n"
    return data[:half].decode("utf-8", "replace") + cut + data[half:].decode("utf-8", "replace")
