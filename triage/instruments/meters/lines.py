"""Meter: record which functions and lines of the product each test runs, in order of first execution.

Settings: {"lines": false} leaves the lines out; {"max_bytes": N} is the limit of one test's record. One line
for each test, behind its teardown: `executed` (see `triage.instruments.executed.Executed.as_json`). Set-up
counts: a fixture may be what calls the product.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from triage.instruments.base import Writer, settings
from triage.instruments.executed import MAX_BYTES, ExecutedCode

_SETTINGS = settings("lines")
_WRITER = Writer("lines")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Record set-up, call and teardown of one test."""
    code = ExecutedCode(
        os.getcwd(),
        lines=bool(_SETTINGS.get("lines", True)),
        max_bytes=int(_SETTINGS.get("max_bytes", MAX_BYTES)),
    )
    code.start()
    try:
        return (yield)
    finally:
        _WRITER.write("executed", nodeid=item.nodeid, **code.stop().as_json())
