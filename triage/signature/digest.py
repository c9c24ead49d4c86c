"""From the fields of a signature to its id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache


def signature_id(algorithm: str, fields: Mapping[str, str]) -> str:
    """`algorithm:` and the first 16 hex digits of SHA-256 over the named fields; empty ones do not count."""
    return _digest(algorithm, tuple(sorted(item for item in fields.items() if item[1])))


@lru_cache(maxsize=65536)
def _digest(algorithm: str, content: tuple[tuple[str, str], ...]) -> str:
    text = json.dumps(dict(content), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{algorithm}:{hashlib.sha256(text.encode('utf-8')).hexdigest()[:16]}"
