"""Seal the lines of the event log in the process under test, and verify them in the harness.

A line is `MAC SEQUENCE JSON`. The key reaches the process in its settings, which it deletes before the
first test. A test that finds the file, inherits its descriptor or prints lines that look alike cannot add
to the record: its line has no valid MAC, and a line that is replayed has an old number. (A test that takes
the interpreter apart can do anything; the harness therefore compares with the exit status that the kernel
reports.)

Events, by `e`:

    begin     pid, python, pytest, rootdir, inifile, plugins, notes     the session is configured
    collecting id, path                     a folder, file or class (in the file `path`) is about to be
                                            collected
    listed                                  the latest of those that are being collected is done
    collected ids, files, lines, deselected                      ids in order, one entry an item
    ready                                   collection is whole: only where nothing is to be run at once
    collect_error nodeid, failure                                a file or folder that did not collect
    collect_skip nodeid, reason                                  a file or class that was skipped as a whole
    conftest_error id, path, failure                             the conftest.py of a folder raised
    start     i                                                  item i (of `collected`) is about to run
    failing   i, failures                   what has failed so far, before the teardown of item i
    ran       i, outcome, stages, failures      the last item but for the teardown of wider fixtures
    finish    i, outcome, stages, failures, reruns, note         item i is done; `worker` of pytest-xdist
    look      i, executed, failure          what item i ran of the product, and what led to its failure
    cut       i, how, what                                       item i ended the session by an exception
    note      text                                               switched off, cut, not possible
    end       exitcode, reason                                   the session is over; interpreter exit follows
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

MAC_CHARS = 32
"""128 bits in hexadecimal."""
_MAX_SEQUENCE_DIGITS = 15
"""A longer number is junk, and `int()` of a very long one is slow."""
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, default=repr, separators=(",", ":")).encode
"""Bound at import: a test may replace `json.dumps`."""


def _mac(key: bytes, sequence: int, payload: bytes) -> bytes:
    digest = blake2b(payload, digest_size=MAC_CHARS // 2, key=key, salt=sequence.to_bytes(16, "big"))
    return digest.hexdigest().encode()


def encode(event: Mapping[str, Any]) -> bytes:
    """Return the event as ASCII JSON: lone surrogates, NUL and newlines become escapes."""
    return _encode(event).encode("ascii")


def seal(key: bytes, sequence: int, payload: bytes) -> bytes:
    """Return one line of the record."""
    return b"%s %d %s\n" % (_mac(key, sequence, payload), sequence, payload)


_EVENTS_OF_START = (b' {"e":"collecting"', b' {"e":"listed"', b' {"e":"conftest_error"')
"""The first conftest files are imported before the session begins."""


def belongs_to_start(block: bytes) -> bool:
    """Whether all lines of a block may come before `begin`, so that the process may still be starting."""
    return all(any(mark in line for mark in _EVENTS_OF_START) for line in block.splitlines())


class Opener:
    """Verifies the lines of one process in order; counts foreign, altered and replayed lines, and gaps."""

    def __init__(self, key: bytes) -> None:
        """Expect lines that were sealed with `key`."""
        self._key = key
        self.next_sequence = 0
        self.foreign = 0
        self.missing = 0

    def open(self, line: bytes) -> bytes | None:
        """Return the payload (JSON), or None for a line that is not the process's own and new."""
        mac, _, rest = line.rstrip(b"\n").partition(b" ")
        number, _, payload = rest.partition(b" ")
        if len(mac) != MAC_CHARS or not number.isdigit() or len(number) > _MAX_SEQUENCE_DIGITS:
            self.foreign += 1
            return None
        sequence = int(number)
        if sequence < self.next_sequence or _mac(self._key, sequence, payload) != mac:
            self.foreign += 1
            return None
        self.missing += sequence - self.next_sequence
        self.next_sequence = sequence + 1
        return payload


class LineBuffer:
    """Splits blocks into lines; a line that has no end yet waits for the next block."""

    def __init__(self) -> None:
        """An empty buffer."""
        self._rest = b""

    def feed(self, block: bytes) -> list[bytes]:
        """Add a block; return the lines that are now whole."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        return lines
