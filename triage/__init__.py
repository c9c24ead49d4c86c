"""Test triage: from a red pytest suite to proven root causes. Its API is `triage.open(root)`.

PYTEST_DONT_REWRITE is for pytest: an installed package with a plugin is one whose assertions pytest wants to
rewrite, and it would warn in each process that had imported this one before.
"""

from __future__ import annotations

_API = ("Project", "TriageError", "open")


def __getattr__(name: str) -> object:
    """Load the API where somebody asks for it: every process under test imports this package."""
    if name not in _API:
        raise AttributeError(f"module 'triage' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("triage.api"), name)


def __dir__() -> list[str]:
    """What is there, with what is loaded later."""
    return sorted((*globals(), *_API))
