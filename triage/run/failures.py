"""Failures as the model has them, from the record's events and from what the harness saw of a death."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.run.stacks import Dump, as_frames

_LIBRARIES = ("site-packages", "dist-packages")
_RELATIONS = ("raised", "cause", "context", "member")
_TAIL_CHARS = 4000


class Origins:
    """Says where code belongs: to the product, to its tests, to a library."""

    def __init__(self, root: str) -> None:
        """`root` is the suite's; what lies beneath it is the author's."""
        self._root = os.path.realpath(root)
        self._known: dict[str, str] = {}

    def relative(self, path: str) -> str:
        """Posix and relative beneath the root, absolute elsewhere."""
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._relative(path)
        return known

    def _relative(self, path: str) -> str:
        if path.startswith("<"):
            return path
        real = os.path.realpath(os.path.join(self._root, path))
        if real.startswith(self._root + os.sep):
            return os.path.relpath(real, self._root).replace(os.sep, "/")
        return path.replace(os.sep, "/")

    def of(self, path: str) -> Literal["product", "test", "library", "unknown"]:
        """Whose code the file is."""
        if path.startswith("<"):
            return "unknown"
        place = self.relative(path)
        parts = place.split("/")
        if place.startswith("/") or any(name in parts for name in _LIBRARIES):
            return "library"
        name = parts[-1]
        named = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
        return "test" if named or "tests" in parts[:-1] or "test" in parts[:-1] else "product"

    def frame(self, frame: Frame) -> Frame:
        """The frame with its path and origin as documents have them."""
        return frame.model_copy(update={"path": self.relative(frame.path), "origin": self.of(frame.path)})


def failure_of(nodeid: str, data: Mapping[str, Any], origins: Origins) -> Failure:
    """One failure of the record."""
    return Failure(
        nodeid=nodeid,
        phase=Phase(data["phase"]),
        chain=tuple(_raised(entry, origins) for entry in data.get("chain", ())),
        longrepr=data.get("longrepr", ""),
        captured=Captured(
            stdout=data.get("stdout", ""), stderr=data.get("stderr", ""), log=data.get("log", "")
        ),
        subtest=data.get("subtest"),
    )


def _raised(data: Mapping[str, Any], origins: Origins) -> Raised:
    relation = data.get("relation", "raised")
    return Raised(
        type=data.get("type", ""),
        message=data.get("message", ""),
        relation=relation if relation in _RELATIONS else "raised",
        frames=tuple(origins.frame(Frame(**frame)) for frame in data.get("frames", ())),
        notes=tuple(data.get("notes", ())),
    )


def death(
    nodeid: str,
    kind: str,
    message: str,
    *,
    dump: Dump | None,
    log_tail: str,
    origins: Origins,
    phase: Phase | None = None,
) -> Failure:
    """The failure of a test whose process died or was killed: `kind` is `Crashed` or `Timeout`."""
    frames = tuple(origins.frame(frame) for frame in as_frames(dump)) if dump else ()
    text = f"{kind}: {message}\n\n{dump.text if dump else log_tail}"
    return Failure(
        nodeid=nodeid,
        phase=phase or (dump.phase if dump else Phase.CALL),
        chain=(Raised(type=kind, message=message, frames=frames),),
        longrepr=text[: 4 * _TAIL_CHARS].rstrip(),
    )


def cut_failure(nodeid: str, cut: Mapping[str, Any], origins: Origins) -> Failure:
    """The failure of a test that ended the session: `pytest.exit`, an interrupt, a plugin that raised."""
    chain = tuple(_raised(entry, origins) for entry in cut.get("chain", ()))
    return Failure(nodeid=nodeid, phase=Phase.CALL, chain=chain, longrepr=str(cut.get("what", "")))
