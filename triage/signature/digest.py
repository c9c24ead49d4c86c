"""From the fields of a signature to its id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def signature_id(algorithm: str, fields: Mapping[str, str]) -> str:
    """`algorithm:` and the first 16 hex digits of SHA-256 over the named fields; empty ones do not count."""
    content = {name: value for name, value in fields.items() if value}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{algorithm}:{hashlib.sha256(text.encode('utf-8')).hexdigest()[:16]}"
