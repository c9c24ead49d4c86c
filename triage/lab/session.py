"""The laboratory of a design or a verification: scratch copies of the present tree, runs on record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from triage.campaign.services import Services
from triage.evidence.folder import EvidenceFolder
from triage.lab.collect import python_path
from triage.lab.lab import Budget, Lab
from triage.lab.record import writer
from triage.lab.scratch import Scratch
from triage.process.git import temporary_folder

WORKERS = 2


@contextmanager
def laboratory(services: Services, folder: EvidenceFolder) -> Iterator[Lab]:
    """A laboratory that keeps its runs in the folder; gone with its copies afterwards."""
    settings = services.settings
    with ExitStack() as stack:
        room = stack.enter_context(temporary_folder("tr-"))
        scratch = stack.enter_context(Scratch(services.root, room))
        scratch.prepare(None)
        yield Lab(
            scratch=scratch,
            room=room,
            folder=folder.path,
            root=str(services.root),
            where=folder.relative(services.root),
            env=settings.env,
            executor=services.executor,
            world=services.world,
            budget=Budget(seconds=float("inf")),
            limits=settings.limits,
            python=settings.python,
            workers=max(WORKERS, settings.workers),
            pytest_args=settings.pytest_args,
            python_path=python_path(services.root, settings.python),
            progress=services.progress,
            log=writer(folder, services.world),
            redact=folder.redact,
        )


def evidence_name(root: Path, path: str) -> str:
    """An artifact's folder as documents name it: relative to the project."""
    return Path(os.path.relpath(path, root)).as_posix() if os.path.isabs(path) else path
