"""Text in UTF-16, as some shells write what is sent to a file, read as the UTF-8 that readers expect."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, cast

_CHUNK = 64 * 1024


def as_utf8(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or its text as UTF-8 where a byte order mark says UTF-16; oddities are replaced."""
    head = stream.read(2)
    stream.seek(0)
    if head not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return stream
    return cast(BinaryIO, io.BufferedReader(_Recoded(stream), _CHUNK))


class _Recoded(io.RawIOBase):
    """Seeks to its beginning only, as the readers do."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begin()

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16")("replace")
        self._waiting = b""
        self._given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only to the beginning")
        self._stream.seek(0)
        self._begin()
        return 0

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # bytes-like, as the base class has it
        while not self._waiting:
            raw = self._stream.read(_CHUNK)
            self._waiting = self._decoder.decode(raw, final=not raw).encode("utf-8", "replace")
            if not raw and not self._waiting:
                return 0
        given, self._waiting = self._waiting[: len(view)], self._waiting[len(view) :]
        view[: len(given)] = given
        self._given += len(given)
        return len(given)
