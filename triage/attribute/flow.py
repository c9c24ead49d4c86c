"""The two ways to a joint search: behind a run that was judged against its base, and by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from triage.attribute.attribution import Attribution, attribute, is_worth_asking
from triage.attribute.record import decided_causes, record_clusters, write_joint_report
from triage.base.judge import judge_against_base
from triage.base.target import Target
from triage.campaign.baseline import bench_of
from triage.campaign.decide import decide
from triage.campaign.services import Services
from triage.cluster.causes import DecidedCause, carried_out
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import Budget, Spending
from triage.model.cluster import Cluster
from triage.model.joint_search import JointReport
from triage.model.run import RunRecord, Suite

_BY_RUN = "triage run --attribute"
_BY_PROBE = "triage probe --all"

_LEAST_SECONDS = 1.0
"""Left for the search where the base has used up the budget: it says so, and ends."""

MakeFolder = Callable[[], EvidenceFolder]
"""Makes the next STAMP folder of phase B."""


class RunAttribution:
    """Finds what broke the red tests of a run before its clusters are decided; then writes it down."""

    def __init__(self, services: Services, make_folder: MakeFolder, *, budget: float, workers: int) -> None:
        self._services = services
        self._make_folder = make_folder
        self._budget = budget
        self._workers = workers
        self._attribution: Attribution | None = None

    def __call__(self, record: RunRecord, target: Target) -> Sequence[DecidedCause]:
        """Search; a run in which the change broke nothing needs no search and gets no folder."""
        if target.commit is None or not is_worth_asking(record):
            return ()
        self._attribution = attribute(
            self._services,
            record,
            target,
            self._make_folder(),
            budget=Budget(seconds=self._budget),
            workers=self._workers,
        )
        return decided_causes(self._services, self._attribution)

    def finish(self, clusters: Sequence[Cluster], *, ledgers: bool) -> JointReport | None:
        """Write the search and the run's clusters down; None where nothing was searched.

        Without `ledgers` the journal does not have the clusters of the run: the search alone is written.
        """
        if self._attribution is None:
            return None
        make_folder = self._make_folder if ledgers else None
        return _written(self._services, self._attribution, clusters, make_folder, by=_BY_RUN)


def probe_all(
    services: Services,
    record: RunRecord,
    target: Target,
    suite: Suite,
    make_folder: MakeFolder,
    *,
    budget: Budget,
    workers: int,
) -> JointReport:
    """Search the causes of everything that is red in a run, and bring the clusters in line with them."""
    # the command's own start and the base take of the same budget
    spending = Spending.of_command(budget, services.world)
    folder = make_folder()
    if record.base is None or record.base.commit != target.commit:
        record = judge_against_base(record, target, bench_of(services, suite, folder))
    budget = replace(budget, seconds=max(spending.seconds_left, _LEAST_SECONDS))
    attribution = attribute(
        services, record, target, folder, budget=budget, workers=workers, from_last_green=True
    )
    causes = decided_causes(services, attribution)
    decide(services, lambda registry, factory: carried_out(registry, factory, causes), _BY_PROBE)
    return _written(services, attribution, services.registry().live, make_folder, by=_BY_PROBE)


def _written(
    services: Services,
    attribution: Attribution,
    clusters: Sequence[Cluster],
    make_folder: MakeFolder | None,
    *,
    by: str,
) -> JointReport:
    report = write_joint_report(services, attribution, clusters)
    if make_folder is not None:
        decide(
            services,
            lambda _registry, factory: record_clusters(services, attribution, report, factory, make_folder),
            by,
        )
    return report
