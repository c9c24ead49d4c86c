"""Long records are compressed where they lie: a file keeps its name, and its content is a gzip stream.

Only what programs read is compressed, and only where it is long. `gzip -dc < results.json` gives the text;
the manifest says which files are compressed. Every reader of a record reads it by `read_record_bytes`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

RECORDS = frozenset({"clusters.json", "failures.json", "results.json", "signatures.json", "summary.json"})
"""The documents that grow with the number of failures; all others stay as people read them."""
GZIP = "gzip"
"""How the manifest names it."""
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
"""zlib's number for the largest window in gzip's framing."""
_LEVEL = 4
"""Records of failures repeat themselves: higher levels take twice the time for a tenth less."""
_MOST_PLAIN = 16 * 1024 * 1024
"""Bytes: a shorter record is no burden, and people and programs of others look at it."""
_MOST_UNPACKED = 4 * 1024 * 1024 * 1024
"""Bytes: no record is so long; a file that says otherwise was made to fill the memory."""


def packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Give the pieces as they are, or compressed where they are long: equal texts give equal bytes."""
    begun: list[bytes] = []
    length = 0
    following = iter(pieces)
    for piece in following:
        begun.append(piece)
        length += len(piece)
        if length > _MOST_PLAIN:
            break
    if length <= _MOST_PLAIN:
        yield from begun
        return
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for piece in (b"".join(begun), *following):
        yield compressor.compress(piece)
    yield compressor.flush()


def read_record_bytes(path: Path) -> bytes:
    """Read the text of a record, compressed or not.

    Raises `OSError` where it cannot be read and `ValueError` where it was compressed and is damaged.
    """
    data = path.read_bytes()
    return _unpacked(data) if is_packed(data) else data


def is_packed(data: bytes) -> bool:
    """Whether these are the first bytes of a compressed file."""
    return data.startswith(_GZIP_MAGIC)


def encoding_of(path: Path) -> str | None:
    """How a file of a folder is compressed; None where it is not, or where it is no record."""
    if path.name not in RECORDS:
        return None
    with path.open("rb") as stream:
        return GZIP if is_packed(stream.read(len(_GZIP_MAGIC))) else None


def _unpacked(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = decompressor.decompress(data, _MOST_UNPACKED)
    except zlib.error as error:
        raise ValueError(f"the compressed record is damaged: {error}") from error
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("the compressed record is damaged: it does not end where the file ends")
    return text
