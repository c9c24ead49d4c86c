"""Treatment: collect the suite, record every node id in order, and run nothing."""

from __future__ import annotations

import os

import pytest

from triage.instruments.base import Writer


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Record the ids, then leave nothing to run."""
    Writer("listing").write("items", ids=[item.nodeid for item in items], root=os.getcwd())
    items[:] = []
