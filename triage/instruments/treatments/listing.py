"""Treatment: collect the suite, record every node id in order, and run nothing."""

from __future__ import annotations

import os
from typing import Any

import pytest

from triage.instruments.base import Writer


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Record the ids, and how the suite's options use pytest-xdist; then leave nothing to run."""
    Writer("listing").write(
        "items", ids=[item.nodeid for item in items], root=os.getcwd(), xdist=_parallel(config)
    )
    items[:] = []


def _parallel(config: pytest.Config) -> dict[str, Any] | None:
    """What the options ask of pytest-xdist, before triage's recorder switched it off; None without xdist."""
    if not hasattr(config.option, "numprocesses"):
        return None
    workers, distribution = getattr(config, "triage_workers", (None, None))
    return {"workers": workers, "distribution": distribution}
