"""`dependency`: a package that is missing, or has another version than when it passed or than is pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from triage.lab.protocol import Setup
from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps, look
from triage.probe.minimise import minimise
from triage.probe.related_files import related
from triage.probe.treatment import Settling, Treatment, message_of, settle

_PIN = re.compile(
    r"^\s*[\"']?([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([0-9][A-Za-z0-9.+!-]*)", re.MULTILINE
)
_ABSENT = re.compile(r"No module named '([A-Za-z0-9_.]+)'")
_IMPORTING = re.compile(
    r"ImportError|ModuleNotFoundError|AttributeError|cannot import name|TypeError|DeprecationWarning"
)
_LISTS = re.compile(
    r"(^|/)(requirements[^/]*\.txt|constraints[^/]*\.txt|pyproject\.toml|setup\.cfg|environment\.ya?ml|[^/]*\.lock)$"
)
_MOST = 12
_Change = tuple[str, str, str]
"""Name, version here, version to try."""


class Dependency:
    """Packages by name and version, minimised to the one that decides."""

    name = "dependency"

    def likelihood(self, case: Case) -> float:
        """High for a module that is not there; some where a pin is not met."""
        if _ABSENT.search(message_of(case)):
            return 0.9
        differing = list(_differing(case))
        if not differing or case.flaky:
            return 0.0
        return 0.5 if _IMPORTING.search(message_of(case)) else 0.16

    def investigate(self, case: Case) -> Steps:
        """A module of the suite that is not on the path; then other versions."""
        absent = _ABSENT.search(message_of(case))
        module = absent[1] if absent else ""
        paths = list(_on_the_path(case, module)) if module else []
        found = yield from settle(self.name, case, paths, "with its folder on the path")
        if found is not None:
            return found
        differing = [change for change in _differing(case) if change[2]]
        if module and not differing:
            differing = [(module.partition(".")[0].replace("_", "-"), "", "")]
        differing = sorted(differing, key=lambda change: not _near(case, change[0]))[:_MOST]
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
        return (yield from settle(self.name, case, [_versions(case, kept)], "the fewest packages"))


def _differing(case: Case) -> Iterator[tuple[str, str, str]]:
    """Name, version here, version elsewhere: of the last passing run, then of what the suite pins."""
    here: Mapping[str, str] = {_plain(n): v for n, v in case.facts.get("packages", {}).items()}
    good: Mapping[str, str] = {_plain(n): v for n, v in case.facts.get("packages_when_passing", {}).items()}
    seen: set[str] = set()
    for name, version in (*good.items(), *_pins(case)):
        if name in seen or here.get(name, "") == version:
            continue
        seen.add(name)
        yield name, here.get(name, ""), version


def _pins(case: Case) -> Iterator[tuple[str, str]]:
    for path in case.files:
        if _LISTS.search(path) and path.count("/") <= 1:
            for match in _PIN.finditer(case.source(path) or ""):
                yield _plain(match[1]), match[2]


def _near(case: Case, name: str) -> bool:
    """Whether the failure or a file that the test runs names the package."""
    pattern = re.compile(rf"\b{re.escape(name).replace('-', '[-_.]')}\b", re.IGNORECASE)
    return any(
        pattern.search(text) for text in (message_of(case), *(case.source(p) or "" for p in related(case)))
    )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _with(case: Case, changes: Sequence[_Change]) -> Setup:
    return case.base.plus(packages={name: after for name, _, after in changes})


def _versions(case: Case, changes: Sequence[_Change]) -> Treatment:
    wanted = " and ".join(f"{name} {after}".strip() for name, _, after in changes)
    here = " and ".join(f"{name} {before or '(not installed)'}" for name, before, _ in changes)
    return Treatment(
        factor=Factor(
            kind="package",
            name=" + ".join(name for name, _, _ in changes),
            from_=" + ".join(before for _, before, _ in changes) or None,
            to=" + ".join(after for _, _, after in changes) or "latest",
        ),
        kind="dependency",
        baseline=case.base,
        treated=_with(case, changes),
        prediction=f"With {wanted} in place of {here} the test passes.",
        summary=f"the test passes with {wanted} and fails with {here}",
        culprits=tuple(name for name, _, _ in changes),
    )


def _is_own(case: Case, module: str) -> bool:
    top = module.partition(".")[0]
    return any(f"/{path}".find(f"/{top}/") >= 0 or path.endswith(f"{top}.py") for path in case.files)


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
        )
