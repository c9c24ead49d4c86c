"""Find the files of the suite that a test runs: those in its failure, and what these import, step by step."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from triage.model.nodeid import file_of
from triage.probe.api import Case
from triage.probe.sources import tree_of
from triage.probe.symptoms import own_frames

_MOST = 200


def related(case: Case) -> frozenset[str]:
    """Paths relative to the root: the test's file, its conftest files, its frames, and what these import."""
    known = set(case.files)
    waiting = [*_with_conftests(file_of(case.nodeid)), *(path for path, _ in own_frames(case))]
    found: set[str] = set()
    while waiting and len(found) < _MOST:
        path = waiting.pop(0)
        if path in found or (known and path not in known):
            continue
        found.add(path)
        for module in _imported(case.source(path), path):
            waiting += _files(module, known)
    return frozenset(found)


def _with_conftests(path: str) -> Iterator[str]:
    yield path
    folder = path
    while folder:
        folder = posixpath.dirname(folder)
        yield posixpath.join(folder, "conftest.py")


def _imported(text: str | None, path: str) -> Iterator[str]:
    """Dotted names; those of relative imports from the folder of the file."""
    tree = tree_of(text or "")
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = path.split("/")[: -node.level] if node.level else []
            if node.module:
                parts.append(node.module)
            base = ".".join(parts)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _files(name: str, known: set[str]) -> Iterator[str]:
    """The file of a module, wherever below the root its package lies."""
    inside = name.replace(".", "/")
    for end in (f"{inside}.py", f"{inside}/__init__.py"):
        for prefix in ("", "src/", "lib/"):
            if prefix + end in known:
                yield prefix + end
