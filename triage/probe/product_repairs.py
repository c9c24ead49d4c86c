"""Close a leak in the product: restore however the work ends, or share nothing that callers change."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from triage.lab.protocol import Answer, Setup, Step
from triage.model.experiment import Patch
from triage.probe.api import Case, look
from triage.probe.edits.always_restore import restoring_always, restoring_what_it_sets
from triage.probe.edits.statements import patch_of
from triage.probe.leak_writers import LeakWriter
from triage.probe.leaked_state import LeakedState
from triage.probe.polluter_repairs import passes_as_recorded
from triage.probe.shared_objects import ProductEdit, own_copies

Repairing = Generator[tuple[Step, ...], tuple[Answer, ...], tuple[Patch, ...]]
_MOST_REPAIRS = 2
"""A design compares them; a third way to close one leak is rare."""


def product_repair(
    case: Case, writer: LeakWriter, leaked: LeakedState, polluters: Sequence[str], polluted: Setup
) -> Repairing:
    """Edits of the product with which the polluters pass, and the subject after them; empty where none helps.

    `polluted` is the run of the polluters and the subject. An edit also has to help in the order in which
    the failure was seen: other tests may leak there.
    """
    if writer.at_fault != "product":
        return ()
    found: list[Patch] = []
    for title, path, text in _edits(case, writer, leaked):
        if len(found) == _MOST_REPAIRS:
            break
        edits = {path: text}
        (run,) = yield from look(polluted.plus(edits=edits), why=title)
        if not run.passed(case.nodeid) or any(run.red(nodeid) for nodeid in polluters):
            continue
        if (yield from passes_as_recorded(case, edits)):
            found.append(patch_of(path, case.source(path), text, title, writer.sentence))
    return tuple(found)


def _edits(case: Case, writer: LeakWriter, leaked: LeakedState) -> Iterator[ProductEdit]:
    path, _, line = writer.place.rpartition(":")
    source = case.source(path)
    if source is not None:
        text = restoring_always(source, int(line)) or restoring_what_it_sets(source, int(line))
        if text is not None:
            yield f"{writer.function} restores what it changes, whatever happens", path, text
    for key, clean in zip(leaked.keys, leaked.clean, strict=True):
        yield from own_copies(case, key, clean)
