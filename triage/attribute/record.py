"""Write down what a joint search found: its own folder, one for each cluster, events of the journal."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from triage.attribute.attribution import Attribution
from triage.attribute.causes import FoundCause
from triage.attribute.confirm import PROBE, factor_name
from triage.attribute.factors import FactorOnOthers
from triage.attribute.wording import (
    confidence_of,
    cost_in_words,
    in_order,
    places_of,
    summary_of,
    title_of_cause,
    weakest,
)
from triage.campaign.services import Services
from triage.cluster.causes import DecidedCause, cluster_of_cause
from triage.cluster.event_factory import EventFactory
from triage.evidence.folder import EvidenceFolder
from triage.lab.environment import environment_of
from triage.lab.observations import relative_evidence
from triage.lab.patches import patch_of_files
from triage.lab.probe_folder import events_of, write_report
from triage.lab.record import ExperimentRecord
from triage.model.cluster import Cluster
from triage.model.experiment import ExperimentResult, Factor, Patch, ProbeReport, RootCause
from triage.model.joint_search import (
    JOINT_FILE,
    CommitRef,
    FactorFound,
    HunkRef,
    JointCause,
    JointReport,
    SearchCost,
    Unexplained,
)
from triage.model.journal import Event
from triage.process.git_history import LogEntry
from triage.text.hunks import Hunk
from triage.text.plural import counted_noun

_MOST_CHARS = 2000
"""Of the lines of a hunk in the document; the whole is in git."""


def decided_causes(services: Services, attribution: Attribution) -> list[DecidedCause]:
    """What clusters are joined and split by: causes that a confirmed experiment holds."""
    where = attribution.folder.relative(services.output)
    found = []
    for cause in attribution.causes:
        if confidence_of(cause) == "unknown":
            continue
        summary = attribution.folder.redact(summary_of(cause))
        found.append(
            DecidedCause(
                tests=frozenset(cause.tests),
                detail=f"{summary} ({where}/{JOINT_FILE})",
                title=title_of_cause(cause),
                factor=f"{PROBE}:{factor_name(cause.hunks)}=reverted",
                evidence=f"{where}/{JOINT_FILE}",
                said=summary,
                confidence="proven" if confidence_of(cause) == "proven" else "likely",
            )
        )
    explained = frozenset[str]().union(*(cause.tests for cause in found))
    for factor in attribution.factors:
        known = factor.known
        found.append(
            DecidedCause(
                tests=frozenset((*known.tests, *factor.tests)) - explained,
                detail=f"all pass with {known.text} ({known.evidence}, {where}/{JOINT_FILE})",
                title=f"mended by {known.text}",
                factor=known.text,
                evidence=f"{where}/{JOINT_FILE}",
                said=f"all pass with {known.text}",
            )
        )
    return found


def write_joint_report(
    services: Services, attribution: Attribution, clusters: Sequence[Cluster]
) -> JointReport:
    """Write `joint.json` and the page of the search, and seal its folder; `clusters` are those of now."""
    report = _joint_report(services, attribution, clusters)
    folder = attribution.folder
    folder.write_json(JOINT_FILE, report.model_dump(mode="json", by_alias=True))
    write_report(folder, _page_of_search(report))
    return report


def record_clusters(
    services: Services,
    attribution: Attribution,
    report: JointReport,
    factory: EventFactory,
    make_folder: Callable[[], EvidenceFolder],
) -> list[Event]:
    """Give each cluster with a cause the folder of a probe of its own, and the events that say so."""
    events: list[Event] = []
    for found, cause in zip(attribution.causes, report.causes, strict=True):
        if cause.cluster is None or cause.confidence == "unknown":
            continue
        folder = make_folder()
        record = ExperimentRecord(folder, services.root, environment_of(services))
        for number, judged in enumerate(found.judged, start=1):
            key = attribution.lab.earlier.key(judged.experiment)
            result = _relative(judged.result, services)
            record.predicted(number, key, judged.experiment)
            record.already_known(number, key, result, report.stamp)
        where = folder.relative(services.output)
        probe = _probe_report(cause, report, repairs_of(services, found))
        probe = probe.model_copy(update={"stamp": folder.stamp, "folder": where})
        write_report(folder, probe)
        events += events_of(probe, folder, where, factory)
    return events


# -- documents --------------------------------------------------------------------------------


def _joint_report(services: Services, attribution: Attribution, clusters: Sequence[Cluster]) -> JointReport:
    decided = {each.tests: each for each in decided_causes(services, attribution)}
    causes = []
    for found in attribution.causes:
        own = decided.get(frozenset(found.tests))
        cluster = cluster_of_cause(clusters, own) if own is not None else None
        causes.append(_cause(services, found, cluster.id if cluster is not None else None))
    redact = attribution.folder.redact
    known = _commits_in_question(attribution)
    return JointReport(
        stamp=attribution.folder.stamp,
        folder=attribution.folder.relative(services.output),
        base=attribution.target.commit,
        base_chosen=attribution.target.chosen,
        tests=attribution.tests,
        run=attribution.record.stamp,
        on_base=attribution.on_base,
        flaky=tuple(result.nodeid for result in attribution.record.results if result.outcome.is_flaky),
        causes=tuple(causes),
        factors=tuple(_factor_found(services, each) for each in attribution.factors),
        unexplained=tuple(
            Unexplained(nodeid=nodeid, reason=redact(reason), commits=_commit_refs(known.get(nodeid, ())))
            for nodeid, reason in attribution.unexplained.items()
        ),
        cost=_cost(attribution),
        notes=tuple(redact(note) for note in dict.fromkeys(attribution.notes)),
    )


def _cause(services: Services, found: FoundCause, cluster: str | None) -> JointCause:
    return JointCause(
        tests=found.tests,
        cluster=cluster,
        hunks=tuple(_hunk(hunk, services.redact) for hunk in in_order(found.hunks)),
        commits=_commit_refs(found.since.entries),
        also_needed=tuple(hunk.name for hunks in found.also for hunk in in_order(hunks)),
        confidence=confidence_of(found),
        summary=services.redact(summary_of(found)),
        experiments=tuple(_relative(judged.result, services) for judged in found.judged),
    )


def _commits_in_question(attribution: Attribution) -> dict[str, tuple[LogEntry, ...]]:
    """Of each test the commits of which one broke it, where that is not the whole change."""
    found = {}
    for search in attribution.searches:
        for nodeid, since in search.commits.found.items():
            if search.history is not None and len(since.entries) < search.history.length:
                found[nodeid] = since.entries
    return found


def _commit_refs(entries: Sequence[LogEntry]) -> tuple[CommitRef, ...]:
    return tuple(
        CommitRef(id=entry.id, author=entry.author, date=entry.date, subject=entry.subject)
        for entry in entries
    )


def _factor_found(services: Services, found: FactorOnOthers) -> FactorFound:
    return FactorFound(
        factor=services.redact(found.known.text),
        known_from=found.known.evidence,
        tests=found.tests,
        experiments=(_relative(found.result, services),),
        confidence="likely",
    )


def _hunk(hunk: Hunk, redact: Callable[[str], str]) -> HunkRef:
    return HunkRef(
        place=hunk.name,
        path=hunk.path,
        first=hunk.first,
        last=hunk.last,
        before=redact("".join(hunk.before))[:_MOST_CHARS],
        after=redact("".join(hunk.after))[:_MOST_CHARS],
    )


def _cost(attribution: Attribution) -> SearchCost:
    spending = attribution.lab.spending
    commits = [search.commits.cost for search in attribution.searches]
    stages = [stage.cost for search in attribution.searches for stage in search.stages]
    lengths = [search.history.length for search in attribution.searches if search.history is not None]
    return SearchCost(
        commits=max(lengths, default=0),
        checkouts=sum(cost.checkouts for cost in commits),
        checkouts_alone=sum(cost.alone for cost in commits),
        hunks=sum(cost.hunks for cost in stages),
        experiments=sum(cost.experiments for cost in stages),
        experiments_alone=round(sum(cost.alone for cost in stages)),
        untestable=sum(cost.untestable for cost in stages),
        processes=spending.runs,
        seconds=round(spending.seconds, 3),
        is_cut=attribution.is_cut,
    )


def _page_of_search(report: JointReport) -> ProbeReport:
    """The whole search in the form of a probe's report."""
    causes = report.causes
    summaries = [f"{_plural_tests(cause)}: {cause.summary}" for cause in causes]
    whole = RootCause(
        kind="first-bad-commit" if causes else "unknown",
        summary="; ".join(summaries) or "no cause was found",
        culprits=tuple(dict.fromkeys(culprit for cause in causes for culprit in cause.culprits)),
        confidence=weakest(cause.confidence for cause in causes),
        claim="cause" if any(cause.confidence != "unknown" for cause in causes) else None,
    )
    return ProbeReport(
        subject=report.tests,
        cluster=None,
        reproduced=bool(causes or report.factors),
        experiments=(
            *(result for cause in causes for result in cause.experiments),
            *(result for factor in report.factors for result in factor.experiments),
        ),
        root_cause=whole,
        claim=f"{counted_noun(len(report.tests), 'red test')}, {counted_noun(len(causes), 'cause')}.",
        excluded=tuple(f"{each.nodeid}: {each.reason}" for each in report.unexplained),
        stamp=report.stamp,
        folder=report.folder,
        runs=report.cost.processes,
        seconds=report.cost.seconds,
        notes=(*report.notes, *cost_in_words(report.cost)),
        next="triage clusters",
    )


def _probe_report(cause: JointCause, report: JointReport, repairs: tuple[Patch, ...]) -> ProbeReport:
    """One cause in the form of a probe's report on its cluster."""
    option = "" if repairs else " --option YOUR.patch"
    design = f"triage design {shlex.quote(cause.cluster or cause.tests[0])}{option}"
    return ProbeReport(
        subject=cause.tests,
        cluster=cause.cluster,
        reproduced=True,
        experiments=cause.experiments,
        root_cause=RootCause(
            kind="first-bad-commit",
            summary=cause.summary,
            factor=_factor(cause),
            culprits=cause.culprits,
            confidence=cause.confidence,
            claim="cause",
        ),
        claim=f"Found by the joint search of {counted_noun(len(report.tests), 'red test')}.",
        notes=(f"The runs and the whole search: {report.folder}/{JOINT_FILE}.",),
        patches=repairs,
        next=design,
    )


def repairs_of(services: Services, found: FoundCause) -> tuple[Patch, ...]:
    """The cause taken back in today's files, where the search has run that, and no secret stands there."""
    if not found.repair:
        return ()
    texts = {path: (_text_of(services.root / path), after) for path, after in found.repair.items()}
    places = places_of(in_order(found.hunks))
    reason = "The tests pass with these lines as they were before; whatever they were changed for is lost."
    patch = patch_of_files(texts, f"take back {places}", reason)
    # what is redacted in evidence is not what the files say: it would not apply
    return (patch,) if services.redact(patch.diff) == patch.diff else ()


def _text_of(path: Path) -> str | None:
    """None where there is no such file: the change has removed it."""
    return path.read_bytes().decode("utf-8") if path.is_file() else None


def _factor(cause: JointCause) -> Factor | None:
    return cause.experiments[0].factor if cause.experiments else None


def _relative(result: ExperimentResult, services: Services) -> ExperimentResult:
    paths = tuple(relative_evidence(services.output, path) for path in result.evidence)
    return result.model_copy(update={"evidence": paths})


def _plural_tests(cause: JointCause) -> str:
    return counted_noun(len(cause.tests), "test")
