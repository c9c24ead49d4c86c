"""Open a laboratory on the present tree: working copies, a record in an evidence folder, a budget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from types import MappingProxyType

from triage.campaign.services import Services
from triage.evidence.folder import EvidenceFolder
from triage.lab.budget import UNLIMITED, Budget, Spending
from triage.lab.collect import UNRECORDED_SECONDS, Collected, collect, limits_for_collection
from triage.lab.earlier import EarlierVerdicts, fingerprint
from triage.lab.environment import Environment, environment_of
from triage.lab.lab import Lab
from triage.lab.record import ExperimentRecord
from triage.lab.runner import SetupRunner
from triage.lab.shared_forks import shared_forks
from triage.lab.warmth import HASH_SEED, Warmth
from triage.model.criterion import Conditions
from triage.process.scratch import Scratch
from triage.process.stopping import StopOrDeadline, never
from triage.process.work_folder import LABORATORY, work_folder
from triage.run.warm_parents import WarmParents

WORKERS = 2
"""The two arms of an experiment run side by side."""
_LEAST_SECONDS = 5.0
"""What collection gets of the smallest budget: a start alone takes a second or two."""


@dataclass(frozen=True)
class Workspace:
    """Where processes run: working copies of the suite, and a short temporary folder."""

    scratch: Scratch
    temporary: Path
    closing: ExitStack
    """What has to be closed before the copies are removed."""


@contextmanager
def workspace(root: Path) -> Iterator[Workspace]:
    """Copy the present tree once; everything is gone afterwards."""
    with work_folder(LABORATORY, root) as temporary, Scratch(root, temporary) as scratch:
        scratch.prepare(None)
        with ExitStack() as closing:
            yield Workspace(scratch, temporary, closing)


@contextmanager
def laboratory(
    services: Services,
    folder: EvidenceFolder,
    conditions: Conditions | None = None,
) -> Iterator[Lab]:
    """A laboratory with copies of its own and no limit, for a design or a verification."""
    workers = max(WORKERS, services.settings.workers)
    with workspace(services.root) as place:
        yield open_lab(services, folder, place, budget=UNLIMITED, workers=workers, conditions=conditions)


def collect_suite(
    services: Services,
    place: Workspace,
    conditions: Conditions | None = None,
    spending: Spending | None = None,
    known_killers: Mapping[str, str] = MappingProxyType({}),
    *,
    is_recorded: bool = True,
    lab: Lab | None = None,
) -> Collected:
    """Collect the suite as it stands. Raises `VoidError` where nothing can be collected in the time.

    `known_killers` are files that are known to end a process that imports them, with the reason. Where the
    suite `is_recorded` in a run, no other is expected, and a file may take as long as a test to be imported.
    With a laboratory whose runs fork, and that has nothing under way, the collection is a fork of its parent.
    """
    monotonic = services.world.monotonic
    deadline = inf
    if spending is not None:
        deadline = spending.deadline
        if lab is None:
            # nothing is known yet, and without a collection nothing will be
            deadline = max(deadline, monotonic() + _LEAST_SECONDS)
    stop = StopOrDeadline(never, deadline, monotonic)
    return collect(
        place.scratch.tree(0, None, {}),
        place.temporary / "collect",
        selectors=services.settings.selectors,
        environment=environment_of(services, conditions),
        limits=services.settings.limits,
        known_killers=known_killers,
        import_seconds=None if is_recorded else UNRECORDED_SECONDS,
        stop=stop,
        forks=lab.runner.forks_for_collection(stop) if lab is not None else None,
    )


def open_lab(
    services: Services,
    folder: EvidenceFolder,
    place: Workspace,
    *,
    budget: Budget | Spending,
    workers: int,
    earlier: EarlierVerdicts | None = None,
    conditions: Conditions | None = None,
) -> Lab:
    """A laboratory that keeps its runs in the folder; without `earlier` it runs every experiment anew.

    `budget` counts from now, or is one of which some is spent. `conditions` are those of the run that the
    work belongs to, on top of the settings.
    """
    environment = environment_of(services, conditions)
    limits = services.settings.limits
    if conditions is not None and conditions.test_timeout is not None:
        limits = limits.model_copy(update={"test_timeout": conditions.test_timeout})
    record = ExperimentRecord(folder, services.root, environment)
    notes: list[str] = []
    warmth = _warmth(services, place, environment, notes.append)
    runner = SetupRunner(place.scratch, place.temporary, environment, record, workers=workers, warmth=warmth)
    return Lab(
        runner=runner,
        record=record,
        spending=budget if isinstance(budget, Spending) else Spending(budget, services.world.monotonic),
        limits=limits,
        earlier=earlier if earlier is not None else EarlierVerdicts(""),
        progress=services.progress,
        notes=notes,
    )


def _warmth(
    services: Services, place: Workspace, environment: Environment, note: Callable[[str], None]
) -> Warmth:
    """Parents for the laboratory's runs, its own or shared ones; none where no run is to fork."""
    executor = environment.executor
    # elsewhere a process that has loaded the system's frameworks may not be forked
    is_possible = executor.has_fork_server and sys.platform == "linux"
    if services.settings.isolation == "fresh" or not is_possible:
        return Warmth.none()
    has_fixed_hashes = environment.inherited(HASH_SEED) not in (None, "", "random")
    seconds = limits_for_collection(services.settings.limits).test_timeout
    shared = shared_forks()
    if shared is not None:
        parents = shared.parents(environment.python, seconds)
        code = _fingerprint(services, place, environment)
        return Warmth(
            parents,
            place.temporary,
            note,
            proofs=shared.proofs,
            code=code,
            has_fixed_hashes=has_fixed_hashes,
        )
    parents = WarmParents(executor, place.temporary / "warm", python=environment.python, seconds=seconds)
    place.closing.callback(parents.close)
    return Warmth(parents, place.temporary, note, has_fixed_hashes=has_fixed_hashes)


def earlier_verdicts(
    services: Services, place: Workspace, conditions: Conditions | None = None
) -> EarlierVerdicts:
    """What sealed probes of this project found on the same code in the same environment."""
    environment = environment_of(services, conditions)
    probes = EvidenceFolder.all(services.output, phase="b")
    return EarlierVerdicts(
        _fingerprint(services, place, environment), (probe.path for probe in probes if probe.sealed)
    )


def _fingerprint(services: Services, place: Workspace, environment: Environment) -> str:
    """Stands for the present code in its environment."""
    surroundings = {
        **environment.variables,
        **{f"-{name}": "" for name in environment.unset},
        **({"pytest": " ".join(environment.pytest_args)} if environment.pytest_args else {}),
        # whoever asks for new interpreters wants no verdict of forks
        **({"isolation": "fresh"} if services.settings.isolation == "fresh" else {}),
    }
    return fingerprint(place.scratch.prepare(None), surroundings, environment.python)
