"""What `triage doctor` says of one thing; apart from `doctor.py`, so that who only shows it loads no git."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from triage.model.base import Value


class Finding(Value):
    """One thing that was examined."""

    level: Literal["ok", "warning", "error"]
    what: str
    mend: str = ""
    """What to do about it; empty where all is well."""

    @model_validator(mode="after")
    def _has_its_mend(self) -> Self:
        if self.level != "ok" and not self.mend:
            raise ValueError(f"nobody is told how to mend: {self.what}")
        return self
