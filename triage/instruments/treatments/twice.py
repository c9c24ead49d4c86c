"""Treatment: run each test twice in a row in one process. Settings: {"on": true}.

The second time has fixtures and an instance of its own; what both share is what the first one left behind.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from triage.instruments.base import settings

_ON = bool(settings("twice").get("on"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Put a second item behind each."""
    if _ON:
        items[:] = [twin for item in items for twin in (item, _second(item))]


def _second(item: Any) -> Any:
    """The same test once more: pytest tears an item down before another one, and not before itself."""
    second = copy.copy(item)
    if getattr(item, "cls", None) is not None:
        # made at collection: a second run with the first one's instance would see its attributes
        for name in ("_instance", "_obj"):
            vars(second).pop(name, None)
    if hasattr(second, "_initrequest"):
        second._initrequest()
    return second
