"""Claims: each number or status in a document, with the evidence that it comes from.

A claim is a span of a document, a basis (a value in an artifact, or a computation on such values) and
the way in which the value is shown. `claim_value` computes a basis, `claim_text` shows its value.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from triage.model.base import Value

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
    output: str = ""
    """Where the project's paths begin, as seen from the suite's root: links to source count from there."""


class Unfounded(ValueError):
    """A basis that its evidence does not support: no such pointer, or nothing to compute with."""
