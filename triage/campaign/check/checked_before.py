"""Remember which sealed folders `triage check` has found in order, so that it reads again only what changed.

A folder is known while each of its files has the size, the times and the inode that it had, its manifest is
the same, and the journal begins with what it held then: appending changes nothing about a folder that is
over. Another version of triage, or other templates, forget everything. What is remembered is a view: without
it everything is read, and so does `triage check --all`, which a job that trusts nobody uses. Whoever can
write the project can forge sizes, times and this file; a forger is found by `--all`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from triage.documents.claims import documents_in, read_sidecar, sidecar_of
from triage.documents.folder_check import Checked
from triage.documents.ledgers import JOURNAL
from triage.documents.template_engine import digest as digest_of_templates
from triage.errors import TriageError
from triage.evidence import manifest
from triage.evidence.atomic import write_bytes
from triage.evidence.folder import EvidenceFolder
from triage.evidence.places import state_folder
from triage.model.base import Value

_NAME = "checked.json"


class Found(Value):
    """A folder that was in order, and how much was checked in it."""

    state: str
    """Digest of the manifest's text and of each file's size, times and inode."""
    files: int
    documents: int
    claims: int


class _Memory(Value):
    v: Literal[1] = 1
    made_by: str
    """Version of triage and digest of the templates."""
    journal_bytes: int
    journal: str
    """Digest of so many bytes of the journal."""
    folders: dict[str, Found]


class CheckedBefore:
    """What earlier checks of a project have found in order."""

    def __init__(self, output: Path, templates: Mapping[str, str], version: str, *, forget: bool) -> None:
        """`forget`: take nothing for known, and remember anew."""
        self._output = output
        self._made_by = f"{version} {digest_of_templates(templates)}"
        self._journal = _read(output / JOURNAL)
        self._known = {} if forget else self._remembered()
        self._found: dict[str, Found] = {}

    def known(self, folder: EvidenceFolder) -> Found | None:
        """What an earlier check counted in a folder that is as it was then; None where it has to be read."""
        name = folder.relative(self._output)
        known = self._known.get(name)
        if known is None or known.state != _state(folder.path):
            return None
        self._found[name] = known
        return known

    def remember(self, folder: EvidenceFolder, checked: Checked) -> None:
        """A folder is in order; `checked` is what was checked in it alone.

        One whose documents cite other folders is read each time: those may change.
        """
        if folder.sealed and not _cites_others(folder, self._output):
            self._found[folder.relative(self._output)] = Found(
                state=_state(folder.path),
                files=checked.files,
                documents=checked.documents,
                claims=checked.claims,
            )

    def save(self) -> None:
        """Keep it for the next check; a project that cannot be written is checked whole each time."""
        memory = _Memory(
            made_by=self._made_by,
            journal_bytes=len(self._journal),
            journal=hashlib.sha256(self._journal).hexdigest(),
            folders=self._found,
        )
        with suppress(TriageError):
            write_bytes(state_folder(self._output) / _NAME, memory.model_dump_json().encode())

    def _remembered(self) -> dict[str, Found]:
        try:
            memory = _Memory.model_validate_json(_read(self._output / ".triage" / _NAME))
        except ValidationError:
            return {}
        begins_alike = self._journal[: memory.journal_bytes]
        is_same_journal = hashlib.sha256(begins_alike).hexdigest() == memory.journal
        return memory.folders if is_same_journal and memory.made_by == self._made_by else {}


def _cites_others(folder: EvidenceFolder, output: Path) -> bool:
    own = f"{folder.relative(output)}/"
    sidecars = [read_sidecar(sidecar_of(document)) for document in documents_in(folder.path)]
    sources = [artifact.path for sidecar in sidecars for artifact in sidecar.sources.values()]
    return not all(source.startswith(own) for source in sources)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _state(folder: Path) -> str:
    digest = hashlib.sha256(_read(folder / manifest.NAME))
    for line in sorted(_entries(str(folder))):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _entries(folder: str) -> Iterator[str]:
    """A line for each file below a folder; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
                continue
            status = entry.stat(follow_symlinks=False)
            # the time of the last change of the inode cannot be set by a program
            times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
            yield f"{entry.path}\0{status.st_mode} {status.st_ino} {status.st_size} {times}\n"
