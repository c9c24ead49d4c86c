"""Treatment: turn the names of the suite's modules and classes around. Settings: {"backwards": true}.

`globals()`, `vars(module)` and `__subclasses__` list names as they came to be, which another order of imports
or of definitions changes.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

import pytest

from triage.instruments.base import beneath, settings

_BACKWARDS = bool(settings("namespaces").get("backwards"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish() -> None:
    """Behind the collection, which lists the names of modules itself."""
    if not _BACKWARDS:
        return
    root = os.getcwd()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(module, ModuleType) and path and beneath(root, path) is not None:
            _turn_around(vars(module))


def _turn_around(names: dict[str, object]) -> None:
    """List the names in the opposite order; no name is missing to whoever looks one up meanwhile."""
    for name in list(names)[::-1]:
        value = names.pop(name)
        names[name] = value
