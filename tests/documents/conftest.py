"""Fixtures of documents: a probed project, and values that reports are made of."""

from __future__ import annotations

from tests.fixtures.probed_project import options, patch, pristine_project, project, triage
from tests.fixtures.report_values import clusters, failure_rows, record

__all__ = ["clusters", "failure_rows", "options", "patch", "pristine_project", "project", "record", "triage"]
