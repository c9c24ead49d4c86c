"""Several signature algorithms side by side: a newer version beside an older one, a plugin's beside both."""

from __future__ import annotations

from collections.abc import Callable

from triage.cluster.assign import Assignment, assign
from triage.cluster.groups import Signer
from triage.cluster.registry import ClusterRegistry
from triage.model.failure import Failure
from triage.model.run import RunRecord, TestResult
from triage.model.signature import Signature, signature_id

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
AT = "2026-11-24T06:00:00Z"


def coarse(failure: Failure) -> Signature:
    """The first version: the type alone."""
    return Signature(id=signature_id("words/1", {"exception": failure.exception}), title=failure.exception)


def fine(failure: Failure) -> Signature:
    """The second version, which tells messages apart."""
    fields = {"exception": failure.exception, "message": failure.message}
    return Signature(id=signature_id("words/2", fields), title=failure.message, fields=fields)


def foreign(failure: Failure) -> Signature:
    """A plugin's, as coarse as the first, with a name and a version above the product's."""
    return Signature(id=signature_id("zones/7", {"exception": failure.exception}))


def signing(*algorithms: Callable[[Failure], Signature]) -> Signer:
    return lambda failure: tuple(algorithm(failure) for algorithm in algorithms)


def clustered(
    record: RunRecord, registry: ClusterRegistry, signer: Signer
) -> tuple[Assignment, ClusterRegistry]:
    found = assign(record, registry, signer=signer, factory=registry.event_factory(AT, "x"))
    return found, ClusterRegistry.of((*registry.events, *found.events))


def test_an_id_outlives_its_algorithm(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "KeyError: x"))
    _, old = clustered(record, ClusterRegistry.of(()), signing(coarse))
    assert {signature.partition(":")[0] for signature in old.home} == {"words/1"}
    found, after = clustered(record, old, signing(fine, coarse))
    assert found.cluster_of == {("a.py::a", 0): "C1"}
    assert [event.event for event in found.events] == ["signature_added"]
    assert {signature.partition(":")[0] for signature in after.home} == {"words/1", "words/2"}
    assert after.translated == {coarse(record.failures[0]).id}


def test_the_newer_version_comes_first_and_alone_decides_where_both_are_known(
    failing: Failing, run: Run
) -> None:
    """What the newer algorithm tells apart is apart, although the older one has a signature for both."""
    both = signing(fine, coarse)
    first = run(failing("a.py::a", "KeyError: x"))
    found, registry = clustered(first, ClusterRegistry.of(()), both)
    assert [s.partition(":")[0] for s in found.signatures_of["a.py::a", 0]] == ["words/2", "words/1"]
    other, _ = clustered(run(failing("b.py::b", "KeyError: y")), registry, both)
    assert other.cluster_of == {("b.py::b", 0): "C2"}


def test_an_algorithm_that_was_taken_away_leaves_its_ids(failing: Failing, run: Run) -> None:
    record = run(failing("a.py::a", "KeyError: x"))
    _, registry = clustered(record, ClusterRegistry.of(()), signing(fine, coarse))
    found, _ = clustered(record, registry, signing(fine))
    assert (found.cluster_of, found.events) == ({("a.py::a", 0): "C1"}, ())


def test_a_plugins_algorithm_counts_after_the_products_whatever_its_name_and_version(
    failing: Failing, run: Run
) -> None:
    with_plugin = signing(fine, foreign)
    _, registry = clustered(run(failing("a.py::a", "KeyError: x")), ClusterRegistry.of(()), with_plugin)
    assert {signature.partition(":")[0] for signature in registry.translated} == {"zones/7"}
    found, _ = clustered(run(failing("b.py::b", "KeyError: y")), registry, with_plugin)
    assert found.cluster_of == {("b.py::b", 0): "C2"}
