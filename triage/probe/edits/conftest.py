"""Find the `conftest.py` of some tests, and put a fixture at its end."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable

from triage.model.nodeid import file_of
from triage.probe.edits.imports import with_import
from triage.probe.sources import module_of

_NAME = "conftest.py"


def conftest_of(nodeids: Iterable[str], files: Collection[str]) -> str:
    """The nearest conftest of all these tests; where there is none, a new one in their common folder."""
    folders = {posixpath.dirname(file_of(nodeid)) for nodeid in nodeids}
    common = posixpath.commonpath(folders) if "" not in folders else ""
    folder = common
    while posixpath.join(folder, _NAME) not in files:
        if not folder:
            return posixpath.join(common, _NAME)
        folder = posixpath.dirname(folder)
    return posixpath.join(folder, _NAME)


def with_fixture_at_end(conftest: str, fixture: str, *imports: str, own: Collection[str] = ()) -> str | None:
    """The text with a fixture at its end, two lines below the rest, and what it needs imported.

    `imports` are in the order of their groups, each in one of its own where the text is empty; `own` are the
    project's own packages. None where the text cannot be parsed.
    """
    kept = conftest.rstrip("\n")
    if not kept:
        groups = [f"import {name}\n" for name in imports]
        return "\n".join([*groups, fixture])
    module = module_of(f"{kept}\n\n{fixture}")
    if module is None:
        return None
    for name in imports:
        module = with_import(module, name, own)
    return module.code
