"""Declare a variable where a project's settings do: pytest-env's `env`, or `[tool.triage.env]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

PYPROJECT = "pyproject.toml"
_INI_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
_INI_ENV = re.compile(r"^env\s*=[^\n]*\n(?:[ \t]+[^\n]*\n)*", re.MULTILINE)
"""The option of pytest-env, with the lines that it goes on in."""
_NAMES_PYTEST_ENV = re.compile(r"\bpytest[-_]env\b", re.IGNORECASE)
_FOLLOWED = re.compile(r"^\[tool\.triage\.env\]\n(?:[^\[\n][^\n]*\n)*(?=\[)", re.MULTILINE)
"""The table where the next one follows without a blank line."""
Source = Callable[[str], str | None]


def in_triage_env(pyproject: str | None, name: str, value: str) -> str | None:
    """The text of `pyproject.toml` with the variable in `[tool.triage.env]`; None without `[tool.triage]`."""
    document = _parsed(pyproject)
    triage = _table(document, "tool", "triage")
    if document is None or triage is None:
        return None
    env = triage.setdefault("env", tomlkit.table())
    env[name] = value
    return _FOLLOWED.sub(r"\g<0>\n", tomlkit.dumps(document))


def in_pytest_env(source: Source, name: str, value: str) -> Iterator[tuple[str, str]]:
    """Path and text of the file of pytest's settings with the variable, where the project uses pytest-env."""
    pyproject = source(PYPROJECT)
    document = _parsed(pyproject)
    for path in _INI_FILES:
        text = source(path)
        found = _INI_ENV.search(text) if text is not None else None
        if text is not None and found is not None:
            yield path, f"{text[: found.end()]}    {name}={value}\n{text[found.end() :]}"
            return
    if document is None:
        return
    own = _table(document, "tool", "pytest_env")
    options = _table(document, "tool", "pytest", "ini_options")
    if own is not None:
        own[name] = value
    elif options is not None and "env" in options:
        _add_line(options["env"], f"{name}={value}")
    elif options is not None and _NAMES_PYTEST_ENV.search(pyproject or ""):
        options["env"] = [f"{name}={value}"]
    else:
        return
    yield PYPROJECT, tomlkit.dumps(document)


def _add_line(lines: Any, line: str) -> None:
    """Append to an array, on a line of its own where the others have theirs."""
    if "\n" in lines.as_string():
        lines.add_line(line, indent="    ")
    else:
        lines.append(line)


def _parsed(text: str | None) -> tomlkit.TOMLDocument | None:
    try:
        return tomlkit.parse(text) if text is not None else None
    except TOMLKitError:
        return None


def _table(document: Mapping[str, Any] | None, *names: str) -> MutableMapping[str, Any] | None:
    """The table of this dotted name; None where there is none."""
    found: Any = document
    for name in names:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found if isinstance(found, MutableMapping) else None
