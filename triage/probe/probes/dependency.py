"""Test whether a package is missing, or has another version than when the test passed or than is pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from triage.lab.protocol import Setup
from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.minimise import minimise
from triage.probe.related_files import related
from triage.probe.symptoms import message_of
from triage.probe.treatment import Settling, Treatment, settle
from triage.text.pattern import pattern

_PIN = pattern(
    r"""
    ^ \s* ["']? ( [A-Za-z0-9][A-Za-z0-9._-]* )     # the distribution, in quotes or not
    (?: \[ [^\]]* \] )?                            # its extras
    \s* == \s* ( [0-9][A-Za-z0-9.+!-]* )           # an exact version
    """,
    matches=["numpy==1.26.4", ' "torch[opt] == 2.1",'],
    rejects=["numpy>=1.26", "a = b == c"],
    flags=re.MULTILINE,
)
_MISSING_MODULE = pattern(
    r"No [ ] module [ ] named [ ] '( [A-Za-z0-9_.]+ )'",
    matches=["No module named 'yaml'", "No module named 'a.b'"],
    rejects=["No module named yaml"],
)
_VERSION_ERROR = pattern(
    r"""
    ImportError | ModuleNotFoundError | cannot [ ] import [ ] name
    | AttributeError | TypeError | DeprecationWarning
    """,
    matches=["ImportError: cannot import name 'x'", "TypeError: f() got an unexpected keyword"],
    rejects=["assert 1 == 2"],
)
"""What another version of a package raises most often."""
_REFUSES = pattern(
    r"TypeError | ValueError | \w*Warning | \w*Validation\w* | NotImplementedError",
    matches=["ValueError", "FutureWarning", "ValidationError"],
    rejects=["AttributeError", "ImportError", "AssertionError"],
    how="fullmatch",
)
"""Errors by which a package says that it is used wrongly."""
_LISTS_PACKAGES = pattern(
    r"""
    (?: ^ | / )
    (?: requirements[^/]*\.(?:txt|in) | requirements/[^/]+\.(?:txt|in) | constraints[^/]*\.txt
      | pyproject\.toml | setup\.cfg | setup\.py | Pipfile | environment\.ya?ml | [^/]*\.lock ) $
    """,
    matches=["requirements-dev.txt", "requirements/base.in", "ci/constraints.txt", "uv.lock", "setup.py"],
    rejects=["notes.txt", "requirements.md", "requirements/notes.md"],
)
_MOST_PACKAGES = 12


@dataclass(frozen=True)
class _Change:
    """Another version of a package."""

    name: str
    here: str
    """The installed version; empty where it is not installed."""
    other: str
    """The version to try; empty for the newest."""


def is_package_list(path: str) -> bool:
    """Whether a file, relative to the root, says which packages the project needs."""
    return _LISTS_PACKAGES.search(path) is not None and path.count("/") <= 1


def misses_a_module(case: Case) -> bool:
    """Whether the failure says that a module is not there."""
    return _MISSING_MODULE.search(message_of(case)) is not None


def may_need_another_version(case: Case) -> bool:
    """Whether packages differ, and the failure is one that other versions of packages raise."""
    return has_other_versions(case) and _VERSION_ERROR.search(message_of(case)) is not None


def has_other_versions(case: Case) -> bool:
    """Whether a steady failure runs with other packages than its last pass, or than the suite pins."""
    return not case.flaky and next(_differing(case), None) is not None


class Dependency:
    """Try other versions of packages, minimised to the one that decides."""

    name = "dependency"

    def investigate(self, case: Case) -> Steps:
        """A module of the suite that is not on the path; then other versions."""
        missing = _MISSING_MODULE.search(message_of(case))
        module = missing[1] if missing else ""
        paths = list(_on_the_path(case, module)) if module else []
        found = yield from settle(self.name, case, paths, "with its folder on the path")
        if found is not None:
            return found
        differing = [change for change in _differing(case) if change.other]
        if module and not differing:
            differing = [_Change(module.partition(".")[0].replace("_", "-"), here="", other="")]
        differing = sorted(differing, key=lambda change: not _is_near(case, change.name))[:_MOST_PACKAGES]
        refused: list[str] = []
        found = yield from self._minimal(case, differing, refused)
        if found is not None:
            return found
        if module and not _is_own(case, module):
            summary = f"the module {module} is not installed here, and could not be installed to try"
            cause = RootCause(kind="dependency", summary=summary, culprits=(module,), confidence="likely")
            return Finding(cause=cause)
        could_not = f"; {'; '.join(dict.fromkeys(refused))}" if refused else ""
        return Finding(excluded=f"no other version of {len(differing)} packages helps{could_not}")

    def _minimal(self, case: Case, differing: Sequence[_Change], refused: list[str]) -> Settling:
        """All other versions at once; where that helps, the fewest of them."""
        if not differing:
            return None
        (run,) = yield from look(_with(case, differing), why="every package as it was")
        refused += [str(line["missed"]) for line in run.lines("packages")]
        if not run.passed(case.nodeid):
            return None
        kept = yield from minimise(
            differing, lambda part: _with(case, part), lambda seen: seen.passed(case.nodeid), "fewer packages"
        )
        found = yield from settle(self.name, case, [_versions(case, kept)], "the fewest packages")
        refusal = "" if found is None else _refusal(case, kept)
        return found.model_copy(update={"against": (refusal,)}) if found and refusal else found


def _refusal(case: Case, changes: Sequence[_Change]) -> str:
    """That a package itself refuses what it is given, as a clause; empty where the suite pins another one.

    A stricter version may be right: the call that it refuses was wrong before, and nobody said so.
    """
    pins = set(_pins(case))
    if all((change.name, change.other) in pins for change in changes):
        return ""
    innermost = case.failure.chain[-1].frames[-1:] if case.failure.chain else ()
    raised = case.failure.exception.rpartition(".")[2]
    if not innermost or innermost[0].origin != "library" or not _REFUSES.fullmatch(raised):
        return ""
    frame = innermost[0]
    return (
        f"the package refuses what it is given ({raised} at {frame.path}:{frame.lineno}), which may be right"
    )


def _differing(case: Case) -> Iterator[_Change]:
    """Packages with another version than in the last passing run, then than what the suite pins."""
    here = _packages(case, "packages")
    good = _packages(case, "packages_when_passing")
    seen: set[str] = set()
    for name, version in (*good.items(), *_pins(case)):
        if name in seen or here.get(name, "") == version:
            continue
        seen.add(name)
        yield _Change(name, here=here.get(name, ""), other=version)


def _packages(case: Case, fact: str) -> dict[str, str]:
    versions: Mapping[str, str] = case.facts.get(fact, {})
    return {_normalised(name): version for name, version in versions.items()}


def _pins(case: Case) -> Iterator[tuple[str, str]]:
    for path in case.files:
        if is_package_list(path):
            for match in _PIN.finditer(case.source(path) or ""):
                yield _normalised(match[1]), match[2]


def _is_near(case: Case, name: str) -> bool:
    """Whether the failure or a file that the test runs names the package."""
    # Sources write my_package and my.package for the distribution my-package.
    spelled = "[-_.]".join(re.escape(part) for part in name.split("-"))
    mention = re.compile(rf"\b{spelled}\b", re.IGNORECASE)
    texts = (message_of(case), *(case.source(path) or "" for path in related(case)))
    return any(mention.search(text) for text in texts)


def _normalised(name: str) -> str:
    """The name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _with(case: Case, changes: Sequence[_Change]) -> Setup:
    return case.base.plus(packages={change.name: change.other for change in changes})


def _versions(case: Case, changes: Sequence[_Change]) -> Treatment:
    wanted = " and ".join(f"{change.name} {change.other}".strip() for change in changes)
    here = " and ".join(f"{change.name} {change.here or '(not installed)'}" for change in changes)
    return Treatment(
        factor=Factor(
            kind="package",
            name=" + ".join(change.name for change in changes),
            from_=" + ".join(change.here for change in changes) or None,
            to=" + ".join(change.other for change in changes) or "latest",
        ),
        kind="dependency",
        baseline=case.base,
        treated=_with(case, changes),
        prediction=f"With {wanted} in place of {here} the test passes.",
        summary=f"the test passes with {wanted} and fails with {here}",
        culprits=tuple(change.name for change in changes),
    )


def _is_own(case: Case, module: str) -> bool:
    """Whether a module seems to be the suite's own, and no package."""
    top = module.partition(".")[0]
    return any(f"/{top}/" in f"/{path}" or path.endswith(f"{top}.py") for path in case.files)


def _on_the_path(case: Case, module: str) -> Iterator[Treatment]:
    top = module.partition(".")[0]
    folders = {path.rpartition(f"/{top}/")[0] for path in case.files if f"/{top}/" in path}
    folders |= {path.rpartition("/")[0] for path in case.files if path.rpartition("/")[2] == f"{top}.py"}
    for folder in sorted(f for f in folders if f and "/" + top not in "/" + f)[:3]:
        yield Treatment(
            factor=Factor(kind="env", name="PYTHONPATH", from_=case.env.get("PYTHONPATH"), to=folder),
            kind="environment-variable",
            baseline=case.base,
            treated=case.base.plus(env={"PYTHONPATH": folder}),
            prediction=f"With {folder} on the path the test passes: {module} lies there and is not found.",
            summary=f"{module} lies in {folder}, which is neither installed nor in PYTHONPATH",
            culprits=("PYTHONPATH", folder),
            because=f"{folder} of this very project holds {module}",
        )
