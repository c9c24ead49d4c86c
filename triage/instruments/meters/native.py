"""Meter: native stacks at the moment of death, by gdb that waits beside the process, where it is there."""

from __future__ import annotations

import pytest

from triage.instruments.processes import attach, traced

_SECONDS = 10.0
_began: list[bool] = []


def _begin() -> None:
    if not _began:
        _began.append(attach("native", until_it_dies=True) and traced(_SECONDS))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Before modules are imported: some die there."""
    _begin()
