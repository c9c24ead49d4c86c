"""Run a copy's suite by plain pytest: which tests are red, which functions each test file executes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.projects.catalogue import Mutant, Project
from benchmarks.projects.sources import Cache, copy_to, import_path
from triage.model.base import Value

_PLUGINS = Path(__file__).parent / "plugins"
_TIME_LIMIT = 300.0
"""Seconds for one run: suites here take a few; a bug that makes one hang is not chosen."""
ARGUMENTS = ("-p", "no:cacheprovider", "-o", "addopts=", "--continue-on-collection-errors")
"""For every suite: what a project's own configuration asks for may need plugins that are not here."""


class Executed(Value):
    """A function of the product, and the test files that execute it."""

    file: str
    """From the root of the distribution."""
    function: str
    test_files: tuple[str, ...]


class SuiteRun(Value):
    """What one run of a suite gave."""

    red: tuple[str, ...]
    """Node ids of tests, and of files that were not collected."""
    green: tuple[str, ...]
    executed: tuple[Executed, ...] = ()


def environment(project: Project, cache: Cache, copy: Path) -> dict[str, str]:
    """The environment of a suite: the same for plain pytest and for triage."""
    return {
        "PYTHONPATH": import_path(project, cache, copy),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }


def run_suite(
    project: Project,
    cache: Cache,
    copy: Path,
    *,
    selected: Sequence[str] = (),
    with_functions: bool = False,
    time_limit: float = _TIME_LIMIT,
) -> SuiteRun | None:
    """Run the suite of a copy, or some files of it; None where it did not come to an end."""
    with tempfile.TemporaryDirectory(prefix="suite-", dir=cache.folder) as scratch:
        report = Path(scratch) / "report.json"
        own = environment(project, cache, copy)
        own["PYTHONPATH"] = os.pathsep.join((str(_PLUGINS), own["PYTHONPATH"]))
        own["RED_TESTS_FILE"] = str(report)
        if with_functions:
            own["RED_TESTS_PRODUCT"] = str(copy / project.package)
        chosen = selected or project.tests
        command = [
            sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "red_tests",
            *ARGUMENTS, *project.arguments, *chosen,
        ]  # fmt: skip
        home = {"HOME": scratch, "TMPDIR": scratch, "PATH": os.environ["PATH"]}
        try:
            subprocess.run(
                command, cwd=copy, env=home | own, capture_output=True, timeout=time_limit, check=False
            )
        except subprocess.TimeoutExpired:
            return None
        if not report.exists():
            return None
        found = json.loads(report.read_bytes())
    return SuiteRun(
        red=tuple(found["red"]), green=tuple(found["green"]), executed=_executed(found["functions"], copy)
    )


def _executed(rows: Sequence[Sequence[object]], copy: Path) -> tuple[Executed, ...]:
    found = []
    for path, function, test_files in rows:
        assert isinstance(test_files, list)
        relative = Path(str(path)).relative_to(copy).as_posix()
        named = tuple(name for name in test_files if name)
        if relative not in named:
            found.append(Executed(file=relative, function=str(function), test_files=named))
    return tuple(found)


def clean_run(project: Project, cache: Cache) -> SuiteRun:
    """The suite without a bug, with the functions that each test file executes."""
    path = cache.path("clean", f"{project.key}.json")
    if path.exists():
        return SuiteRun.model_validate_json(path.read_bytes())
    found = _run_in_copy(project, cache, (), with_functions=True)
    if found is None:
        raise RuntimeError(f"{project.key}: the suite does not come to an end")
    path.write_text(found.model_dump_json(), encoding="utf-8")
    return found


def run_alone(project: Project, cache: Cache, mutant: Mutant) -> SuiteRun | None:
    """The suite with one bug; None where it does not come to an end."""
    path = cache.path("alone", project.key, f"{mutant.digest}.json")
    if path.exists():
        return SuiteRun.model_validate_json(path.read_bytes())
    found = _run_in_copy(project, cache, (mutant,))
    if found is not None:
        path.write_text(found.model_dump_json(), encoding="utf-8")
    return found


def _run_in_copy(
    project: Project, cache: Cache, mutants: Sequence[Mutant], *, with_functions: bool = False
) -> SuiteRun | None:
    with tempfile.TemporaryDirectory(prefix="copy-", dir=cache.folder) as scratch:
        copy = Path(scratch).resolve() / project.name
        copy_to(project, cache, copy, mutants)
        return run_suite(project, cache, copy, with_functions=with_functions)


def label_of_tests(project: Project, mutants: Sequence[Mutant], cache: Cache) -> dict[str, str]:
    """Node ids that exactly one bug turns red when it is the only one."""
    alone = {}
    for mutant in mutants:
        run = run_alone(project, cache, mutant)
        if run is None:
            raise RuntimeError(f"{project.key}: with {mutant.label} the suite does not come to an end")
        alone[mutant.label] = run
    return labels(alone, clean_run(project, cache))


def labels(alone: Mapping[str, SuiteRun], clean: SuiteRun) -> dict[str, str]:
    """Of each test that is red under exactly one bug, and green without, the label of that bug."""
    owners: dict[str, list[str]] = {}
    for label, run in alone.items():
        for nodeid in run.red:
            owners.setdefault(nodeid, []).append(label)
    found = {}
    for nodeid, names in owners.items():
        if len(names) == 1 and nodeid not in clean.red:
            found[nodeid] = names[0]
    return found
