"""Fixtures of the cluster room: failures and runs in one line each."""

from __future__ import annotations

from tests.fixtures.clustering import failing, run

__all__ = ["failing", "run"]
