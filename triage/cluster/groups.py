"""Group failures by equal signature; place the groups by what the journal and rules say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, assert_never

from triage.cluster.registry import ClusterRegistry
from triage.cluster.rules import Rule, Rules
from triage.model.cluster import Why
from triage.model.failure import CRASHED, TIMED_OUT, Failure, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.model.signature import Feature, Signature

Signer = Callable[[Failure], tuple[Signature, ...]]
"""Signatures of one failure, the current algorithm's first; pure."""

Slot = tuple[str, int]
"""Names one failure of a run: node id, and which of the test's failures."""


class SlottedFailure(NamedTuple):
    """One failure of a run with its slot."""

    slot: Slot
    failure: Failure


@dataclass
class Group:
    """All failures of a run that have one signature; a function of their set, not of their order."""

    signature: Signature
    """As the first failure by node id has it."""
    ids: set[str]
    """Signature ids of every algorithm that the failures have."""
    first: Slot
    slots: list[Slot]
    features: dict[Feature, tuple[str, ...]]
    """The evidence that *every* failure of the group shows."""
    example: Failure
    """The first failure by node id, by which people know the group."""
    last: tuple[Signature, ...] = ()
    """The signatures that were added last: often the very same again."""

    @classmethod
    def of(cls, slotted: SlottedFailure, signatures: tuple[Signature, ...]) -> Group:
        """A group of one."""
        ids = {signature.id for signature in signatures}
        return cls(signatures[0], ids, slotted.slot, [slotted.slot], signatures[0].features, slotted.failure)

    def add(self, slotted: SlottedFailure, signatures: tuple[Signature, ...]) -> None:
        """One more failure."""
        self.slots.append(slotted.slot)
        if slotted.slot < self.first:
            self.first, self.signature, self.example = slotted.slot, signatures[0], slotted.failure
        if signatures is not self.last:
            self.last = signatures
            self.ids.update(signature.id for signature in signatures)
            self.features = shared(self.features, signatures[0].features)

    @property
    def members(self) -> tuple[str, ...]:
        """Node ids, each once, sorted."""
        return tuple(sorted({nodeid for nodeid, _ in self.slots}))


def shared(
    one: dict[Feature, tuple[str, ...]], other: dict[Feature, tuple[str, ...]]
) -> dict[Feature, tuple[str, ...]]:
    """The features that both have, kinds and values."""
    if one is other or one == other:
        return one
    both = {}
    for kind, values in one.items():
        theirs = other.get(kind, ())
        if common := tuple(value for value in values if value in theirs):
            both[kind] = common
    return both


def group_by_signature(failures: Iterable[SlottedFailure], signer: Signer) -> dict[str, Group]:
    """Groups by current signature id, sorted by it."""
    groups: dict[str, Group] = {}
    for slotted in failures:
        signatures = signer(slotted.failure)
        group = groups.get(signatures[0].id)
        if group is None:
            groups[signatures[0].id] = Group.of(slotted, signatures)
        else:
            group.add(slotted, signatures)
    return dict(sorted(groups.items()))


def failures_of(record: RunRecord) -> Iterator[SlottedFailure]:
    """Every failure of the run; a red result without one (crash, timeout) gets what is known of its end."""
    for result in (*record.collect_errors, *record.results):
        failures = result.failures
        if not failures and result.outcome.has_failures:
            failures = (_ended(result),)
        for index, failure in enumerate(failures):
            yield SlottedFailure((result.nodeid, index), failure)


def _ended(result: TestResult) -> Failure:
    """A failure that says how the process or the test ended, without what is volatile in this run."""
    return Failure(nodeid=result.nodeid, phase=Phase.CALL, chain=(_raised_by_end(result),))


def _raised_by_end(result: TestResult) -> Raised:
    outcome = result.outcome
    match outcome:
        case Outcome.CRASHED:
            code = "unknown end" if result.exit_code is None else f"exit code {result.exit_code}"
            return Raised(type=CRASHED, message=f"the process died: {result.signal or code}")
        case Outcome.TIMEOUT:
            return Raised(type=TIMED_OUT, message="the test was stopped at its time limit")
        case Outcome.FAILED | Outcome.ERROR | Outcome.FLAKY:
            return Raised(type="", message=result.note or "failed without a reason")
        case Outcome.PASSED | Outcome.XPASSED | Outcome.XFAILED | Outcome.SKIPPED | Outcome.NOT_RUN:
            raise ValueError(f"{outcome} is no failure")
        case _:
            assert_never(outcome)


@dataclass
class Unit:
    """Failures that are placed as one: a group, or those of its failures that a person split off."""

    group: Group
    slots: list[Slot]
    home: str | None
    """The known cluster, where there is one."""
    decided: bool = False
    """A person or a rule put these failures there; no evidence moves them."""
    rule: Rule | None = None
    """The rule that did."""
    news: tuple[str, ...] = ()
    """Signature ids that the known cluster does not have yet."""
    vouched_by: str | None = None
    """Signature of an older algorithm through which the home was found."""
    moved_from: str | None = None
    """The signature before files were renamed, through which the home was found."""
    why: list[Why] = field(default_factory=list)

    @cached_property
    def key(self) -> tuple[Slot, str]:
        """Orders units alike on every machine."""
        return min(self.slots), self.group.signature.id

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Node ids, each once, sorted."""
        return tuple(sorted({nodeid for nodeid, _ in self.slots}))


def units_of(
    groups: Iterable[Group],
    registry: ClusterRegistry,
    rules: Rules | None = None,
    earlier: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> list[Unit]:
    """Every failure of the groups in exactly one unit, in a stable order.

    `earlier` has the signatures that groups had before files were renamed, by their current one.

    Raises `UsageError` (bad-rules) for a rule whose cluster does not exist.
    """
    units: list[Unit] = []
    for group in groups:
        units += _units(group, registry, earlier.get(group.signature.id, ()))
    if rules is not None and rules.rules:
        rules.check_clusters(registry)
        units = [part for unit in units for part in _ruled(unit, registry, rules)]
    return sorted(units, key=lambda unit: unit.key)


def _ruled(unit: Unit, registry: ClusterRegistry, rules: Rules) -> Iterator[Unit]:
    """The unit, or the parts of it that rules move; what a person split off stays where it is."""
    if unit.decided:
        yield unit
        return
    fields = unit.group.signature.fields
    deciding: dict[str, Rule] = {}
    slots_of: dict[str, list[Slot]] = defaultdict(list)
    for slot in unit.slots:
        rule = rules.first({**fields, "test": slot[0]})
        if rule is not None:
            deciding[rule.name] = rule
        slots_of[rule.name if rule is not None else ""].append(slot)
    for name, slots in sorted(slots_of.items()):
        if name in deciding:
            yield _by_rule(unit, slots, deciding[name], registry)
        else:
            yield replace(unit, slots=slots)


def _by_rule(unit: Unit, slots: list[Slot], rule: Rule, registry: ClusterRegistry) -> Unit:
    """The failures of a unit that a rule puts into its cluster."""
    home = rule.cluster or registry.rules.get(rule.name)
    if home is not None:
        home = registry.resolve(home)
    detail = f"rule {rule.name!r}"
    if rule.reason:
        detail = f"{detail}: {rule.reason}"
    return Unit(unit.group, slots, home, decided=True, rule=rule, why=[Why(kind="rule", detail=detail)])


def _units(group: Group, registry: ClusterRegistry, earlier: tuple[str, ...]) -> Iterator[Unit]:
    home, vouched_by = known_home(group, registry)
    moved_from = None
    if home is None:
        moved_from = next((signature for signature in earlier if signature in registry.home), None)
    if moved_from is not None:
        home = registry.home[moved_from]
    news = tuple(sorted(group.ids - registry.home.keys()))
    slots = group.slots
    if registry.member_home:
        by_split: dict[str, list[Slot]] = defaultdict(list)
        for slot in group.slots:
            decided = (registry.member_home.get((known, slot[0])) for known in (group.signature.id, *earlier))
            by_split[next(filter(None, decided), "")].append(slot)
        slots = by_split.pop("", [])
        for decided_home, own in by_split.items():
            # what the split left behind keeps the signature, also where none of it fails today
            own_news = news if moved_from is not None and not slots else ()
            yield Unit(group, own, decided_home, decided=True, news=own_news, moved_from=moved_from)
    if slots:
        yield Unit(group, slots, home, news=news, vouched_by=vouched_by, moved_from=moved_from)


def known_home(group: Group, registry: ClusterRegistry) -> tuple[str | None, str | None]:
    """The cluster that has one of the group's signatures, and the older signature that says so.

    A signature of an older algorithm vouches only while its successor is unknown: once both were
    stored side by side, a failure with the old one and another new one is what the new algorithm was
    made to tell apart. A signature that differs by one decade of the error vouches too.
    """
    current = group.signature.id
    if current in registry.home:
        return registry.home[current], None
    for older in sorted(group.ids - {current}):
        if older in registry.home and older not in registry.translated:
            return registry.home[older], older
    for near in group.features.get(Feature.NEAR, ()):
        if near in registry.home:
            return registry.home[near], near
    return None, None
