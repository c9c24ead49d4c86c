"""Turn a confirmed factor of the surroundings into edits of the suite, each tried before it is proposed.

A variable, a time zone or a working directory is declared by the test, for all tests beside it or in the
settings; a package gets a bound; a file comes back from git; a lock that its owner takes twice is made
reentrant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from triage.lab.patches import patch_of_files
from triage.lab.protocol import Experiment
from triage.model.experiment import Factor, Patch
from triage.model.nodeid import file_of, function_of
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.date_repairs import date_repairs
from triage.probe.edits import declared, requirements
from triage.probe.edits.conftest import conftest_of
from triage.probe.edits.settings_files import PYPROJECT, in_pytest_env, in_triage_env
from triage.probe.lock_repairs import lock_repairs
from triage.probe.probes.dependency import is_package_list
from triage.probe.repair_edit import RepairEdit
from triage.probe.symptoms import raised_text
from triage.probe.treatment import looks_needed
from triage.probe.variable_values import written_down
from triage.text.secret_names import is_secret_name

_MOST_REPAIRS = 4


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
    for edit in _edits(case, cause.factor, proof, cause.culprits):
        if len(found) == _MOST_REPAIRS:
            break
        if edit.unless in {patch.path for patch in found}:
            continue
        setup = case.base.plus(edits=dict(edit.edits), packages=dict(edit.installs), env=dict(edit.sets))
        runs = yield from look(*[setup] * looks_needed(case), why=edit.title)
        if runs and all(run.passed(case.nodeid) for run in runs):
            found.append(_patch(case, edit, is_verbatim=cause.factor.kind == "file"))
    return finding.model_copy(update={"patches": tuple(found)})


def _patch(case: Case, edit: RepairEdit, *, is_verbatim: bool) -> Patch:
    texts = {path: (case.source(path), text) for path, text in edit.edits.items()}
    more = {"installs": dict(edit.installs), "sets": dict(edit.sets), "leaves": edit.leaves}
    return patch_of_files(texts, edit.title, edit.reason, is_verbatim=is_verbatim, **more)


def _edits(case: Case, factor: Factor, proof: Experiment, culprits: Sequence[str]) -> Iterator[RepairEdit]:
    match factor.kind:
        case "env" if factor.name == "TZ":
            yield from _zone(case, str(factor.to))
        case "env" if " + " not in factor.name and not is_secret_name(factor.name):
            if _is_guessed(case, factor):
                return  # the product copes without: the guess may only lead around a fault of its defaults
            yield from _variable(case, factor.name, None if factor.to is None else str(factor.to))
        case "cwd":
            yield from _folder(case, str(factor.to))
        case "file":
            yield from _file(case, factor, proof)
        case "locks":
            yield from lock_repairs(case, proof, culprits)
        case "clock":
            yield from date_repairs(case, factor)
        case "package":
            yield from _requirement(case, factor)


def _is_guessed(case: Case, factor: Factor) -> bool:
    """Whether a value for a variable that is not set here stands nowhere but in the experiment."""
    if factor.from_ is not None or factor.to is None:
        return False
    value = str(factor.to)
    test = case.source(file_of(case.nodeid)) or ""
    is_named = factor.name in test or factor.name in raised_text(case)
    return not (
        is_named
        or value in written_down(case, factor.name)
        or declared.quoted(value) in test.replace("'", '"')
    )


def _variable(case: Case, name: str, value: str | None) -> Iterator[RepairEdit]:
    """In the test; for every test beside a conftest; there before anything is imported."""
    path = file_of(case.nodeid)
    said = f"without {name}" if value is None else f"with {name}={value}"
    reason = f"The suite no longer depends on what the machine says of {name}."
    source = case.source(path) or ""
    text = declared.in_test(source, case.nodeid, declared.variable_call(name, value))
    if text is None and value is not None:
        text = declared.variable_in_unittest(source, case.nodeid, name, value)
    if text is not None:
        yield RepairEdit(f"{function_of(case.nodeid)} runs {said} by itself", {path: text}, reason)
    conftest = conftest_of([case.nodeid], case.files)
    before = case.source(conftest) or ""
    fixture = declared.variable_in_conftest(before, name, value)
    if fixture is not None:
        yield RepairEdit(f"a fixture runs every test beside {conftest} {said}", {conftest: fixture}, reason)
    early = declared.variable_at_import(before, name, value)
    if early is not None:
        title = f"{conftest} imports the suite {said}"
        yield RepairEdit(title, {conftest: early}, reason, unless=conftest)
    if value is not None:
        yield from _in_settings(case, name, value, reason)


def _in_settings(case: Case, name: str, value: str, reason: str) -> Iterator[RepairEdit]:
    """Where pytest's settings, or those of triage, give the suite its variables."""
    for path, edited in in_pytest_env(case.source, name, value):
        yield RepairEdit(f"pytest-env sets {name}={value} for every test ({path})", {path: edited}, reason)
    text = in_triage_env(case.source(PYPROJECT), name, value)
    if text is not None:
        yield RepairEdit(
            f"[tool.triage.env] gives every run of triage {name}={value}",
            {PYPROJECT: text},
            reason,
            sets={name: value},
            leaves=f"pytest by itself still runs without {name}={value}",
        )


def _requirement(case: Case, factor: Factor) -> Iterator[RepairEdit]:
    """A bound in the files that require the package, or the version that works and no other."""
    name, bad, good = factor.name, str(factor.from_ or ""), str(factor.to)
    if " + " in name or not requirements.are_versions(bad, good):
        return
    installs = {name: good}
    reason = f"The test passes with {name} {good} and fails with {name} {bad}."
    declaring = {path: text for path in case.files if is_package_list(path) and (text := case.source(path))}
    for change, said in (
        (requirements.admitting(good, bad), f"the project does not accept {name} {bad}"),
        (requirements.exactly(good), f"the project requires {name} {good} and no other"),
    ):
        edited = {path: requirements.with_specifiers(text, name, change) for path, text in declaring.items()}
        edits = {path: text for path, text in edited.items() if text is not None}
        if edits:
            yield RepairEdit(f"{said} ({', '.join(edits)})", edits, reason, installs=installs)


def _zone(case: Case, zone: str) -> Iterator[RepairEdit]:
    conftest = conftest_of([case.nodeid], case.files)
    text = declared.zone_in_conftest(case.source(conftest) or "", zone)
    if text is not None:
        title = f"a fixture runs every test beside {conftest} in the time zone {zone}"
        yield RepairEdit(title, {conftest: text}, "The suite no longer depends on where it runs.")


def _folder(case: Case, folder: str) -> Iterator[RepairEdit]:
    path = file_of(case.nodeid)
    text = declared.in_folder(case.source(path) or "", case.nodeid, folder)
    if text is not None:
        title = f"{function_of(case.nodeid)} goes to the folder from which its paths lead"
        yield RepairEdit(title, {path: text}, "The suite can be started from any folder.")


def _file(case: Case, factor: Factor, proof: Experiment) -> Iterator[RepairEdit]:
    """What git has of a file that is gone, or the plain form of one that has an unusual one."""
    edits = {path: text for path, text in proof.treated.edits.items() if text is not None}
    if not edits:
        return
    if factor.from_ != "absent":
        if all(case.source(path) is not None for path in edits):
            title = f"{factor.name} is {factor.to}"
            yield RepairEdit(title, edits, f"It has {factor.from_}, and what reads it does not expect that.")
        return
    kept: Mapping[str, object] = case.facts.get("kept_in_git", {})
    origins = kept.get(factor.name)
    if isinstance(origins, tuple) and any(origin == factor.to for origin, _ in origins):
        yield RepairEdit(
            f"{factor.name} is restored: {factor.to}", edits, "Git has the file; the tree does not."
        )
