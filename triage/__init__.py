"""Test triage: from a red pytest suite to proven root causes."""
