"""Cut an answer down to what an agent can take, and give the rest piece by piece: pure."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, NamedTuple

from triage.errors import UsageError

MOST_BYTES = 20_000
"""Of one answer as JSON text: a few thousand tokens."""
_FOR_CUTS = 2_500
"""Bytes of it that are kept free to say what was cut."""
_MOST_ANSWERS = 32
"""Answers whose rest can still be asked for."""
_STEPS = ((400, 8_000), (100, 3_000), (40, 1_200), (15, 500), (5, 200), (2, 80), (0, 40))
"""Items of a list and characters of a text that are kept, one step after the other until all fits."""
_MOST_CUTS = 12
"""Cuts that are told; where there are more, the shorter lists are left untold."""


class Cut(NamedTuple):
    """A list or a text of which only the beginning is in the answer."""

    path: str
    """JSON pointer."""
    shown: int
    total: int


def size(value: Any) -> int:
    """Bytes of a value as JSON text."""
    return len(text_of(value).encode("utf-8"))


def text_of(value: Any) -> str:
    """The text that an agent gets."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Answers:
    """The last answers whole, so that what was cut off can be asked for without running anything again."""

    def __init__(self) -> None:
        self._whole: OrderedDict[str, Any] = OrderedDict()
        self._number = 0

    def bounded(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document, or its beginning with `cut`: what is left out, and the cursor that gives it."""
        if size(document) <= MOST_BYTES:
            return document
        self._number += 1
        name = f"answer{self._number}"
        self._whole[name] = document
        while len(self._whole) > _MOST_ANSWERS:
            self._whole.popitem(last=False)
        for items, characters in _STEPS:
            cuts: list[Cut] = []
            shortened = _shortened(document, items, characters, "", cuts)
            if size(shortened) <= MOST_BYTES - _FOR_CUTS:
                break
        told = sorted(cuts, key=lambda cut: cut.total - cut.shown, reverse=True)[:_MOST_CUTS]
        rows = [cut._asdict() | {"cursor": f"{name}{cut.path}+{cut.shown}"} for cut in told]
        # paths of long names may need more than what was kept free for them
        while rows and size({**shortened, "cut": rows}) > MOST_BYTES:
            rows.pop()
        return {**shortened, "cut": rows}

    def more(self, cursor: str) -> dict[str, Any]:
        """The next part of a list or text. Raises `UsageError` for a cursor that none of the answers gave."""
        place, plus, offset_text = cursor.rpartition("+")
        name, slash, pointer = place.partition("/")
        if not (plus and slash and offset_text.isdecimal()) or name not in self._whole:
            raise UsageError("bad-cursor", f"no answer has the rest {cursor!r}", "ask the tool itself again")
        whole = _at(self._whole[name], pointer)
        offset = int(offset_text)
        if isinstance(whole, str):
            part: Any = whole[offset : offset + _STEPS[0][1]]
        else:
            part = list(_fitting(whole, offset))
        end = offset + len(part)
        following = f"{place}+{end}" if end < len(whole) else None
        return {
            "path": f"/{pointer}",
            "total": len(whole),
            "from": offset,
            "items": part,
            "next_cursor": following,
        }


def _fitting(rows: list[Any], offset: int) -> Iterator[Any]:
    """Rows from an offset on as long as they fit; one that is too long alone is shortened."""
    left = MOST_BYTES - _FOR_CUTS
    for number, row in enumerate(rows[offset:]):
        need = size(row) + 1
        if need > left:
            if number == 0:
                yield _one_row(row)
            return
        left -= need
        yield row


def _one_row(row: Any) -> Any:
    for items, characters in _STEPS:
        shortened = _shortened(row, items, characters, "", [])
        if size(shortened) <= MOST_BYTES - _FOR_CUTS:
            return shortened
    return None


def _shortened(value: Any, items: int, characters: int, path: str, cuts: list[Cut]) -> Any:
    """A copy with lists and texts cut; `cuts` takes a line for each."""
    if isinstance(value, str):
        if len(value) <= characters:
            return value
        cuts.append(Cut(path, characters, len(value)))
        return value[:characters]
    if isinstance(value, list):
        kept = value[:items]
        if len(kept) < len(value):
            cuts.append(Cut(path, len(kept), len(value)))
        return [
            _shortened(item, items, characters, f"{path}/{index}", cuts) for index, item in enumerate(kept)
        ]
    if isinstance(value, dict):
        return _shortened_object(value, items, characters, path, cuts)
    return value


def _shortened_object(
    value: dict[str, Any], items: int, characters: int, path: str, cuts: list[Cut]
) -> dict[str, Any]:
    """A copy of an object; one with many keys (node ids, say) is cut as a list is."""
    names = list(value)
    is_table = len(names) > max(items, _FIELDS)
    kept = names[:items] if is_table else names
    if is_table:
        cuts.append(Cut(path, len(kept), len(names)))
    return {
        name: _shortened(value[name], items, characters, f"{path}/{_escaped(name)}", cuts) for name in kept
    }


_FIELDS = 40
"""No model has as many fields: an object with more is a table, whose keys are data."""


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _at(document: Any, pointer: str) -> Any:
    """The list or text at a JSON pointer; a table becomes the list of its pairs."""
    found = document
    for part in pointer.split("/") if pointer else ():
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise UsageError(
                "bad-cursor", f"no answer has /{pointer}", "ask the tool itself again"
            ) from error
    return [[key, item] for key, item in found.items()] if isinstance(found, dict) else found
