"""What a failure looks like once the accidental is masked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache

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


def signature_id(algorithm: str, fields: Mapping[str, str]) -> str:
    """`algorithm:` and the first 16 hex digits of SHA-256 over the named fields; empty ones do not count."""
    return _digest(algorithm, tuple(sorted(item for item in fields.items() if item[1])))


@lru_cache(maxsize=65536)
def _digest(algorithm: str, content: tuple[tuple[str, str], ...]) -> str:
    text = json.dumps(dict(content), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{algorithm}:{hashlib.sha256(text.encode('utf-8')).hexdigest()[:16]}"
