"""The probes that come with triage, registered through the same door as a stranger's."""

from __future__ import annotations

from collections.abc import Sequence

from triage.probe.api import Probe
from triage.probe.probes.alone import Alone
from triage.probe.probes.arithmetic import Numeric
from triage.probe.probes.blame import Blame
from triage.probe.probes.clock import Clock
from triage.probe.probes.commit import CommitProbe
from triage.probe.probes.crash import Crash
from triage.probe.probes.custom_backward import Backwards
from triage.probe.probes.dependency import Dependency
from triage.probe.probes.environment import Environment
from triage.probe.probes.files import Files
from triage.probe.probes.flaky import Repeat
from triage.probe.probes.gradient import Gradient
from triage.probe.probes.hang import Hang
from triage.probe.probes.interaction import Interaction
from triage.probe.probes.machine import Locale, Network, Resource
from triage.probe.probes.order import Order, Setter
from triage.probe.probes.parameter import Parameter
from triage.probe.probes.seed import Seed
from triage.probe.probes.signal import Signal
from triage.probe.probes.survey import Survey
from triage.probe.probes.user_factor import Asked


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
