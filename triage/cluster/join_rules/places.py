"""Join failures by the line or function at which they arose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import comparison, features, fields, was_looked_at
from triage.cluster.union import Join, by_key
from triage.model.signature import Feature


class _WordedSite(NamedTuple):
    site: str
    wording: str


class _ComparingLine(NamedTuple):
    line: str
    comparison: str


class _Words(NamedTuple):
    file: str
    fields: tuple[tuple[str, str], ...]
    """What the failures say, but for the test's name."""
    decade: str
    """Of the error, or the next one."""


def same_site(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One raising line with one wording; one line in whose evaluation all failed; else a proposal."""

    def worded(unit: Unit) -> Iterator[_WordedSite]:
        for site in features(unit, Feature.SITE):
            for wording in features(unit, Feature.TEMPLATE) or _no_words(unit):
                yield _WordedSite(site, wording)

    yield from by_key(units, lambda unit: features(unit, Feature.EXPRESSION), "frame")
    yield from by_key(units, worded, "frame", lambda key: key.site)
    yield from by_key(units, lambda unit: features(unit, Feature.SITE), "frame", proposal=True)


def _no_words(unit: Unit) -> tuple[str, ...]:
    """A bare `assert` of the product says nothing, and always the same."""
    return () if fields(unit).get("message") else ("",)


def same_none(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """A function of the product that gave None where its callers needed something."""
    return by_key(
        units, lambda unit: features(unit, Feature.NONE), "frame", lambda name: f"{name}() gave None"
    )


def same_line(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One assertion of one test that failed for several parameters, compared alike."""

    def lines(unit: Unit) -> Iterator[_ComparingLine]:
        for line in features(unit, Feature.LINE):
            yield _ComparingLine(line, comparison(unit))

    return by_key(units, lines, "parameter", lambda key: key.line)


def same_code(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One failing line in several tests of one file, failing alike: the tests' words, and not the cause's.

    Where the tests were looked at, the product decides; elsewhere there is nothing better.
    """

    def words(unit: Unit) -> Iterator[_Words]:
        own = dict(fields(unit))
        if own.pop("function", None) is None:
            return
        decade = own.pop("decade", None)
        # noise moves an error by one decade: neighbours have one of two in common
        decades = [None] if decade is None else [int(decade), int(decade) + 1]
        for each in decades:
            yield _Words(own["file"], tuple(sorted(own.items())), str(each))

    def unseen(unit: Unit) -> Iterator[_Words]:
        if not was_looked_at(unit, context):
            yield from words(unit)

    def detail(key: _Words) -> str:
        return f"{dict(key.fields)['code']} in {key.file}"

    yield from by_key(units, unseen, "file", detail)
    yield from by_key(units, words, "file", detail, proposal=True)
