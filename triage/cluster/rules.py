"""Rules by which people decide once and for all where failures of a kind belong.

A rule names patterns for some fields of a failure. It matches where each field that it names fits one of
its patterns; the first rule that matches decides. `rules_file` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from triage.cluster.registry import ClusterRegistry
from triage.cluster.wildcards import matches
from triage.errors import UsageError
from triage.model.base import Value

SOURCE = "plans/cluster_rules.toml"
FIELDS = ("exception", "chain", "message", "frame", "file", "code", "phase", "test")
"""What a rule can look at: the fields that `triage explain` shows of a failure."""
_LONGEST_PATTERN = 500
_LONGEST_LINE = 200
"""Longer ones are no patterns or titles that somebody wrote, but pasted output."""


def _as_patterns(value: Any) -> Any:
    """One pattern may stand without a list around it."""
    return (value,) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    if text and not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


Pattern = Annotated[str, Field(max_length=_LONGEST_PATTERN)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_as_patterns)]
Line = Annotated[str, Field(max_length=_LONGEST_LINE), AfterValidator(_one_line)]


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
    """Patterns, and the cluster for what matches them: an existing one, or one of the rule's own."""

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

    @property
    def patterns(self) -> dict[str, tuple[str, ...]]:
        """The fields that the rule names, with their patterns."""
        return {name: getattr(self, name) for name in FIELDS if getattr(self, name)}

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Whether every field that the rule names matches one of its patterns."""
        for name, patterns in self.patterns.items():
            text = fields.get(name, "")
            if not any(matches(pattern, text) for pattern in patterns):
                return False
        return True


class Rules(Value):
    """The rules in force, in the order of the file, and the names of those that have expired."""

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
                raise bad_rules(
                    source, f"rule {rule.name!r} names {rule.cluster}, and there is no such cluster"
                )


def bad_rules(source: str, what: str) -> UsageError:
    """The error for a rules file, as one line: a file with anything wrong in it decides nothing."""
    line = " ".join(what.split())
    return UsageError("bad-rules", f"{source}: {line}", "mend the file; no rule of it was applied")
