"""`pytest --triage-record DIR`: plain pytest leaves triage's record. Costs one option when unused."""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    parser.getgroup("triage").addoption(
        "--triage-record", metavar="DIR", default=None, help="write triage's record of this session to DIR"
    )


def pytest_configure(config: Any) -> None:
    """Load the recorder only where it was asked for; a worker of pytest-xdist leaves it to its controller."""
    if config.getoption("triage_record", None) and not hasattr(config, "workerinput"):
        from triage.recorder.standalone import record_to

        record_to(config, config.getoption("triage_record"))
