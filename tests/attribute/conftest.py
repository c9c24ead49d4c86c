"""Fixtures of the tests of joint searches."""

from __future__ import annotations

from tests.fixtures.projects import make_project, project

__all__ = ["make_project", "project"]
