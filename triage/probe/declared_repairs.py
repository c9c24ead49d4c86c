"""Turn a confirmed factor of the surroundings into edits of the suite, each tried before it is proposed.

A variable, a time zone or a working directory is declared by the test or for all tests beside it; a file
comes back from git; a lock that its owner takes twice is made reentrant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from triage.lab.patches import patch_of_files
from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, Patch
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.edits import declared
from triage.probe.edits.conftest import conftest_of
from triage.probe.treatment import looks_needed
from triage.text.secret_names import is_secret_name

_MOST_REPAIRS = 2
_LOCK = re.compile(r"\bLock\(\)")
_IMPORTED_LOCK = re.compile(r"^(from threading import (?:.*, )?)Lock\b", re.MULTILINE)


@dataclass(frozen=True)
class _Edit:
    """One way to declare what was found."""

    title: str
    edits: Mapping[str, str | None]
    reason: str


def with_repairs(case: Case, finding: Finding) -> Steps:
    """The finding with the edits that make the subject pass where it failed; unchanged where none does.

    A finding that has repairs, or whose treatment only leads around the fault, is left as it is.
    """
    cause, proof = finding.cause, finding.proof
    if cause is None or cause.factor is None or cause.claim is None or proof is None:
        return finding
    if finding.patches or cause.avoids:
        return finding
    found: list[Patch] = []
    for edit in _edits(case, cause.factor, proof):
        if len(found) == _MOST_REPAIRS:
            break
        runs = yield from look(*[case.base.plus(edits=dict(edit.edits))] * looks_needed(case), why=edit.title)
        if runs and all(run.passed(case.nodeid) for run in runs):
            texts = {path: (case.source(path), text) for path, text in edit.edits.items()}
            found.append(patch_of_files(texts, edit.title, edit.reason))
    return finding.model_copy(update={"patches": tuple(found)})


def _edits(case: Case, factor: Factor, proof: Experiment) -> Iterator[_Edit]:
    match factor.kind:
        case "env" if factor.name == "TZ":
            yield from _zone(case, str(factor.to))
        case "env" if " + " not in factor.name and not is_secret_name(factor.name):
            yield from _variable(case, factor.name, None if factor.to is None else str(factor.to))
        case "cwd":
            yield from _folder(case, str(factor.to))
        case "file":
            yield from _file(case, factor, proof)
        case "locks":
            yield from _reentrant(case, proof)


def _variable(case: Case, name: str, value: str | None) -> Iterator[_Edit]:
    """In the test; for every test beside a conftest; there before anything is imported."""
    path, _, test = case.nodeid.partition("::")
    said = f"without {name}" if value is None else f"with {name}={value}"
    reason = f"The suite no longer depends on what the machine says of {name}."
    text = declared.in_test(case.source(path) or "", case.nodeid, declared.variable_call(name, value))
    if text is not None:
        yield _Edit(f"{_short(test)} runs {said} by itself", {path: text}, reason)
    conftest = conftest_of([case.nodeid], case.files)
    before = case.source(conftest) or ""
    fixture = declared.variable_in_conftest(before, name, value)
    if fixture is not None:
        yield _Edit(f"a fixture runs every test beside {conftest} {said}", {conftest: fixture}, reason)
    early = declared.variable_at_import(before, name, value)
    if early is not None:
        yield _Edit(f"{conftest} imports the suite {said}", {conftest: early}, reason)


def _zone(case: Case, zone: str) -> Iterator[_Edit]:
    conftest = conftest_of([case.nodeid], case.files)
    text = declared.zone_in_conftest(case.source(conftest) or "", zone)
    if text is not None:
        title = f"a fixture runs every test beside {conftest} in the time zone {zone}"
        yield _Edit(title, {conftest: text}, "The suite no longer depends on where it runs.")


def _folder(case: Case, folder: str) -> Iterator[_Edit]:
    path, _, test = case.nodeid.partition("::")
    text = declared.in_folder(case.source(path) or "", case.nodeid, folder)
    if text is not None:
        title = f"{_short(test)} goes to the folder from which its paths lead"
        yield _Edit(title, {path: text}, "The suite can be started from any folder.")


def _file(case: Case, factor: Factor, proof: Experiment) -> Iterator[_Edit]:
    """What git has of a file that is gone, or the plain form of one that has an unusual one."""
    edits = {path: text for path, text in proof.treated.edits.items() if text is not None}
    if not edits:
        return
    if factor.from_ != "absent":
        if all(case.source(path) is not None for path in edits):
            title = f"{factor.name} is {factor.to}"
            yield _Edit(title, edits, f"It has {factor.from_}, and what reads it does not expect that.")
        return
    kept: Mapping[str, object] = case.facts.get("kept_in_git", {})
    origins = kept.get(factor.name)
    if isinstance(origins, tuple) and any(origin == factor.to for origin, _ in origins):
        yield _Edit(f"{factor.name} is restored: {factor.to}", edits, "Git has the file; the tree does not.")


def _reentrant(case: Case, proof: Experiment) -> Iterator[_Edit]:
    """A lock that one thread takes twice, where it is made."""
    made = proof.treated.instruments.get("locks", {}).get("one", ())
    if len(made) != 1:
        return
    path, _, line = str(made[0]).rpartition(":")
    lines = (case.source(path) or "").splitlines(keepends=True)
    number = int(line) - 1
    if number >= len(lines) or len(_LOCK.findall(lines[number])) != 1:
        return
    others = [*lines[:number], *lines[number + 1 :]]
    needed = "Lock, RLock" if any(_LOCK.search(each) for each in others) else "RLock"
    lines[number] = _LOCK.sub("RLock()", lines[number])
    text = _IMPORTED_LOCK.sub(rf"\g<1>{needed}", "".join(lines))
    reason = "The thread that holds it asks for it again, and waits for itself."
    yield _Edit(f"the lock of {path}:{line} is reentrant", {path: text}, reason)


def _short(test: str) -> str:
    return test.partition("[")[0].rpartition("::")[2]
