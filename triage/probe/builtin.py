"""The probes that come with triage, registered through the same door as a stranger's."""

from __future__ import annotations

from collections.abc import Sequence

from triage.probe.alone import Alone
from triage.probe.api import Probe
from triage.probe.asked import Asked
from triage.probe.backwards import Backwards
from triage.probe.blame import Blame
from triage.probe.clock import Clock
from triage.probe.commit import CommitProbe
from triage.probe.crash import Crash
from triage.probe.dependency import Dependency
from triage.probe.environment import Environment
from triage.probe.files import Files
from triage.probe.gradient import Gradient
from triage.probe.hang import Hang
from triage.probe.interaction import Interaction
from triage.probe.numeric import Numeric
from triage.probe.order import Order, Setter
from triage.probe.parameter import Parameter
from triage.probe.repeat import Repeat
from triage.probe.seed import Seed
from triage.probe.signal import Signal
from triage.probe.surroundings import Locale, Network, Resource
from triage.probe.survey import Survey


def built_in() -> tuple[Probe, ...]:
    """One of each."""
    kinds = (
        Repeat,
        Survey,
        Asked,
        Order,
        Alone,
        Setter,
        Environment,
        Files,
        Signal,
        Gradient,
        Backwards,
        Numeric,
        Seed,
        Clock,
        Locale,
        Network,
        Resource,
        Hang,
        Crash,
        Parameter,
        CommitProbe,
        Dependency,
        Interaction,
        Blame,
    )
    return tuple(kind() for kind in kinds)


def chosen(probes: Sequence[Probe], names: Sequence[str]) -> tuple[Probe, ...]:
    """Those that the user named, in that order; raises KeyError with the first unknown name."""
    known = {probe.name: probe for probe in probes}
    return tuple(known[name] for name in names)
