"""Fixtures of phases C and D: a small project with a probed cluster."""

from __future__ import annotations

from tests.fixtures.probed_project import options, patch, pristine_project, project, triage

__all__ = ["options", "patch", "pristine_project", "project", "triage"]
