"""Read `plans/cluster_rules.toml`, and refuse it as a whole where anything in it is wrong.

[[rule]]
name = "gpu memory"                  # unique
reason = "one machine has a small GPU"
cluster = "C7"                       # optional: an existing cluster; else the rule has one of its own
exception = "*OutOfMemoryError"      # patterns on the fields that `triage explain` shows; all must match,
message = ["*out of memory*", "*CUBLAS_STATUS_ALLOC_FAILED*"]   # of a list any
expires = 2026-12-31                 # optional
examples = [{ exception = "torch.OutOfMemoryError", message = "CUDA out of memory. Tried …" }]
"""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from typing import Any

from pydantic import ValidationError

from triage.cluster.rules import SOURCE, Example, Rule, Rules, bad_rules

_LARGEST_KIB = 1024
"""Some thousand rules; a larger file is none that people wrote."""


def _unlike_failures() -> tuple[dict[str, str], ...]:
    """Failures that have in common only what all failures have."""
    found = []
    for one, other in (("Qx", "zj"), ("kW", "vy")):
        for phase in ("collect", "setup", "call", "teardown"):
            failure = Example(
                exception=one,
                chain=f"{one} < {other}",
                message=f"{one} {other}",
                frame=f"{one}/{other}.py:{one}",
                file=f"{one}/{other}.py",
                code=f"{other}({one})",
                phase=phase,
                test=f"{one}/{other}.py::{one}",
            )
            found.append(failure.model_dump())
    return tuple(found)


_UNLIKE = _unlike_failures()
"""A rule that matches each of them matches anything."""


def parse_rules(text: str, *, today: date, source: str = SOURCE) -> Rules:
    """The rules of a file. Raises `UsageError` (bad-rules) that names the first thing wrong with it."""
    rules = [_rule(number, table, source) for number, table in enumerate(_tables(text, source), start=1)]
    for name, count in Counter(rule.name for rule in rules).items():
        if count > 1:
            raise bad_rules(source, f"two rules have the name {name!r}")

    in_force, expired = [], []
    for rule in rules:
        if rule.expires is not None and rule.expires < today:
            expired.append(rule.name)
        else:
            in_force.append(rule)
    return Rules(rules=tuple(in_force), expired=tuple(expired))


def _tables(text: str, source: str) -> list[Any]:
    """The `[[rule]]` tables of the file, not checked yet."""
    if len(text) > _LARGEST_KIB * 1024:
        raise bad_rules(source, f"is larger than {_LARGEST_KIB} KiB")
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise bad_rules(source, str(error)) from None
    unknown = sorted(document.keys() - {"rule"})
    if unknown:
        raise bad_rules(source, f"unknown key {unknown[0]!r}; rules stand under [[rule]]")
    tables = document.get("rule", [])
    if not isinstance(tables, list):
        raise bad_rules(source, "[rule] must be [[rule]]")
    return tables


def _rule(number: int, table: Any, source: str) -> Rule:
    try:
        rule = Rule.model_validate(table)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise bad_rules(source, f"rule {number}: {where}: {problem['msg']}") from None
    fault = _fault(rule)
    if fault is not None:
        raise bad_rules(source, f"rule {rule.name!r} {fault}")
    return rule


def _fault(rule: Rule) -> str | None:
    """What makes a well-formed rule useless or dangerous, behind its name; None where nothing does."""
    if not rule.patterns:
        return "names no field, so it would match everything"
    if all(rule.fits(failure) for failure in _UNLIKE):
        return "matches everything"
    for name, patterns in rule.patterns.items():
        if "" in patterns:
            return f"has an empty pattern for {name}"
    if not rule.examples:
        return "has no example of what it must match"
    for example in rule.examples:
        if not rule.fits(example.model_dump()):
            shown = {name: text for name, text in example.model_dump().items() if text}
            return f"does not match its own example {shown}"
    return None
