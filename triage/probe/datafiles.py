"""Zeros in configuration files: the defaults of suites that keep them in JSON, YAML, TOML or INI."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.model.experiment import Factor
from triage.probe.api import Case
from triage.probe.patching import patch_of
from triage.probe.treatment import Treatment

_KINDS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")
_TOOLS = frozenset({"pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", "package-lock.json"})
_ZERO = re.compile(
    r"(?<![\w.-])[\"']?([A-Za-z_][\w.-]*)[\"']?\s*[:=]\s*(0(?:\.0*)?)(?=\s*(?:[,}\]#;]|$))", re.M
)
_MOST_TEXT, _MOST = 65536, 12


def livened_files(case: Case) -> list[Treatment]:
    """One treatment for each zero that a configuration file gives a name: the same file with a one there."""
    found = [treatment for path in case.files if _is_config(path) for treatment in _in_file(case, path)]
    return found[:_MOST]


def _is_config(path: str) -> bool:
    return path.endswith(_KINDS) and path.rpartition("/")[2] not in _TOOLS


def _in_file(case: Case, path: str) -> Iterator[Treatment]:
    before = case.source(path)
    if before is None or len(before) > _MOST_TEXT:
        return
    for match in _ZERO.finditer(before):
        name, old = match[1], match[2]
        new = "1.0" if "." in old else "1"
        after = before[: match.start(2)] + new + before[match.end(2) :]
        place = f"{path}:{before.count(chr(10), 0, match.start(2)) + 1}"
        yield Treatment(
            factor=Factor(kind="literal", name=f"{place} {name}", from_=float(old), to=float(new)),
            kind="zero-signal",
            baseline=case.base,
            treated=case.base.plus(edits={path: after}),
            prediction=f"With {name} = {new} in {path} gradients are not zero and the test passes.",
            summary=f"{name} is {old} in {path}: with {new} there is a signal and the test passes",
            culprits=(place, name),
            patches=(
                patch_of(path, before, after, f"{name} = {new} in {path}", "What the experiment changed."),
            ),
        )
