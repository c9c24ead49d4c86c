"""What a failure looks like once the accidental is masked."""

from __future__ import annotations

import re

from pydantic import field_validator

from triage.model.base import Value

_FORM = re.compile(r"[a-z][a-z0-9-]*/[1-9][0-9]*:[0-9a-f]{16}")


class Signature(Value):
    """`algorithm/version:hash`. Its meaning never moves: a change of output is a new version."""

    id: str
    title: str = ""
    """One line for people; no part of the identity."""
    fields: dict[str, str] = {}
    """What went into the hash, by name, so that a join can be explained."""
    marks: dict[str, tuple[str, ...]] = {}
    """Evidence seen beside the hash, by kind, such as `difference`: ("0.5",); no part of the identity."""

    @field_validator("id")
    @classmethod
    def _well_formed(cls, text: str) -> str:
        if not _FORM.fullmatch(text):
            raise ValueError(f"{text!r} is not algorithm/version:hash with 16 lower-case hex digits")
        return text

    @property
    def algorithm(self) -> str:
        """Name and version, such as `reason/1`."""
        return self.id.partition(":")[0]
