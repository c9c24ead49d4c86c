"""Replace zeros that a configuration file gives a name, one at a time: each may kill a signal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.model.experiment import Factor
from triage.probe.api import Case
from triage.probe.edits.statements import patch_of
from triage.probe.treatment import Treatment
from triage.text.pattern import pattern

_SUFFIXES = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg")
_TOOL_SETTINGS = frozenset(
    {"pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", "package-lock.json"}
)
"""Files that configure tools and not the program."""
_MOST_CHARACTERS = 65536
_MOST_ZEROS = 12
_NAMED_ZERO = pattern(
    r"""
    (?<! [\w.-] ) ["']? ( [A-Za-z_][\w.-]* ) ["']?    # the name, in quotes or not
    \s* [:=] \s*
    ( 0 (?: \.0* )? )                                 # 0, 0. or 0.00
    (?= \s* (?: [,}\]\#;] | $ ) )                     # and nothing behind it: no version, no date
    """,
    matches=['{"gain": 0.0}', "flux: 0", "flux = 0.0  # none"],
    rejects=["level: 0.01", "since: 2020-01-01", "ip: 0.0.0.0", 'version: "0"'],
    flags=re.MULTILINE,
)


def config_zeros(case: Case) -> list[Treatment]:
    """One treatment for each named zero of a configuration file: the same file with a one there."""
    found = [treatment for path in case.files if _is_config(path) for treatment in _in_file(case, path)]
    return found[:_MOST_ZEROS]


def _is_config(path: str) -> bool:
    return path.endswith(_SUFFIXES) and path.rpartition("/")[2] not in _TOOL_SETTINGS


def _in_file(case: Case, path: str) -> Iterator[Treatment]:
    before = case.source(path)
    if before is None or len(before) > _MOST_CHARACTERS:
        return
    for match in _NAMED_ZERO.finditer(before):
        name, old = match[1], match[2]
        new = "1.0" if "." in old else "1"
        after = before[: match.start(2)] + new + before[match.end(2) :]
        line = before.count("\n", 0, match.start(2)) + 1
        place = f"{path}:{line}"
        patch = patch_of(path, before, after, f"{name} = {new} in {path}", "What the experiment changed.")
        yield Treatment(
            factor=Factor(kind="literal", name=f"{place} {name}", from_=float(old), to=float(new)),
            kind="zero-signal",
            baseline=case.base,
            treated=case.base.plus(edits={path: after}),
            prediction=f"With {name} = {new} in {path} gradients are not zero and the test passes.",
            summary=f"{name} is {old} in {path}: with {new} there is a signal and the test passes",
            culprits=(place, name),
            patches=(patch,),
        )
