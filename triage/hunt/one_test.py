"""Hunt one test that is green as it stands: what would make it fail?"""

from __future__ import annotations

from collections.abc import Callable

from triage.campaign.services import Services
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.hunt.flow import hunt
from triage.hunt.record import probe_report_of, write_hunt
from triage.hunt.state import Request
from triage.model.experiment import ProbeReport

_MOST_SECONDS = 180.0
"""For one test; the suite can be hunted for as long as one likes."""


def hunt_one(
    services: Services, nodeid: str, seconds: float, workers: int, make_folder: Callable[[], EvidenceFolder]
) -> ProbeReport | None:
    """Hunt until the test is red, prove it, write all of it down; None where it stayed green.

    None also where the time is too short for anything: the probe has its own answer then.
    """
    request = Request(subject=nodeid, budget=min(seconds, _MOST_SECONDS), workers=workers)
    try:
        state = hunt(services, request, make_folder)
    except UsageError as error:
        services.progress.note(str(error))
        return None
    report = write_hunt(state, make_folder)
    for found in report.latent:
        if nodeid in found.tests:
            probe = probe_report_of(found, report, ())
            return probe.model_copy(
                update={"stamp": report.stamp, "folder": report.folder, "runs": report.cost.processes}
            )
    return None
