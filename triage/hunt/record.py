"""Write a hunt down: `hunt.json`, red orders, repairs; a cluster for what was proven, with its probe."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence

from triage.campaign.decide import decide
from triage.cluster.assign import Assignment, assign_failures
from triage.cluster.causes import DecidedCause, flips_of_causes
from triage.cluster.context import Context
from triage.cluster.event_factory import EventFactory
from triage.cluster.groups import SlottedFailure
from triage.cluster.registry import ClusterRegistry
from triage.evidence.folder import EvidenceFolder
from triage.hunt.document import DOCUMENT, HuntCost, HuntReport, Latent, PurposeCost
from triage.hunt.proof import Proof
from triage.hunt.state import Hunt
from triage.hunt.wording import claim_of, coverage_in_words, summary_of
from triage.lab.environment import environment_of
from triage.lab.observations import relative_evidence
from triage.lab.probe_folder import events_of, write_report
from triage.lab.record import ExperimentRecord
from triage.model.cluster import ClusterStatus
from triage.model.experiment import ExperimentResult, Patch, ProbeReport, RootCause
from triage.model.journal import Event, StatusChanged
from triage.signature.api import title_of

BY = "triage hunt"
MakeFolder = Callable[[], EvidenceFolder]


def write_hunt(state: Hunt, make_folder: MakeFolder) -> HuntReport:
    """Allot the clusters, write and seal the evidence, append to the journal, render the ledgers."""
    services = state.services
    proofs = state.proofs
    report: list[HuntReport] = []

    def decision(registry: ClusterRegistry, factory: EventFactory) -> Sequence[Event]:
        assignment = _assigned(state, registry, factory)
        known = set(registry.clusters)
        clusters = [_cluster_of(assignment, proof) for proof in proofs]
        report.append(_written(state, clusters, known))
        reopened = [
            factory.make(
                StatusChanged,
                cluster=cluster,
                status=ClusterStatus.OPEN,
                reason=f"shown red again by the hunt {state.folder.stamp}",
                stamp=state.folder.stamp,
            )
            for cluster in dict.fromkeys(clusters)
            if cluster in known
            and registry.clusters[cluster].status is ClusterStatus.RESOLVED
            and not any(isinstance(e, StatusChanged) and e.cluster == cluster for e in assignment.events)
        ]
        probed = _record_clusters(state, report[0], factory, make_folder)
        return [*assignment.events, *reopened, *probed]

    decide(services, decision, BY)
    return report[0]


def _assigned(state: Hunt, registry: ClusterRegistry, factory: EventFactory) -> Assignment:
    """The failures that were shown, in clusters: those of one cause in one, of two causes in two."""
    failures = [
        SlottedFailure((nodeid, number), failure)
        for number, proof in enumerate(state.proofs)
        for nodeid, failure in proof.failures.items()
    ]
    causes = _causes(state.proofs)
    return assign_failures(
        failures,
        registry,
        signer=state.services.signer,
        factory=factory,
        stamp=state.folder.stamp,
        context=Context(flips=flips_of_causes(causes), title_of=title_of),
        latent=True,
    )


def _causes(proofs: Sequence[Proof]) -> list[DecidedCause]:
    """Tests by what was shown to flip them."""
    tests: dict[tuple[str, ...], set[str]] = {}
    for proof in proofs:
        tests.setdefault((proof.dependence, *proof.culprits), set()).update(proof.tests)
    return [
        DecidedCause(
            tests=frozenset(found), detail=" and ".join(culprits[1:]), factor=f"order:before={culprits[1:]}"
        )
        for culprits, found in tests.items()
    ]


def _cluster_of(assignment: Assignment, proof: Proof) -> str:
    for slot, cluster in assignment.cluster_of.items():
        if slot[0] == proof.nodeid:
            return cluster
    return assignment.clusters_of(proof.nodeid)[0]


# -- documents ----------------------------------------------------------------------------------


def _written(state: Hunt, clusters: Sequence[str], known: set[str]) -> HuntReport:
    """Write orders, repairs, `hunt.json` and the page, and seal the folder."""
    folder, services = state.folder, state.services
    where = folder.relative(services.output)
    latent = []
    for number, (proof, cluster) in enumerate(zip(state.proofs, clusters, strict=True), start=1):
        order = repair = None
        if len(proof.order) > 1:
            order = f"{where}/orders/{number:03d}.txt"
            folder.write_text(f"orders/{number:03d}.txt", _listed(proof.order))
        if proof.patches:
            repair = f"{where}/repairs/{number:03d}.patch"
            folder.write_text(f"repairs/{number:03d}.patch", proof.patches[0].diff)
        latent.append(_latent(state, proof, cluster, new=cluster not in known, order=order, repair=repair))
    report = HuntReport(
        stamp=folder.stamp,
        folder=where,
        seed=state.request.seed,
        tests=len(state.collected),
        red_already=state.red_already,
        by_chance=state.by_chance,
        latent=tuple(latent),
        suspected=tuple(state.suspected),
        arms=tuple(state.arms),
        not_tried=tuple(arm.name for arm in state.not_tried),
        seconds_for_all=round(
            state.pace.budget_for_all(state.not_tried, spent=max(state.seconds, state.budget)), 1
        ),
        coverage=state.coverage(),
        cost=HuntCost(
            seconds=round(state.seconds, 3),
            budget=round(state.budget, 3),
            processes=state.warm.processes + state.lab.spending.runs,
            executions=state.warm.executions + state.lab.executions,
            experiments=state.lab.spending.runs,
            by_purpose=_costs_by_purpose(state),
        ),
        fingerprint=state.fingerprint,
        notes=tuple(dict.fromkeys((*state.notes, *state.lab.notes))),
    )
    folder.write_json(DOCUMENT, report.model_dump(mode="json", by_alias=True))
    write_report(folder, _page(state, report))
    return report


def _costs_by_purpose(state: Hunt) -> tuple[PurposeCost, ...]:
    return tuple(
        PurposeCost(
            purpose=purpose,
            executions=spent.executions,
            processes=spent.processes,
            seconds=round(spent.seconds, 3),
        )
        for purpose, spent in state.purposes.spent().items()
    )


def _listed(order: Sequence[str]) -> str:
    """As `triage run --order` reads it: one id a line; a JSON list where an id is no line."""
    if any("\n" in nodeid or nodeid.startswith(("#", "[")) for nodeid in order):
        return json.dumps(list(order)) + "\n"
    return "".join(f"{nodeid}\n" for nodeid in order)


def _latent(
    state: Hunt, proof: Proof, cluster: str, *, new: bool, order: str | None, repair: str | None
) -> Latent:
    result = _relative(proof.trial.result, state)
    leaked = proof.leaked.shown if proof.leaked is not None else ()
    return Latent(
        cluster=cluster,
        new=new,
        dependence=proof.dependence,
        kind=proof.kind,
        tests=proof.tests,
        culprits=(*proof.culprits, *(nodeid for tests in proof.more for nodeid in tests)),
        factor=proof.experiment.factor,
        leaked=tuple(map(state.services.redact, leaked)),
        writer=proof.writer.place if proof.writer is not None else None,
        at_fault=proof.writer.at_fault if proof.writer is not None else None,
        summary=state.services.redact(summary_of(proof)),
        found_by=proof.found_by,
        order=order,
        command=proof.command or result.baseline_command,
        repair=repair,
        processes=proof.processes,
        experiment=result,
    )


def _relative(result: ExperimentResult, state: Hunt) -> ExperimentResult:
    paths = tuple(relative_evidence(state.services.output, path) for path in result.evidence)
    return result.model_copy(update={"evidence": paths})


def _page(state: Hunt, report: HuntReport) -> ProbeReport:
    """The whole hunt in the form of a probe's report, which has a page and a check."""
    found = report.latent
    whole = RootCause(
        kind=found[0].kind if found else "unknown",
        summary="; ".join(each.summary for each in found) or "no latent flaky test was shown",
        culprits=tuple(dict.fromkeys(culprit for each in found for culprit in each.culprits)),
        confidence="likely" if found else "unknown",
        claim="condition" if found else None,
    )
    return ProbeReport(
        subject=tuple(dict.fromkeys(nodeid for each in found for nodeid in each.tests)) or ("the suite",),
        cluster=None,
        reproduced=bool(found),
        experiments=tuple(each.experiment for each in found),
        root_cause=whole,
        claim=claim_of(report),
        excluded=tuple(f"{each.nodeid} ({each.found_by}): {each.reason}" for each in report.suspected),
        patches=(),
        stamp=report.stamp,
        folder=report.folder,
        runs=report.cost.experiments,
        seconds=report.cost.seconds,
        notes=(*coverage_in_words(report), *report.notes),
        next="triage clusters",
    )


def _record_clusters(
    state: Hunt, report: HuntReport, factory: EventFactory, make_folder: MakeFolder
) -> list[Event]:
    """Give each cluster the folder of a probe of its own, and the events that say so."""
    services = state.services
    events: list[Event] = []
    written: set[str | None] = set()
    for proof, found in zip(state.proofs, report.latent, strict=True):
        if found.cluster in written:
            continue  # `hunt.json` has every proof of a cluster
        written.add(found.cluster)
        folder = make_folder()
        record = ExperimentRecord(folder, services.root, environment_of(services))
        key = state.lab.earlier.key(proof.experiment)
        record.predicted(1, key, proof.experiment)
        record.already_known(1, key, found.experiment, report.stamp)
        where = folder.relative(services.output)
        probe = probe_report_of(found, report, proof.patches).model_copy(
            update={"stamp": folder.stamp, "folder": where}
        )
        write_report(folder, probe)
        events += events_of(probe, folder, where, factory)
    return events


def probe_report_of(found: Latent, report: HuntReport, patches: tuple[Patch, ...]) -> ProbeReport:
    """One latent test in the form of a probe's report on its cluster."""
    is_cause = found.dependence == "polluted"
    return ProbeReport(
        subject=found.tests,
        cluster=found.cluster,
        reproduced=True,
        experiments=(found.experiment,),
        root_cause=RootCause(
            kind=found.kind,
            summary=found.summary,
            factor=found.factor,
            culprits=(*found.culprits, *((found.writer,) if found.writer else ())),
            confidence="proven" if is_cause else "likely",
            claim="cause" if is_cause else "condition",
            at_fault=found.at_fault,
        ),
        claim=f"Latent: green as it stands; shown red by a hunt ({found.found_by}).",
        patches=patches,
        notes=(f"The runs and the whole hunt: {report.folder}/{DOCUMENT}.",),
        next=f"triage design {shlex.quote(found.cluster or found.tests[0])} --option YOUR.patch",
    )
