"""Treatment: a network that answers, or none.

Settings: {"refuses": true}: names do not resolve, and only this machine can be reached. {"answers": true}:
every name resolves to this machine, and connections to elsewhere reach a small server in the test's own
process, which accepts and answers HTTP with 200.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from typing import Any

import pytest

from triage.instruments.base import settings

_ANSWERS = bool(settings("network").get("answers"))
_REFUSES = bool(settings("network").get("refuses"))
_REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
)
_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
_REQUEST_SECONDS = 2.0
_PROBE_SECONDS = 0.2
_server: socket.socket | None = None


def _serve(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(client,), daemon=True).start()


def _answer(client: socket.socket) -> None:
    client.settimeout(_REQUEST_SECONDS)
    try:
        if client.recv(65536):
            client.sendall(_REPLY)
    except OSError:
        pass
    finally:
        client.close()


def _redirected(self: socket.socket, address: Any) -> Any:
    """The address of our server; the test's own where that is on this machine and somebody listens."""
    is_internet = self.family in (socket.AF_INET, socket.AF_INET6)
    if _server is None or not is_internet or self.type != socket.SOCK_STREAM:
        return address
    if _is_local(address) and _has_listener(self, address):
        return address
    # addresses of IPv6 have two more fields
    return (*_server.getsockname()[:2], *address[2:])[: len(address)]


def _is_local(address: Any) -> bool:
    return str(address[0]).startswith("127.") or address[0] in ("::1", "localhost")


def _has_listener(client: socket.socket, address: Any) -> bool:
    with socket.socket(client.family, client.type) as attempt:
        attempt.settimeout(_PROBE_SECONDS)
        return _connect_ex(attempt, address) == 0


def _connected(self: socket.socket, address: Any) -> None:
    _connect(self, _redirected(self, address))


def _connected_ex(self: socket.socket, address: Any) -> int:
    return _connect_ex(self, _redirected(self, address))


def _resolved(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
    try:
        return _getaddrinfo(host, port, *rest, **more)
    except OSError:
        # a service by name is most likely HTTP
        number = port if isinstance(port, int) else 80
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", number))]


def _refused(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address):
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
    _connect(self, address)


def _refused_ex(self: socket.socket, address: Any) -> int:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address):
        return errno.ENETUNREACH
    return _connect_ex(self, address)


def _unresolved(host: Any, *rest: Any, **more: Any) -> Any:
    if host is not None and not _is_local((host,)) and not str(host).replace(".", "").isdigit():
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _getaddrinfo(host, *rest, **more)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Start the server and replace the functions before the user's code imports them."""
    global _server  # noqa: PLW0603 - one server a process
    if _REFUSES:
        socket.socket.connect = _refused  # type: ignore[method-assign,assignment]
        socket.socket.connect_ex = _refused_ex  # type: ignore[method-assign,assignment]
        socket.getaddrinfo = _unresolved
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
