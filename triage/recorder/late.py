"""Change the surroundings of a child of a fork server, which has imported and collected the suite already.

Settings: `env` (variables, None: unset), `plugins` (modules of instruments), `document` (the file with their
settings). The hooks of an instrument that pytest has called by now are called here, in pytest's order. What
the suite read while it was imported stays as it was: a process that starts with the instruments shows that.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import time
from typing import Any

_PAST_HOOKS = (
    "pytest_sessionstart",
    "pytest_collection",
    "pytest_collection_modifyitems",
    "pytest_collection_finish",
)
_DOCUMENT = "TRIAGE_INSTRUMENT"
"""Names the file from which instruments read their settings when they are imported."""


def change_surroundings(late: dict[str, Any], session: Any) -> None:
    """Set the variables, then load the instruments."""
    for name, value in late.get("env", {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _forget_what_variables_said()
    os.environ[_DOCUMENT] = late["document"]
    try:
        modules = [importlib.import_module(name) for name in late.get("plugins", ())]
    finally:
        del os.environ[_DOCUMENT]
    for module in modules:
        session.config.pluginmanager.register(module, module.__name__)
    for name in _PAST_HOOKS:
        for module in modules:
            _call(getattr(module, name, None), session)


def _forget_what_variables_said() -> None:
    """Python keeps the time zone and the temporary folder once it has read them."""
    time.tzset()
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None  # type: ignore[attr-defined]


def _call(hook: Any, session: Any) -> None:
    """Call a hook with those of its arguments that it names."""
    if hook is None:
        return
    known = {"session": session, "items": session.items, "config": session.config}
    hook(**{name: known[name] for name in inspect.signature(hook).parameters})
