"""Compare the environment of a failing run with the present one: what mended a cluster may lie in no file."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from triage.evidence.folder import EvidenceFolder
from triage.lab.environment import site_packages
from triage.model.experiment import Factor
from triage.model.recorded_criteria import EnvironmentChange
from triage.recorder.installed import installed_versions
from triage.text.secret_names import is_secret_name

_NO_PART_OF_THE_SUITE = frozenset({"pip", "triage-lab"})
"""Distributions whose versions decide nothing of a test."""


def environment_change(
    folder: EvidenceFolder, python: str | None, variables: Mapping[str, str], factor: Factor | None
) -> EnvironmentChange:
    """What differs between the environment of a run and the present one.

    `folder` is the run's; `python` the suite's interpreter, None for the running one; `variables` are those
    that a process of the suite gets now. `factor` is what a probe found to decide: a run does not record what
    else the shell had, so a variable is compared where the probe tells which value fails and which passes.
    """
    differs = [*_packages(_preflight(folder.path), python), *_variable(factor, variables)]
    return EnvironmentChange(stamp=folder.stamp, differs=tuple(differs))


def _packages(preflight: Mapping[str, Any], python: str | None) -> Iterator[str]:
    """Python and distributions with other versions; nothing of a run that did not record them."""
    then = preflight.get("packages")
    if not isinstance(then, dict) or not then:
        return
    interpreter = preflight.get("interpreter")
    version = interpreter.get("python") if isinstance(interpreter, dict) else None
    if python is None and version is not None and version != platform.python_version():
        yield f"Python {version} then, {platform.python_version()} now"
    now = installed_versions(None if python is None else [str(site) for site in site_packages(python)])
    for name in sorted({*then, *now} - _NO_PART_OF_THE_SUITE, key=str.lower):
        if then.get(name) != now.get(name):
            yield f"{name} {then.get(name, 'not installed')} then, {now.get(name, 'not installed')} now"


def _variable(factor: Factor | None, variables: Mapping[str, str]) -> Iterator[str]:
    """The variable of the cause, where it has now the value with which the probe saw the test pass."""
    if factor is None or factor.kind != "env" or factor.from_ == factor.to:
        return
    if variables.get(factor.name) == factor.to:
        yield f"{factor.name} {_shown(factor, factor.from_)} then, {_shown(factor, factor.to)} now"


def _shown(factor: Factor, value: Any) -> str:
    if value is None:
        return "unset"
    return "set to a secret" if is_secret_name(factor.name) else f"{value!r}"


def _preflight(folder: Path) -> Mapping[str, Any]:
    try:
        document = json.loads((folder / "preflight.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
