"""Every extension point, in one file.

A package offers its plugins through the entry point group `triage`; the built-ins come through
the same door. Each hook returns a list of named things.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pluggy

GROUP = "triage"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def triage_probes() -> Sequence[Any]:  # type: ignore[empty-body]
    """Probes: objects with `name` and the generator protocol of `triage.probe.api.Probe`."""


@hookspec
def triage_signatures() -> Sequence[Any]:  # type: ignore[empty-body]
    """Signature algorithms: objects with `name`, `version` and `signature(failure)`."""


@hookspec
def triage_executors() -> Sequence[Any]:  # type: ignore[empty-body]
    """Executors: objects with `name` and `make(address, workers)`."""


@hookspec
def triage_stores() -> Sequence[Any]:  # type: ignore[empty-body]
    """History stores: objects with `name` (a URL scheme) and `make(url)`."""


@hookspec
def triage_report_sections() -> Sequence[Any]:  # type: ignore[empty-body]
    """Sections of the HTML report: objects with `name` and `render(document)` returning text."""


@hookspec
def triage_redactions() -> Sequence[Any]:  # type: ignore[empty-body]
    """Redaction rules: objects with `name` and `pattern`, a regular expression."""
