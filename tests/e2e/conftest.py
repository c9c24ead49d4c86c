"""Fixtures of tests that go through several commands."""

from __future__ import annotations

from tests.fixtures.clustering import failing, run
from tests.fixtures.projects import make_project, project, ran

__all__ = ["failing", "make_project", "project", "ran", "run"]
