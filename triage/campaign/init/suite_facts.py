"""Look at a project as it lies there: how pytest is configured, what installs it, which CI it has.

Nothing is run and nothing is imported; a file that cannot be read tells nothing.
"""

from __future__ import annotations

import configparser
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.model.base import Value
from triage.text.pattern import pattern

_PRUNED = frozenset(
    {"node_modules", "build", "dist", "venv", "env", "site-packages", "__pycache__", "reports", "plans"}
)
"""Folders without tests of the project's own; those with a dot in front are pruned too."""
_MOST_FILES = 50_000
"""Files that are looked at: a second or two on the largest projects."""
_TEST_FILE = pattern(
    r"test_.*\.py | .*_test\.py",
    how="fullmatch",
    matches=["test_a.py", "io_test.py"],
    rejects=["contest.py", "test.py", "test_a.pyc"],
)
_TEST_FUNCTION = re.compile(rb"^[ \t]*(?:async[ \t]+)?def[ \t]+test", re.MULTILINE)
_TEST_EXTRAS = ("test", "tests", "testing", "dev")
"""Names under which projects list what their tests need, the most telling first."""
_REQUIREMENTS = (
    "requirements-test.txt", "requirements-tests.txt", "requirements-dev.txt", "requirements_test.txt",
    "requirements_dev.txt", "test-requirements.txt", "dev-requirements.txt", "requirements/test.txt",
    "requirements/tests.txt", "requirements/dev.txt",
)  # fmt: skip
_RUNNERS = {"tox.ini": "tox", "noxfile.py": "nox", "hatch.toml": "hatch"}
_CI_FILES = (
    ".github/workflows", ".gitlab-ci.yml", "Jenkinsfile", "azure-pipelines.yml", ".circleci/config.yml",
    "bitbucket-pipelines.yml", ".travis.yml", ".woodpecker.yml",
)  # fmt: skip
DEFAULT_PYTHON = "3.12"
"""Of a pipeline where the project does not say which Python it needs."""
_PYTHONS = tuple(f"3.{minor}" for minor in range(11, 15))
"""What triage runs on."""


class SuiteFacts(Value):
    """What the files of a project say of its suite."""

    pytest_config: str | None
    """The file, and its table where it has several."""
    testpaths: tuple[str, ...]
    """As pytest is configured."""
    test_folders: tuple[str, ...]
    """Top-level folders (or files) that hold test files."""
    test_files: int
    tests: int
    """Functions whose name begins with test: a suite with parameters has more."""
    addopts: tuple[str, ...]
    timeout: float | None
    """Of pytest-timeout, where it is configured."""
    is_src_layout: bool
    installs: tuple[str, ...]
    """Shell commands that install the project with what its tests need."""
    runners: tuple[str, ...]
    """tox, nox, hatch, where the project is tested by them."""
    ci_files: tuple[str, ...]
    runs_triage: bool
    """Whether one of the pipelines does already."""
    environments: tuple[str, ...]
    """Interpreters of virtual environments in the project that have pytest."""
    python: str
    """Version for a pipeline."""

    @property
    def uses_xdist(self) -> bool:
        """Whether the suite's own options start workers of pytest-xdist."""
        return any(
            word in ("-n", "--numprocesses", "-d") or word.startswith(("-n", "--numprocesses=", "--dist"))
            for word in self.addopts
        )


def suite_facts(root: Path) -> SuiteFacts:
    """Read the files of the project at `root`."""
    pyproject = _toml(root / "pyproject.toml")
    source, options = _pytest_options(root, pyproject)
    files = tuple(_test_files(root))
    ci_files = tuple(name for name in _CI_FILES if (root / name).exists())
    return SuiteFacts(
        pytest_config=source,
        testpaths=_words(options.get("testpaths")),
        test_folders=tuple(sorted({path.relative_to(root).parts[0] for path in files})),
        test_files=len(files),
        tests=sum(_tests_in(path) for path in files),
        addopts=_words(options.get("addopts")),
        timeout=_number(options.get("timeout")),
        is_src_layout=any((root / "src").glob("*/__init__.py")),
        installs=_installs(root, pyproject),
        runners=_runners(root, pyproject),
        ci_files=ci_files,
        runs_triage=any(_runs_triage(root / name) for name in ci_files),
        environments=_environments(root),
        python=_python(pyproject),
    )


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _table(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """A table within tables; empty where one of them is none."""
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _pytest_options(root: Path, pyproject: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """Where pytest takes its options from, in pytest's own order, and the options."""
    for name in ("pytest.toml", ".pytest.toml"):
        if (root / name).is_file():
            return name, _table(_toml(root / name), "pytest")
    for name in ("pytest.ini", ".pytest.ini"):
        if (root / name).is_file():
            return name, _ini(root / name, "pytest")
    tool = _table(pyproject, "tool", "pytest")
    if "ini_options" in tool:
        return "pyproject.toml [tool.pytest.ini_options]", _table(tool, "ini_options")
    if tool:
        return "pyproject.toml [tool.pytest]", tool
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        options = _ini(root / name, section)
        if options:
            return f"{name} [{section}]", options
    return None, {}


def _ini(path: Path, section: str) -> Mapping[str, Any]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return {}
    return dict(parser[section]) if parser.has_section(section) else {}


def _words(value: Any) -> tuple[str, ...]:
    """A list of words, which ini files write as text."""
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list):
        return tuple(str(word) for word in value)
    return ()


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number > 0 else None


def _test_files(root: Path) -> Iterator[Path]:
    looked_at = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _PRUNED and not name.startswith(".") and not _is_environment(Path(folder, name))
        )
        for name in sorted(names):
            looked_at += 1
            if _TEST_FILE.fullmatch(name):
                yield Path(folder, name)
        if looked_at > _MOST_FILES:
            return


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def _tests_in(path: Path) -> int:
    return len(_TEST_FUNCTION.findall(_bytes(path)))


def _installs(root: Path, pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    """What a machine with nothing but Python runs before the tests."""
    # many a setup.cfg holds nothing but settings of tools
    is_package = (
        "project" in pyproject or (root / "setup.py").is_file() or _ini(root / "setup.cfg", "metadata")
    )
    if is_package:
        return tuple(_installs_of_package(root, pyproject))
    if (root / "poetry.lock").is_file():
        return ("python -m pip install poetry", "poetry config virtualenvs.create false", "poetry install")
    return tuple(f"python -m pip install -r {name}" for name in _requirement_files(root))


def _installs_of_package(root: Path, pyproject: Mapping[str, Any]) -> Iterator[str]:
    extras = _table(pyproject, "project", "optional-dependencies")
    groups = _table(pyproject, "dependency-groups")
    extra = next((name for name in _TEST_EXTRAS if name in extras), None)
    group = next((name for name in _TEST_EXTRAS if name in groups), None)
    is_package = "build-system" in pyproject or "project" not in pyproject or _has_package(root, pyproject)
    if is_package:
        yield f"python -m pip install -e '.[{extra}]'" if extra else "python -m pip install -e ."
    if group is not None:
        yield f"python -m pip install --group {group}"  # pip 25.1 or newer
    if extra is None and group is None:
        for name in _requirement_files(root):
            yield f"python -m pip install -r {name}"


def _has_package(root: Path, pyproject: Mapping[str, Any]) -> bool:
    """Whether pip can build what lies there although no build system is named."""
    name = str(_table(pyproject, "project").get("name", "")).replace("-", "_")
    return bool(name) and any((root / place / name).is_dir() for place in (".", "src"))


def _requirement_files(root: Path) -> Sequence[str]:
    of_tests = [name for name in _REQUIREMENTS if (root / name).is_file()]
    general = ["requirements.txt"] if (root / "requirements.txt").is_file() else []
    return [*general, *of_tests[:1]]


def _runners(root: Path, pyproject: Mapping[str, Any]) -> tuple[str, ...]:
    found = [runner for name, runner in _RUNNERS.items() if (root / name).is_file()]
    tools = _table(pyproject, "tool")
    found += [name for name in ("tox", "hatch") if _table(tools, name) and name not in found]
    return tuple(found)


def _runs_triage(pipeline: Path) -> bool:
    """Whether a file, or one in a folder of them, gives the command that every pipeline of triage gives."""
    files = sorted(pipeline.iterdir()) if pipeline.is_dir() else [pipeline]
    return any(b"triage run " in _bytes(file) for file in files if file.is_file())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _environments(root: Path) -> tuple[str, ...]:
    found = []
    candidates = [root / ".venv", root / "venv", *sorted(root.glob(".tox/*")), *sorted(root.glob(".nox/*"))]
    for folder in candidates:
        interpreter = folder / "bin" / "python"
        if interpreter.is_file() and any(folder.glob("lib/python3*/site-packages/pytest/__init__.py")):
            found.append(interpreter.relative_to(root).as_posix())
    return tuple(found)


def _python(pyproject: Mapping[str, Any]) -> str:
    """The version that the project and triage both run on, nearest to the usual one."""
    wanted = str(_table(pyproject, "project").get("requires-python", ""))
    allowed = [version for version in _PYTHONS if _allows(wanted, version)]
    if not allowed or DEFAULT_PYTHON in allowed:
        return DEFAULT_PYTHON
    return allowed[0]


def _allows(wanted: str, version: str) -> bool:
    """Whether `requires-python` lets a minor version in; clauses that say nothing of it do."""
    minor = int(version.partition(".")[2])
    for sign, bound in re.findall(r"(>=|<=|<|>|==|~=)\s*3\.(\d+)", wanted):
        limit = int(bound)
        refused = (
            (sign in (">=", "~=") and minor < limit)
            or (sign == ">" and minor < limit)
            or (sign == "<" and minor >= limit)
            or (sign == "<=" and minor > limit)
            or (sign == "==" and minor != limit)
        )
        if refused:
            return False
    return True
