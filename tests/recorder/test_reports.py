"""Texts of reports: what is remembered of them changes nothing that is written."""

from __future__ import annotations

from triage.recorder.reports import ReportSerializer
from triage.text.mark import MARK
from triage.text.redact import Redactor

VALUE = "kq7Zx93LmPwQ8vTr"
NAMED = f"where '{VALUE}' = a.password"


def test_text_that_was_clean_is_redacted_once_its_secret_is_named() -> None:
    serializer = ReportSerializer(Redactor(), 65536)
    assert serializer.text(VALUE) == VALUE
    assert VALUE not in serializer.text(NAMED)
    assert serializer.text(VALUE) == MARK


def test_same_document_is_the_same_from_memory() -> None:
    document = {"nodeid": "test_a.py::test_x[password=hunter2hunter2]", "outcome": "passed", "n": [1, "a"]}
    serializer = ReportSerializer(Redactor(), 65536)
    first = serializer.deep(document)
    assert serializer.deep(document) == first
    assert "hunter2" not in str(first)
