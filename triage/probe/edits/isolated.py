"""Let a victim begin with the state that it expects, whatever other tests left: calls at its beginning.

The test that leaks stays as it is, so this is the repair for a state that many tests change on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from triage.instruments.contents import Kind
from triage.model.nodeid import file_of
from triage.probe.edits.declared import in_folder, in_test, quoted, variable_call
from triage.probe.edits.restore_state import is_module_of, kind_of_contents, module_and_attribute
from triage.probe.sources import literal_of

_ABSENT = "absent"
"""How the short text of a value reads that is not there."""
_MOST_CALLS = 3
"""A test that begins with more of them is no longer about what it tests."""
_LONGEST_LITERAL = 60


@dataclass(frozen=True)
class LeakedValue:
    """One piece of the process state with its short texts."""

    key: str
    clean: str
    """As the victim finds it where nothing leaked."""
    dirty: str
    """As it finds it after the polluters."""


def isolated(
    source: str, nodeid: str, leaked: Sequence[LeakedValue], files: Sequence[str], *, whole: bool = False
) -> str | None:
    """The source in which the test sets each value itself; None where one of them cannot be written down.

    Of a dictionary it sets the items that differ, or all of them where `whole` says that others may differ.
    """
    if [value.key for value in leaked] == ["cwd"]:
        return in_folder(source, nodeid, "")
    calls: list[str] = []
    imports: list[str] = []
    for value in leaked:
        meant = replace(value, dirty="{}") if whole and value.dirty.startswith("{") else value
        made = list(_calls(meant, file_of(nodeid), files, imports))
        if not made:
            return None
        calls += made
    if len(calls) > _MOST_CALLS:
        return None
    text: str | None = source
    for call in reversed(calls):  # each goes before those that stand there
        text = in_test(text, nodeid, call, *imports) if text is not None else None
    return text


def _calls(value: LeakedValue, path: str, files: Sequence[str], imports: list[str]) -> Iterator[str]:
    kind, _, name = value.key.partition(":")
    if kind == "env" and value.clean == _ABSENT:
        yield variable_call(name, None)
    if kind != "attr" or _ABSENT in (value.clean, value.dirty):
        return
    module, inner = module_and_attribute(name, files)
    if not module or is_module_of(module, path):
        return
    contents = kind_of_contents(value.clean)
    if contents is Kind.CACHE:
        imports.append(module)
        yield f"{module}.{inner}.cache_clear()"
    elif contents is Kind.MAPPING:
        items = list(_items(value, f"{module}.{inner}"))
        if items:
            imports.append(module)
        yield from items
    elif _is_short_literal(value.clean) and contents not in (Kind.SET, Kind.ATTRIBUTES):
        # whoever holds the leaked list or set itself does not see the new one: then the run tells
        if "[" in name:
            owner, _, attribute = inner.rpartition(".")
            imports.append(module)
            yield f"monkeypatch.setattr({module}.{owner}, {quoted(attribute)}, {value.clean})"
        else:
            yield f"monkeypatch.setattr({quoted(name)}, {value.clean})"


def _items(value: LeakedValue, target: str) -> Iterator[str]:
    """The items of a dictionary that differ, each set as it should be; nothing where a text is cut short."""
    clean, dirty = literal_of(value.clean), literal_of(value.dirty)
    if not isinstance(clean, dict) or not isinstance(dirty, dict):
        return
    for key, due in clean.items():
        if key not in dirty or dirty[key] != due:
            yield f"monkeypatch.setitem({target}, {_code(key)}, {_code(due)})"
    for key in dirty:
        if key not in clean:
            yield f"monkeypatch.delitem({target}, {_code(key)}, raising=False)"


def _is_short_literal(text: str) -> bool:
    return len(text) <= _LONGEST_LITERAL and (text == "None" or literal_of(text) is not None)


def _code(value: object) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)
