"""Find the tests that the user named: of a cluster, a test, a parametrized test or a broken file."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError, VoidError
from triage.lab.collect import Collected
from triage.model.cluster import Cluster, ClusterStatus
from triage.model.failure import present_name, surroundings_of
from triage.model.nodeid import file_of
from triage.model.run import RunRecord

_CLUSTER = re.compile(r"C[1-9][0-9]*", re.IGNORECASE)


@dataclass(frozen=True)
class Subject:
    """Tests with one cause, as far as is known."""

    nodeids: tuple[str, ...]
    cluster: str | None = None
    note: str | None = None
    """What whoever reads the report must know of the subject."""


def refuse_unusable_cluster(text: str, registry: ClusterRegistry) -> None:
    """Raise `UsageError` where the text names a cluster that cannot be probed, whatever the suite holds.

    The journal alone tells: nothing needs to be collected first.
    """
    if _CLUSTER.fullmatch(text):
        _usable_cluster(text.upper(), registry)


def likely_test(text: str, registry: ClusterRegistry) -> str | None:
    """The test that the text most likely means, before anything is collected; None where it may be many.

    It may be gone from the suite: only a collection can tell.
    """
    if _CLUSTER.fullmatch(text):
        return _usable_cluster(text.upper(), registry).members[0]
    return text if "::" in text else None


def find_subject(
    text: str, registry: ClusterRegistry, collected: Collected, record: RunRecord | None
) -> Subject:
    """The tests that the text names; of a parametrized test or a folder those that failed in the latest run.

    Raises `UsageError` where there is no such cluster or test, `VoidError` where its file does not collect
    and the file itself was not what was asked about.
    """
    suite = collected.tests
    known = {*suite, *collected.broken}
    if text not in known and present_name(text) in known:
        return Subject((present_name(text),), _cluster_of(text, registry), note=_elsewhere([text]))
    if _CLUSTER.fullmatch(text):
        return _members_of(text.upper(), registry, collected)
    if text in suite or text in collected.broken:
        return Subject((text,), _cluster_of(text, registry))
    inside = tuple(nodeid for nodeid in suite if nodeid.startswith((text + "[", text + "::", text + "/")))
    if inside:
        red = _red(record)
        failing = tuple(nodeid for nodeid in inside if nodeid in red)
        return Subject(failing or inside)
    for broken, reason in collected.broken.items():
        if file_of(text).startswith(broken):
            raise VoidError(
                "not-collected",
                f"{broken} cannot be collected: {reason}",
                f"try `triage probe {shlex.quote(broken)}`",
            )
    raise _unknown(text, suite)


def _usable_cluster(name: str, registry: ClusterRegistry) -> Cluster:
    cluster = registry.cluster(name)
    if cluster.status is ClusterStatus.RESOLVED:
        raise UsageError(
            "resolved-cluster", f"{cluster.id} is resolved", "probe a test by its node id, or run the suite"
        )
    if not cluster.members:
        raise UsageError("no-such-test", f"{cluster.id} has no tests", "run the suite again")
    return cluster


def _members_of(name: str, registry: ClusterRegistry, collected: Collected) -> Subject:
    cluster = _usable_cluster(name, registry)
    known = {*collected.tests, *collected.broken}
    found = {member: _in_suite(member, known) for member in cluster.members}
    here = tuple(dict.fromkeys(name for name in found.values() if name is not None))
    elsewhere = [member for member, name in found.items() if name not in (None, member)]
    if not here:
        _refuse_collected_again(cluster, collected.tests)
        raise UsageError(
            "no-such-test",
            f"no test of {cluster.id} is in the suite any more (it had {cluster.members[0]})",
            "run the suite again",
        )
    return Subject(here, cluster.id, note=_elsewhere(elsewhere) if elsewhere else None)


def _refuse_collected_again(cluster: Cluster, suite: Sequence[str]) -> None:
    """Raise `UsageError` where a file or folder that did not collect gives tests now."""
    for member in cluster.members:
        if any(nodeid.startswith((f"{member}::", f"{member}/")) for nodeid in suite):
            raise UsageError(
                "no-such-test",
                f"{member} is collected again: nothing of {cluster.id} is left to probe",
                f"`triage verify {cluster.id}` closes it",
            )


def _in_suite(member: str, known: set[str]) -> str | None:
    """The name of a member in the suite: a report may have run it elsewhere, and its id says so."""
    return next((name for name in (member, present_name(member)) if name in known), None)


def _elsewhere(nodeids: Sequence[str]) -> str:
    places = sorted({surroundings_of(nodeid) or "" for nodeid in nodeids})
    return f"Its failure was reported from {', '.join(places)}; it is run in the present surroundings."


def _cluster_of(nodeid: str, registry: ClusterRegistry) -> str | None:
    for cluster in reversed(registry.live):
        names = {*cluster.members, *map(present_name, cluster.members)}
        if nodeid in names and cluster.status is not ClusterStatus.RESOLVED:
            return cluster.id
    return None


def _red(record: RunRecord | None) -> set[str]:
    results = record.results if record is not None else ()
    return {result.nodeid for result in results if result.outcome.has_failures}


def _unknown(text: str, suite: Sequence[str]) -> UsageError:
    near = difflib.get_close_matches(text, suite, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "`pytest --collect-only -q` lists the tests"
    return UsageError("no-such-test", f"the suite has no test {text!r}", hint)
