"""How the code that a setup runs on is made from a commit: what other rooms prepare beside plain commits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from triage.lab.protocol import Setup
from triage.process.scratch import Overlay


class States(Protocol):
    """Makes states of the code; the user's tree is never touched."""

    def overlay(self, setup: Setup) -> Overlay | None:
        """What is laid over the setup's commit in every copy of it."""

    def edits(self, setup: Setup) -> Mapping[str, str | None]:
        """Files that get another text (None: removed), by path relative to the root."""

    def instruments(self, setup: Setup, tree: Path) -> Mapping[str, Any]:
        """Instruments by name with their settings; `tree` is the copy that is run, its suite's root."""


class PlainStates:
    """Commits as they are, with the setup's own edits."""

    def overlay(self, setup: Setup) -> Overlay | None:
        """Nothing: a setup of this kind never asks for more than its commit."""
        if setup.head_tests or setup.reverted:
            raise ValueError("this laboratory knows no states but commits")
        return None

    def edits(self, setup: Setup) -> Mapping[str, str | None]:
        """Those of the setup."""
        return setup.edits

    def instruments(self, setup: Setup, tree: Path) -> Mapping[str, Any]:
        """Those of the setup."""
        return setup.instruments
