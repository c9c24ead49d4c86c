"""What `triage doctor` says of one thing; apart from `doctor.py`, so that who only shows it loads no git."""

from __future__ import annotations

from typing import Literal

from triage.model.base import Value


class Finding(Value):
    """One thing that was examined."""

    level: Literal["ok", "warning", "error"]
    what: str
    mend: str = ""
