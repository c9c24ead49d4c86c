"""Names for tensors: what the user's code calls them in the frames that led to a call."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from triage.instruments.base import authors

_DEPTH = 3
_MOST = 3000


def tensors_by_name(torch: ModuleType, root: str) -> list[tuple[str, Any]]:
    """Tensors that locals of the user's frames hold, directly or inside containers, outermost frame first.

    A key or attribute names a tensor better than the container it lies in: `params["cell_a"]` and
    `config.cell_a` are both `cell_a`; a list gives `weights[2]`.
    """
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    for frame in _user_frames(root):
        for name, value in list(frame.f_locals.items()):
            found.extend(_inside(torch, name, value, _DEPTH, seen))
    return sorted(found, key=lambda pair: pair[0].count(".") + pair[0].count("["))


def _user_frames(root: str) -> list[Any]:
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
    if depth == 0 or id(value) in seen or len(seen) > _MOST:
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
    if isinstance(value, dict):
        return [(str(key), item) for key, item in list(value.items())[:200]]
    if isinstance(value, list | tuple):
        fields = getattr(value, "_fields", None)
        if fields:
            return list(zip(fields, value, strict=False))
        return [(f"{name}[{number}]", item) for number, item in enumerate(value[:200])]
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(value, type | ModuleType | FunctionType):
        return [(key, item) for key, item in attributes.items() if not key.startswith("__")]
    return []
