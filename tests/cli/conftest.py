"""Fixtures of the command line: a project on the spot, and builders of failures and runs."""

from __future__ import annotations

from tests.fixtures.clustering import failing, run
from tests.fixtures.projects import make_project, project, ran

__all__ = ["failing", "make_project", "project", "ran", "run"]
