"""Claims: each number or status in a document, with the evidence that it comes from.

A claim is a span of a document, a basis (a value in an artifact, or a computation on such values) and
the way in which the value is shown. Computing and showing are functions of this module, so that
whoever renders a document and whoever checks it cannot disagree about them.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from triage.model.base import Value
from triage.text import markup as escape

Op = Literal[
    "key", "count", "sum", "min", "max", "mean", "magnitude", "minus", "percent", "allowed_rate", "beyond",
]  # fmt: skip


class Ref(Value):
    """A value in an artifact: the name of the source and an RFC 6901 pointer into its JSON."""

    source: str
    pointer: str = ""


class Derived(Value):
    """A value computed from others."""

    op: Op
    of: tuple[Ref | Derived, ...]
    args: dict[str, str | int | float | bool | None] = {}


Basis = Ref | Derived


class Artifact(Value):
    """A file that claims point into."""

    path: str
    """Relative to the project's root, posix."""
    sha256: str


class Claim(Value):
    """A span of a line, what it says, and why."""

    line: int = Field(ge=1)
    start: int = Field(ge=0)
    """Characters before the span in its line."""
    text: str
    """May hold line ends where a block is shown."""
    basis: Basis
    show: str = "prose"


class Constant(Value):
    """A number that the template itself writes, so that it states nothing about a run."""

    line: int = Field(ge=1)
    start: int = Field(ge=0)
    text: str


class Sidecar(Value):
    """`<document>.claims.json`: all claims of a document, and what it was rendered from."""

    v: Literal[1] = 1
    document: str
    """Relative to the project's root, posix."""
    sha256: str
    template: str
    templates_sha256: str
    """Of all templates that took part; while it is unchanged, the document can be rendered again."""
    sources: dict[str, Artifact]
    claims: tuple[Claim, ...]
    constants: tuple[Constant, ...] = ()


class Unfounded(ValueError):
    """A basis that its evidence does not support: no such pointer, or nothing to compute with."""


def resolve(document: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer. Raises `Unfounded` where there is none."""
    value = document
    for token in segments(pointer):
        try:
            value = value[int(token)] if isinstance(value, list) and _INDEX.fullmatch(token) else value[token]
        except (KeyError, IndexError, TypeError):
            raise Unfounded(f"there is nothing at {pointer!r}") from None
    return value


def segments(pointer: str) -> list[str]:
    """The unescaped parts of a pointer."""
    if pointer and not pointer.startswith("/"):
        raise Unfounded(f"{pointer!r} is no JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def child(pointer: str, token: str | int) -> str:
    """The pointer to one member of what `pointer` points to."""
    return f"{pointer}/{str(token).replace('~', '~0').replace('/', '~1')}"


def compute(basis: Basis, sources: Mapping[str, Any]) -> Any:
    """The value of a basis. Raises `Unfounded`."""
    if isinstance(basis, Ref):
        if basis.source not in sources:
            raise Unfounded(f"there is no source {basis.source!r}")
        return resolve(sources[basis.source], basis.pointer)
    if basis.op == "key":
        return _key(basis, sources)
    values = [compute(part, sources) for part in basis.of]
    try:
        return _OPERATIONS[basis.op](values, dict(basis.args))
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError, AttributeError) as error:
        raise Unfounded(f"{basis.op} cannot be computed: {error}") from None


def show(value: Any, how: str) -> str:
    """A value as text.

    `how` is the name of an escape (`prose`, `code`, `cell`, `block`, `html`), or `num:SPEC` with a format
    specification, `href:FOLDER` for a link to a path of the project from a document in that folder, or
    `tail:N` for the last characters of a text in HTML.
    """
    kind, _, detail = how.partition(":")
    text = plain_text(value)
    if kind == "num":
        return _number(value, detail)
    if kind == "href":
        return escape.link(posixpath.relpath(text, detail or "."))
    if kind == "tail" and detail.isdecimal():
        return escape.html(text if len(text) <= int(detail) else f"…{text[-int(detail) :]}")
    if kind not in _ESCAPES:
        raise Unfounded(f"there is no way {how!r} to show a value")
    return _ESCAPES[kind](text)


def digits_outside(text: str, spans: Iterable[tuple[int, int]], *, markup: bool) -> list[tuple[int, int]]:
    """Runs of digits that no span covers, by offset; in HTML (`markup`) only what a reader sees counts."""
    covered = bytearray(len(text))
    for start, end in spans:
        covered[start:end] = b"\1" * (end - start)
    shown = "".join(" " if covered[at] else char for at, char in enumerate(text))
    if markup:
        shown = _UNSEEN.sub(lambda found: " " * len(found[0]), shown)
    return [found.span() for found in re.finditer(r"\d+", shown)]


def offsets(text: str, claims: Iterable[Claim | Constant]) -> list[tuple[int, int]]:
    """Where spans given by line and column lie in a text; one beyond its end is empty."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    places = []
    for claim in claims:
        start = starts[claim.line - 1] + claim.start if claim.line <= len(starts) else len(text)
        places.append((min(start, len(text)), min(start + len(claim.text), len(text))))
    return places


def plain_text(value: Any) -> str:
    """A JSON value as a person reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, list):
        return " ".join(plain_text(item) for item in value)
    return str(value)


def matches(item: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether each field of an item, by dotted name, has the wanted value; `a|b` is either."""
    for name, expected in wanted.items():
        value = item
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        either = expected.split("|") if isinstance(expected, str) else (expected,)
        if value not in either:
            return False
    return True


_INDEX = re.compile(r"0|[1-9][0-9]*")
_ESCAPES: dict[str, Callable[[str], str]] = {
    "prose": escape.prose,
    "code": escape.code,
    "cell": escape.cell,
    "block": escape.block,
    "html": escape.html,
}
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|&#?\w+;", re.DOTALL | re.IGNORECASE)
_SPEC = re.compile(r"[+ ]?,?(\.\d{1,2})?[defg%]?")


def _number(value: Any, spec: str) -> str:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfounded(f"{value!r} is no number")
    if not _SPEC.fullmatch(spec):
        raise Unfounded(f"{spec!r} is no format for a number")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return format(round(value) if spec.endswith("d") else value, spec)


def _key(basis: Derived, sources: Mapping[str, Any]) -> str:
    (part,) = basis.of
    if not isinstance(part, Ref) or not part.pointer:
        raise Unfounded("only a value inside an artifact has a key")
    compute(part, sources)
    return segments(part.pointer)[-1]


def _items(value: Any, args: dict[str, Any]) -> list[Any]:
    items = list(value.values()) if isinstance(value, dict) else list(value)
    field = args.pop("field", None)
    kept = [item for item in items if matches(item, args)]
    return [item[field] for item in kept if item[field] is not None] if field else kept


def _allowed_rate(values: list[Any], args: dict[str, Any]) -> float:
    """One-sided 95 % upper bound of a failure rate after n runs without a failure: 1 - 0.05^(1/n)."""
    return float(1.0 - (1.0 - float(args.get("level", 0.95))) ** (1.0 / values[0]))


def _beyond(values: list[Any], args: dict[str, Any]) -> int:
    """How many items a list holds behind the first `limit` that a document shows."""
    limit = int(args.pop("limit"))
    return max(0, len(_items(values[0], args)) - limit)


def _mean(values: list[Any], args: dict[str, Any]) -> float:
    items = _items(values[0], args)
    return math.fsum(items) / len(items)


_OPERATIONS: dict[str, Callable[[list[Any], dict[str, Any]], Any]] = {
    "count": lambda values, args: len(_items(values[0], args)),
    "sum": lambda values, args: sum(_items(values[0], args)),
    "min": lambda values, args: min(_items(values[0], args)),
    "max": lambda values, args: max(_items(values[0], args)),
    "mean": _mean,
    "magnitude": lambda values, args: abs(values[0]),
    "beyond": _beyond,
    "minus": lambda values, args: values[0] - values[1],
    "percent": lambda values, args: 100.0 * values[0] / values[1],
    "allowed_rate": _allowed_rate,
}
