"""Fixtures of the base: projects in folders of their own."""

from __future__ import annotations

from tests.fixtures.projects import project

__all__ = ["project"]
