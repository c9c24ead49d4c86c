"""Treatment: bind to a free port where the wanted one is taken. Settings: {"free": true}."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from triage.instruments.base import Writer, settings

_FREE = bool(settings("ports").get("free"))
_bind, _connect = socket.socket.bind, socket.socket.connect
_REPLACED: dict[int, int] = {}
"""For each wanted port the one that was bound: clients in the same process are led there."""


def _bound(self: socket.socket, address: Any) -> None:
    try:
        _bind(self, address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or self.family not in (socket.AF_INET, socket.AF_INET6):
            raise
        _bind(self, (address[0], 0, *address[2:]))
        _REPLACED[address[1]] = self.getsockname()[1]
        Writer("ports").write("taken", port=address[1])


def _connected(self: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and len(address) > 1 and address[1] in _REPLACED:
        address = (address[0], _REPLACED[address[1]], *address[2:])
    _connect(self, address)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Replace the methods before the user's code opens sockets."""
    if _FREE:
        socket.socket.bind = _bound  # type: ignore[method-assign,assignment]
        socket.socket.connect = _connected  # type: ignore[method-assign,assignment]
