"""Say how the value that a failing assertion got differs from the value that was due, in a few words.

What two failures have in common is often neither value but what lies between them: `&quot;` for `"`, a factor
of 1000, one key that is missing. Values are taken as they are, nothing is masked; the result is bounded.
"""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Iterator, Mapping
from numbers import Number
from typing import Any

_LONGEST_TEXT = 4000
"""Characters of two texts that are compared: the matcher's time grows with their product."""
_MOST_EDITS = 12
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
"""Whole words are replaced, and single signs: letters that two words have in common mean nothing."""
_LONGEST_PIECE = 80
_MOST_PLACES = 8
_MOST_ITEMS = 400
_MOST_DEPTH = 6
_DIGITS = 9
"""Significant digits of factors and offsets: what two doubles agree in, rounding errors apart."""

Difference = dict[str, Any]
"""`kind` and what belongs to it; JSON."""


def difference(got: Any, due: Any) -> Difference:
    """Describe the difference; `{"kind": "none"}` where nothing can be said."""
    for describe in (_of_types, _of_texts, _of_numbers, _of_arrays, _of_trees):
        found = describe(got, due)
        if found is not None:
            return found
    return {"kind": "none"}


def _of_types(got: Any, due: Any) -> Difference | None:
    """Values that have no kind in common: nothing in them can be compared."""
    if _kind(got) != _kind(due):
        return {"kind": "types", "got": type(got).__qualname__, "due": type(due).__qualname__}
    return None


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Number):
        return "number"
    if isinstance(value, str | bytes):
        return type(value).__name__
    if isinstance(value, Mapping):
        return "mapping"
    if isinstance(value, list | tuple):
        return "sequence"
    if isinstance(value, set | frozenset):
        return "set"
    return "object"


def _of_texts(got: Any, due: Any) -> Difference | None:
    if isinstance(got, bytes) and isinstance(due, bytes):
        got, due = got.decode("latin-1"), due.decode("latin-1")
    if not (isinstance(got, str) and isinstance(due, str)):
        return None
    if max(len(got), len(due)) > _LONGEST_TEXT:
        got, due = _without_common_ends(got, due)
        got, due = got[:_LONGEST_TEXT], due[:_LONGEST_TEXT]
    got_words, due_words = _WORDS.findall(got), _WORDS.findall(due)
    edits: dict[tuple[str, str], int] = {}
    kept = 0
    matcher = difflib.SequenceMatcher(None, due_words, got_words, autojunk=False)
    for tag, due_from, due_to, got_from, got_to in matcher.get_opcodes():
        due_piece, got_piece = "".join(due_words[due_from:due_to]), "".join(got_words[got_from:got_to])
        if tag == "equal":
            kept += len(due_piece)
            continue
        if max(len(due_piece), len(got_piece)) > _LONGEST_PIECE:
            due_piece, got_piece = _without_common_ends(due_piece, got_piece)
        edit = (due_piece[:_LONGEST_PIECE], got_piece[:_LONGEST_PIECE])
        edits[edit] = edits.get(edit, 0) + 1
    listed = sorted(edits.items(), key=lambda item: (-item[1], item[0]))[:_MOST_EDITS]
    return {
        "kind": "text",
        "edits": [[due_piece, got_piece, times] for (due_piece, got_piece), times in listed],
        "kept": round(kept / len(due), 3) if due else 0.0,
    }


def _without_common_ends(one: str, other: str) -> tuple[str, str]:
    shortest = min(len(one), len(other))
    start = 0
    while start < shortest and one[start] == other[start]:
        start += 1
    end = 0
    while end < shortest - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return one[start : len(one) - end], other[start : len(other) - end]


def _of_numbers(got: Any, due: Any) -> Difference | None:
    if isinstance(got, bool) or isinstance(due, bool):
        return {"kind": "bool", "got": bool(got)} if _kind(got) == _kind(due) == "bool" else None
    try:
        got_value, due_value = float(got), float(due)
    except (TypeError, ValueError, OverflowError):
        return None
    found: Difference = {"kind": "number", "got": _short(got_value), "due": _short(due_value)}
    if not (math.isfinite(got_value) and math.isfinite(due_value)):
        return found
    found["offset"] = _short(got_value - due_value)
    if due_value:
        found["factor"] = _short(got_value / due_value)
        relative = abs(got_value - due_value) / abs(due_value)
        if relative:
            found["digits"] = max(0, math.floor(-math.log10(relative)))
    return found


def _short(value: float) -> float | str:
    if not math.isfinite(value):
        return repr(value)
    return float(f"{value:.{_DIGITS}g}")


def _of_arrays(got: Any, due: Any) -> Difference | None:
    """Where two arrays or tensors differ, and by how much."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not (hasattr(got, "shape") and hasattr(due, "shape")):
        return None
    try:
        one, other = _as_array(got, numpy), _as_array(due, numpy)
    except Exception:
        return None
    if one.shape != other.shape:
        return {"kind": "array", "shapes": [list(one.shape), list(other.shape)]}
    if one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub":
        return None
    with numpy.errstate(all="ignore"):
        offsets = one.astype("f8") - other.astype("f8")
        wrong = ~(numpy.isclose(one.astype("f8"), other.astype("f8"), equal_nan=True))
        places = numpy.argwhere(wrong)
        found: Difference = {"kind": "array", "wrong": int(wrong.sum()), "of": int(one.size)}
        if len(places):
            found["first"] = [int(index) for index in places[0]]
            found["offset"] = _common(offsets[wrong])
            found["factor"] = _common(one.astype("f8")[wrong] / other.astype("f8")[wrong])
    return found


def _as_array(value: Any, numpy: Any) -> Any:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return numpy.asarray(value)


def _common(values: Any) -> float | str | None:
    """The one value that all of these have, rounded; None where they differ."""
    first = float(values[0])
    same = all(math.isclose(float(value), first, rel_tol=1e-6) for value in values[:_MOST_ITEMS])
    return _short(first) if same else None


def _of_trees(got: Any, due: Any) -> Difference | None:
    """Lists, mappings, sets and objects: the paths at which they differ, each with its own difference."""
    places = []
    for path, kind in _tree_places(got, due, "", _MOST_DEPTH):
        places.append([path, kind])
        if len(places) >= _MOST_PLACES:
            break
    return {"kind": "tree", "places": places} if places else None


def _tree_places(got: Any, due: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth == 0 or _same(got, due):
        return
    if isinstance(got, Mapping) and isinstance(due, Mapping):
        yield from _mapping_places(got, due, path, depth)
    elif isinstance(got, list | tuple) and isinstance(due, list | tuple):
        if len(got) != len(due):
            yield path, {"kind": "length", "got": len(got), "due": len(due)}
        for index, (one, other) in enumerate(zip(got[:_MOST_ITEMS], due[:_MOST_ITEMS], strict=False)):
            yield from _tree_places(one, other, f"{path}[{index}]", depth - 1)
    elif isinstance(got, set | frozenset) and isinstance(due, set | frozenset):
        yield path, {"kind": "set", "missing": _names(due - got), "extra": _names(got - due)}
    elif _attributes(got) and _attributes(due) and type(got) is type(due):
        yield from _mapping_places(_attributes(got), _attributes(due), path, depth)
    elif path:
        yield path, difference(got, due)


def _mapping_places(
    got: Mapping[Any, Any], due: Mapping[Any, Any], path: str, depth: int
) -> Iterator[tuple[str, Any]]:
    missing, extra = _names(set(due) - set(got)), _names(set(got) - set(due))
    if missing or extra:
        yield path, {"kind": "keys", "missing": missing, "extra": extra}
    for key in [key for key in due if key in got][:_MOST_ITEMS]:
        yield from _tree_places(got[key], due[key], f"{path}.{key}"[:_LONGEST_PIECE], depth - 1)


def _attributes(value: Any) -> dict[str, Any]:
    attributes = getattr(value, "__dict__", None)
    return dict(attributes) if isinstance(attributes, dict) else {}


def _names(values: Any) -> list[str]:
    return sorted(repr(value)[:_LONGEST_PIECE] for value in list(values)[:_MOST_ITEMS])[:_MOST_PLACES]


def _same(got: Any, due: Any) -> bool:
    """Whether two values are equal; a comparison that raises or gives an array says nothing."""
    try:
        return bool(got == due)
    except Exception:
        return False
