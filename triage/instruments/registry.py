"""Name every instrument once: from its short name to the pytest plugin that carries it."""

from __future__ import annotations

_METERS = (
    "changes",
    "configs",
    "gradients",
    "holds",
    "lastline",
    "lines",
    "native",
    "reach",
    "reads",
    "references",
    "trace",
    "usage",
    "waits",
    "writes",
)
_TREATMENTS = (
    "backwards",
    "beside",
    "checkout",
    "children",
    "clock",
    "corrupt",
    "cwd",
    "defaults",
    "disk",
    "entries",
    "limits",
    "listing",
    "locks",
    "machine",
    "namespaces",
    "network",
    "numerics",
    "ports",
    "prelude",
    "sabotage",
    "seed",
    "state",
    "temporary",
    "terminal",
    "threads",
    "tolerance",
    "twice",
)

MODULES: dict[str, str] = {
    **{name: f"triage.instruments.meters.{name}" for name in _METERS},
    **{name: f"triage.instruments.treatments.{name}" for name in _TREATMENTS},
}


def plugin_of(name: str) -> str:
    """Return the module that pytest loads with `-p` for an instrument.

    Raises KeyError for a name that no instrument has.
    """
    return MODULES[name]
