"""`pytest --triage-record DIR`: plain pytest leaves triage's record. Costs one option when unused."""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    """The one option."""
    parser.getgroup("triage").addoption(
        "--triage-record", metavar="DIR", default=None, help="write triage's record of this session to DIR"
    )
