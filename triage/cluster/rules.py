"""`plans/cluster_rules.toml`: what people decided once and for all about failures of a kind.

    [[rule]]
    name = "gpu memory"                  # unique
    reason = "one machine has a small GPU"
    cluster = "C7"                       # optional: an existing cluster; else the rule has one of its own
    exception = "*OutOfMemoryError"      # patterns on the fields that `triage explain` shows; all must match,
    message = ["*out of memory*", "*CUBLAS_STATUS_ALLOC_FAILED*"]   # of a list any
    expires = 2026-12-31                 # optional
    examples = [{ exception = "torch.OutOfMemoryError", message = "CUDA out of memory. Tried …" }]

The first rule that matches a failure decides. A file with anything wrong in it decides nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from triage.cluster.registry import ClusterRegistry
from triage.errors import UsageError
from triage.model.base import Value

LONGEST_TEXT = 10_000
"""Of a text only so much is looked at: its beginning."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text (white space folded, upper and lower case kept) fits the pattern."""
    text = " ".join(text[:LONGEST_TEXT].split())
    first, *others = pattern.split("*")
    if not _fits(first, text[: len(first)]):
        return False
    if not others:
        return len(text) == len(first)
    *middle, last = others
    position = len(first)
    for part in middle:
        found = _find(part, text, position)
        if found < 0:
            return False
        position = found + len(part)
    end = len(text) - len(last)
    return end >= position and _fits(last, text[end:])


def _find(part: str, text: str, start: int) -> int:
    if "?" not in part:
        return text.find(part, start)
    found = _of_one_length(part).search(text, start)
    return found.start() if found else -1


@lru_cache(maxsize=1024)
def _of_one_length(part: str) -> re.Pattern[str]:
    """A part as an expression without any repetition: it cannot backtrack."""
    return re.compile("".join("." if char == "?" else re.escape(char) for char in part), re.DOTALL)


def _fits(part: str, text: str) -> bool:
    return len(part) == len(text) and all(p in (t, "?") for p, t in zip(part, text, strict=True))


LARGEST_FILE = 1 << 20
FIELDS = ("exception", "chain", "message", "frame", "file", "code", "phase", "test")
_SLUG = "bad-rules"
SOURCE = "plans/cluster_rules.toml"
Pattern = Annotated[str, Field(max_length=500)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


def _one_line(text: str) -> str:
    if text and not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
_SAMPLES = tuple(
    {"exception": a, "chain": f"{a} < {b}", "message": f"{a} {b}", "frame": f"{a}/{b}.py:{a}",
     "file": f"{a}/{b}.py", "code": f"{b}({a})", "phase": phase, "test": f"{a}/{b}.py::{a}"}
    for a, b in (("Qx", "zj"), ("kW", "vy"))
    for phase in ("collect", "setup", "call", "teardown")
)  # fmt: skip
"""Failures that have in common only what all failures have: who matches each of them matches anything."""


class Example(Value):
    """A failure that the rule must match, in the same fields."""

    exception: str = ""
    chain: str = ""
    message: str = ""
    frame: str = ""
    file: str = ""
    code: str = ""
    phase: str = ""
    test: str = ""


class Rule(Value):
    """One rule; see the module."""

    name: Line = Field(min_length=1)
    reason: Line = ""
    cluster: str | None = Field(None, pattern=r"^C[1-9][0-9]*$")
    title: Line = ""
    exception: Patterns = ()
    chain: Patterns = ()
    message: Patterns = ()
    frame: Patterns = ()
    file: Patterns = ()
    code: Patterns = ()
    phase: Patterns = ()
    test: Patterns = ()
    expires: date | None = None
    examples: tuple[Example, ...] = ()

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Whether every field that the rule names matches one of its patterns."""
        return all(
            any(matches(pattern, fields.get(name, "")) for pattern in getattr(self, name))
            for name in FIELDS
            if getattr(self, name)
        )

    @property
    def patterns(self) -> dict[str, tuple[str, ...]]:
        """The fields that the rule looks at."""
        return {name: getattr(self, name) for name in FIELDS if getattr(self, name)}


class Rules(Value):
    """The rules in force, in the order of the file, and what was left out."""

    rules: tuple[Rule, ...] = ()
    expired: tuple[str, ...] = ()

    def first(self, fields: Mapping[str, str]) -> Rule | None:
        """The rule that decides on a failure with these fields."""
        return next((rule for rule in self.rules if rule.fits(fields)), None)

    def all(self, fields: Mapping[str, str]) -> tuple[Rule, ...]:
        """Every rule that matches such a failure: where they are several, the first decides."""
        return tuple(rule for rule in self.rules if rule.fits(fields))

    def check_clusters(self, registry: ClusterRegistry, source: str = SOURCE) -> None:
        """Raises `UsageError` (bad-rules) for a rule that names a cluster which does not exist."""
        for rule in self.rules:
            if rule.cluster is not None and rule.cluster not in registry.clusters:
                raise _bad(source, f"rule {rule.name!r} names {rule.cluster}, and there is no such cluster")


def parse_rules(text: str, *, today: date, source: str = SOURCE) -> Rules:
    """The rules of a file. Raises `UsageError` (bad-rules) that names the first thing wrong with it."""
    if len(text) > LARGEST_FILE:
        raise _bad(source, f"is larger than {LARGEST_FILE >> 10} KiB")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _bad(source, str(error)) from None
    if unknown := document.keys() - {"rule"}:
        raise _bad(source, f"unknown key {sorted(unknown)[0]!r}; rules stand under [[rule]]")
    tables = document.get("rule", [])
    if not isinstance(tables, list):
        raise _bad(source, "[rule] must be [[rule]]")
    rules = [_rule(number, table, source) for number, table in enumerate(tables, start=1)]
    names: set[str] = set()
    for rule in rules:
        if rule.name in names:
            raise _bad(source, f"two rules have the name {rule.name!r}")
        names.add(rule.name)
    expired = tuple(rule.name for rule in rules if rule.expires is not None and rule.expires < today)
    return Rules(rules=tuple(rule for rule in rules if rule.name not in expired), expired=expired)


def _rule(number: int, table: Any, source: str) -> Rule:
    try:
        rule = Rule.model_validate(table)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise _bad(source, f"rule {number}: {where}: {problem['msg']}") from None
    if not rule.patterns:
        raise _bad(source, f"rule {rule.name!r} names no field, so it would match everything")
    if all(rule.fits(sample) for sample in _SAMPLES):
        raise _bad(source, f"rule {rule.name!r} matches everything")
    if empty := [name for name, patterns in rule.patterns.items() if "" in patterns]:
        raise _bad(source, f"rule {rule.name!r} has an empty pattern for {empty[0]}")
    if not rule.examples:
        raise _bad(source, f"rule {rule.name!r} has no example of what it must match")
    for example in rule.examples:
        if not rule.fits(example.model_dump()):
            shown = {name: text for name, text in example.model_dump().items() if text}
            raise _bad(source, f"rule {rule.name!r} does not match its own example {shown}")
    return rule


def _bad(source: str, what: str) -> UsageError:
    line = " ".join(what.split())
    return UsageError(_SLUG, f"{source}: {line}", "mend the file; no rule of it was applied")
