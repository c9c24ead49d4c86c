"""What of its process a failure looked at, by name: an environment variable, a number of threads."""

from __future__ import annotations

import re
from collections.abc import Iterable

_VARIABLE = re.compile(
    r"(?:\benviron(?:\.(?:get|pop|setdefault))?\s*[\[(]|\bgetenvb?\s*\()\s*b?['\"](?P<name>[A-Za-z_]\w{0,80})['\"]"
)
_THREADS = re.compile(
    r"\b(?:get_num_threads|get_num_interop_threads|omp_get_max_threads|active_count|threadpool_info)(?=\s*\()"
)


def looked_at(texts: Iterable[str]) -> tuple[str, ...]:
    """Names in source lines and explanations of them, sorted, such as `environment variable HOME`."""
    text = "\n".join(texts)[:30_000]
    found: set[str] = set()
    if "env" in text:
        found.update(f"environment variable {match['name']}" for match in _VARIABLE.finditer(text))
    if "thread" in text or "active_count" in text:
        found.update(f"number of threads by {name}" for name in _THREADS.findall(text))
    return tuple(sorted(found))[:10]
