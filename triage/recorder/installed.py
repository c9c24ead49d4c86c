"""Names and versions of the installed distributions, without a parse of what else their metadata hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_METADATA_FILES = ("METADATA", "PKG-INFO", "")
"""Of wheels, of eggs, and of eggs that are one file; as `importlib.metadata` looks for them."""


def installed_versions(path: Sequence[str] | None = None) -> dict[str, str]:
    """Return the version of each distribution that this interpreter imports, in the order of names.

    `path` are other folders to look in: those of another interpreter.

    `Distribution.metadata` parses the description too, a whole README each: in every collection of a suite
    that took longer than pytest itself.
    """
    from importlib.metadata import distributions

    versions: dict[str, str] = {}
    found = distributions() if path is None else distributions(path=list(path))
    for distribution in found:
        headers = _headers(distribution)
        # a broken installation has no name
        if "name" in headers:
            # the first one on the path is the one that is imported
            versions.setdefault(headers["name"], headers.get("version", ""))
    return dict(sorted(versions.items()))


def _headers(distribution: Any) -> dict[str, str]:
    """Return the header fields before the description, their names in lower case."""
    headers: dict[str, str] = {}
    # the description is most of the file; headers end before the first empty line
    head, _, _ = _metadata(distribution).partition("\n\n")
    for line in head.splitlines():
        if not line.strip():
            break
        name, colon, value = line.partition(":")
        # a line that begins with a blank goes on with the field before it
        if colon and not name[:1].isspace():
            headers.setdefault(name.lower(), value.strip())
    return headers


def _metadata(distribution: Any) -> str:
    for name in _METADATA_FILES:
        text = distribution.read_text(name)
        if text:
            return str(text)
    return ""
