"""Recognise what all callers or objects of a product share by accident, and give each a copy of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.model.failure import is_test
from triage.probe.api import Case
from triage.probe.edits.own_copy import (
    has_mutable_defaults,
    is_mutable,
    with_copied_items,
    with_copies,
    with_fresh_defaults,
    with_own_attribute,
)
from triage.probe.edits.restore_state import is_module_of, module_and_attribute

ProductEdit = tuple[str, str, str]
"""What was done, the path, and the whole text with it."""
_ATTRIBUTE = "attr:"


def shared_by_accident(case: Case, key: str, place: str) -> bool:
    """Whether what leaks is a default argument, or a class's attribute that a line changes through `self`.

    `key` names the leaked state, `place` is the line that wrote it.
    """
    found = _owner(case, key)
    if found is None:
        return False
    path, names = found
    if has_mutable_defaults(case.source(path), names):
        return True
    file, _, line = place.rpartition(":")
    lines = (case.source(file) or "").splitlines()
    number = int(line)
    text = lines[number - 1] if number <= len(lines) else ""
    return len(names) == 2 and re.search(rf"\bself\.{re.escape(names[-1])}\b", text) is not None


def is_within_shared_object(key: str) -> bool:
    """Whether what leaks is an attribute of an object that a container of a module holds."""
    return key.startswith(_ATTRIBUTE) and "[" in key


def own_copies(case: Case, key: str, clean: str = "") -> Iterator[ProductEdit]:
    """Edits of the product after which nobody else sees what one caller changes.

    `clean` is the short text of the value where nothing leaked.
    """
    found = _owner(case, key)
    if found is None:
        return
    path, names = found
    source = case.source(path) or ""
    if is_within_shared_object(key):
        # what can change itself is still shared by a shallow copy
        maker = "copy.deepcopy" if is_mutable(clean) else "copy.copy"
        for line, text in with_copied_items(source, names[-1], maker):
            yield f"{path}:{line} works on a copy of its object in {names[-1]}", path, text
        return
    name = ".".join(names)
    fresh = with_fresh_defaults(source, names)
    if fresh is not None:
        yield f"{name} makes its mutable defaults anew in each call", path, fresh
    if len(names) == 2:
        own = with_own_attribute(source, *names)
        if own is not None:
            yield f"each {names[0]} has {names[1]} of its own", path, own
    if len(names) == 1:
        for line, text in with_copies(source, names[0]):
            yield f"{path}:{line} gives a copy of {names[0]}", path, text


def _owner(case: Case, key: str) -> tuple[str, tuple[str, ...]] | None:
    """The product's file and the names in it that a key leads to; None for a key of another kind."""
    if not key.startswith(_ATTRIBUTE):
        return None
    module, inner = module_and_attribute(key.removeprefix(_ATTRIBUTE), case.files)
    path = next((file for file in case.files if is_module_of(module, file)), None)
    if path is None or is_test(path):
        return None
    return path, tuple(inner.partition("[")[0].split("."))
