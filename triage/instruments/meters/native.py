"""Meter: record native stacks when the process dies, by a gdb that waits beside it."""

from __future__ import annotations

import pytest

from triage.instruments.processes import attach, traced

_ATTACH_SECONDS = 10.0
_began: list[bool] = []
"""Not empty once gdb was started, with whether it has attached."""


def _begin() -> None:
    if not _began:
        _began.append(attach("native", until_it_dies=True) and traced(_ATTACH_SECONDS))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Attach before modules are imported: some die there."""
    _begin()
