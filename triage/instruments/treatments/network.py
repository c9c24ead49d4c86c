"""Treatment: a network that answers. Settings: {"answers": true}: names resolve to this machine, and
connections elsewhere reach a small server in the test's own process that accepts, and answers HTTP with 200.
"""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from triage.instruments.base import settings

_ANSWERS = bool(settings("network").get("answers"))
_REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
)
_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
_server: socket.socket | None = None


def _serve(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(client,), daemon=True).start()


def _answer(client: socket.socket) -> None:
    client.settimeout(2.0)
    try:
        if client.recv(65536):
            client.sendall(_REPLY)
    except OSError:
        pass
    finally:
        client.close()


def _elsewhere(self: socket.socket, address: Any) -> Any:
    """The address to use: the stand-in's, unless somebody listens where the test wants to go."""
    if (
        self.family not in (socket.AF_INET, socket.AF_INET6)
        or _server is None
        or self.type != socket.SOCK_STREAM
    ):
        return address
    attempt = socket.socket(self.family, self.type)
    attempt.settimeout(0.2)
    local = str(address[0]).startswith("127.") or address[0] in ("::1", "localhost")
    listening = local and _connect_ex(attempt, address) == 0
    attempt.close()
    return address if listening else (*_server.getsockname()[:2], *address[2:])[: len(address)]


def _connected(self: socket.socket, address: Any) -> None:
    _connect(self, _elsewhere(self, address))


def _connected_ex(self: socket.socket, address: Any) -> int:
    return _connect_ex(self, _elsewhere(self, address))


def _resolved(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
    try:
        return _getaddrinfo(host, port, *rest, **more)
    except OSError:
        number = port if isinstance(port, int) else 80
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number))]


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Before the user's code takes the functions."""
    global _server  # noqa: PLW0603 - one stand-in a process
    if not _ANSWERS:
        return
    _server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    _server.bind(("127.0.0.1", 0))
    _server.listen(16)
    threading.Thread(target=_serve, args=(_server,), daemon=True).start()
    socket.socket.connect = _connected  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = _connected_ex  # type: ignore[method-assign,assignment]
    socket.getaddrinfo = _resolved
    socket.gethostbyname = lambda name: "127.0.0.1"
