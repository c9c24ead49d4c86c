"""The probes that come with triage, registered through the same door as a stranger's."""

from __future__ import annotations

from collections.abc import Sequence

from triage.probe.alone import Alone
from triage.probe.api import Probe
from triage.probe.repeat import Repeat
from triage.probe.signal import Signal


def built_in() -> tuple[Probe, ...]:
    """One of each."""
    return (Repeat(), Alone(), Signal())


def chosen(probes: Sequence[Probe], names: Sequence[str]) -> tuple[Probe, ...]:
    """Those that the user named, in that order; raises KeyError with the first unknown name."""
    known = {probe.name: probe for probe in probes}
    return tuple(known[name] for name in names)
