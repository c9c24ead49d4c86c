"""Name tensors as the user's code names them in the frames that led to a call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from triage.instruments.base import authors

_MAX_DEPTH = 3
_MAX_CONTAINERS = 3000
_MAX_ITEMS = 200
"""Of each container: a tensor that a test differentiates stands near the start."""


def tensors_by_name(torch: ModuleType, root: str) -> list[tuple[str, Any]]:
    """Return tensors that locals of the user's frames hold, also in containers; shortest names first.

    A key or attribute names a tensor better than the container it lies in: `params["cell_a"]` and
    `config.cell_a` are both `cell_a`; a list gives `weights[2]`.
    """
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    for frame in _user_frames(root):
        for name, value in list(frame.f_locals.items()):
            found.extend(_inside(torch, name, value, _MAX_DEPTH, seen))
    return sorted(found, key=_nesting)


def _nesting(named: tuple[str, Any]) -> int:
    name, _ = named
    return name.count(".") + name.count("[")


def _user_frames(root: str) -> list[Any]:
    """Frames of the user's code, outermost first."""
    frames = []
    frame: Any = sys._getframe(2)
    while frame is not None:
        if authors(root, frame.f_code.co_filename) is not None:
            frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _inside(
    torch: ModuleType, name: str, value: Any, depth: int, seen: set[int]
) -> Iterator[tuple[str, Any]]:
    if isinstance(value, torch.Tensor):
        yield name, value
        return
    if depth == 0 or id(value) in seen or len(seen) > _MAX_CONTAINERS:
        return
    if isinstance(value, torch.nn.Module):
        seen.add(id(value))
        yield from value.named_parameters()
        return
    parts = _parts(name, value)
    if parts:
        seen.add(id(value))
        for part, item in parts:
            yield from _inside(torch, part, item, depth - 1, seen)


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """The named members of a container or an object; empty for any other value."""
    if isinstance(value, dict):
        return [(str(key), item) for key, item in list(value.items())[:_MAX_ITEMS]]
    if isinstance(value, list | tuple):
        fields = getattr(value, "_fields", None)
        if fields:
            return list(zip(fields, value, strict=False))
        return [(f"{name}[{number}]", item) for number, item in enumerate(value[:_MAX_ITEMS])]
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(value, type | ModuleType | FunctionType):
        return [(key, item) for key, item in attributes.items() if not key.startswith("__")]
    return []
