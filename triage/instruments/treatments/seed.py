"""Treatment: seed the random generators.

Settings: {"seed": N} seeds `random`, numpy and torch before each test and gives generators without a seed
this one; {"instead": N} also replaces the seed in the test's own calls of `seed` and `manual_seed`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.imports import when_imported

_SETTINGS = settings("seed")
_SEED: int | None = _SETTINGS.get("seed")
_INSTEAD: int | None = _SETTINGS.get("instead")
_WRITER = Writer("seed")


def _seed_all() -> None:
    if _SEED is None:
        return
    random.seed(_SEED)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed(_SEED % 2**32)
    if torch is not None and hasattr(torch, "manual_seed"):
        torch.manual_seed(_SEED)


class _Seeded(random.Random):
    """Starts from the seed of the settings where it is given none."""

    def __init__(self, x: Any = None) -> None:
        super().__init__(_SEED if x is None else x)


def _replace(owner: Any, name: str, real: Callable[..., Any]) -> None:
    """Record the calls of a function that seeds, and replace the seed where the settings say so."""

    def seed(value: Any = None, *rest: Any, **more: Any) -> Any:
        _WRITER.write("seeded", name=f"{getattr(owner, '__name__', owner)}.{name}", value=repr(value)[:80])
        return real(_INSTEAD if _INSTEAD is not None and value is not None else value, *rest, **more)

    setattr(owner, name, seed)


def _numpy(module: Any) -> None:
    real = module.default_rng
    _replace(module, "seed", module.seed)

    def default_rng(seed: Any = None) -> Any:
        if seed is None:
            return real(_SEED)
        _WRITER.write("seeded", name="numpy.random.default_rng", value=repr(seed)[:80])
        return real(_INSTEAD if _INSTEAD is not None and isinstance(seed, int) else seed)

    module.default_rng = default_rng


def _torch(module: ModuleType) -> None:
    _replace(module, "manual_seed", module.manual_seed)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart() -> None:
    """Seed before the user's modules make generators of their own."""
    _seed_all()
    if _SEED is not None:
        random.Random = _Seeded  # type: ignore[misc]
    _replace(random, "seed", random.seed)
    when_imported("numpy.random", _numpy)
    when_imported("torch", _torch)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed before the fixtures of each test."""
    _seed_all()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Seed again before the test itself: its fixtures may have drawn numbers."""
    _seed_all()
