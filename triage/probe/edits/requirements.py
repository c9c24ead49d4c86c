"""Change what a project requires of one distribution: a bound beside what it asks for, or one version."""

from __future__ import annotations

import re
from collections.abc import Callable

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

Change = Callable[[str], str]
"""The specifiers of a requirement (`>=1.2,<2`; empty for any version), as they should be."""


def with_specifiers(text: str, name: str, change: Change) -> str | None:
    """The text of a file of requirements with other specifiers; None where it does not require `name`."""
    spelled = "[-_.]".join(re.escape(part) for part in re.split(r"[-_.]+", name))
    requirement = re.compile(
        rf"""
        (?P<head> ^[ \t]* | ["'] ) (?P<name> {spelled} ) (?P<extras> \[ [^\]\n]* \] )?
        (?P<gap> [ \t]* )
        (?P<specifiers> (?: (?: [=<>!~]=? | === ) [ \t]* [A-Za-z0-9.*+!_-]+ [ \t]* ,? [ \t]* )* )
        (?= [ \t]* (?: ["';\#] | $ ) )
        """,
        re.VERBOSE | re.MULTILINE | re.IGNORECASE,
    )
    changed = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal changed
        old = match["specifiers"]
        kept = old.rstrip()
        new = change(kept)
        changed = changed or new != kept
        gap = match["gap"] if kept else ""
        return f"{match['head']}{match['name']}{match['extras'] or ''}{gap}{new}{old[len(kept) :]}"

    edited = requirement.sub(replaced, text)
    if not changed:
        return _with_constraint(text, spelled, change)
    return edited


def _with_constraint(text: str, spelled: str, change: Change) -> str | None:
    """The text of a `pyproject.toml` of Poetry, or of a `Pipfile`, with another constraint; None for others.

    They write `name = "^1.2"`, or a table with a `version`. A constraint that other tools do not know gives
    way to the new one.
    """
    if re.search(r"^\[(?:tool\.poetry|packages)", text, re.MULTILINE) is None:
        return None
    entry = re.compile(
        rf"""
        (?P<head> ^ {spelled} [ \t]* = [ \t]* (?: \{{ [^}}\n]*? version [ \t]* = [ \t]* )? (?P<quote> ["'] ) )
        (?P<constraint> [^"'\n]* ) (?P=quote)
        """,
        re.VERBOSE | re.MULTILINE | re.IGNORECASE,
    )
    match = entry.search(text)
    if match is None:
        return None
    old = match["constraint"]
    is_of_its_own = old in ("*", "") or old[0] in "^~" or old[0].isdigit()
    new = change("" if is_of_its_own else old)
    if new == old:
        return None
    return text[: match.start("constraint")] + new + text[match.end("constraint") :]


def admitting(good: str, bad: str) -> Change:
    """Add the bound between a version that works and one that does not; what forbids the bad one stays.

    A pin of the bad version becomes one of the good version.
    """

    def change(specifiers: str) -> str:
        if not _admits(specifiers, bad):
            return specifiers
        if "==" in specifiers:
            return f"=={good}"
        is_newer = Version(bad) > Version(good)
        kept = [each.strip() for each in specifiers.split(",") if each.strip()]
        if is_newer:
            return _joined([*kept, f"<{bad}"], specifiers)
        kept = [each for each in kept if not each.startswith((">", "~="))]
        return _joined([f">={good}", *kept], specifiers)

    return change


def exactly(version: str) -> Change:
    """Ask for this version and no other."""
    return lambda specifiers: f"=={version}"


def are_versions(*texts: str) -> bool:
    """Whether all of them can be compared as versions."""
    try:
        return all(Version(text) for text in texts)
    except InvalidVersion:
        return False


def _admits(specifiers: str, version: str) -> bool:
    try:
        return SpecifierSet(specifiers).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False


def _joined(parts: list[str], like: str) -> str:
    return (", " if ", " in like else ",").join(parts)
