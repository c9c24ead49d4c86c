"""Join failures by the line, function or attribute at which they arose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from triage.cluster.context import Context
from triage.cluster.groups import Unit
from triage.cluster.join_rules.unit_view import comparison, features, fields
from triage.cluster.union import Join, by_key
from triage.model.signature import Feature


class _WordedSite(NamedTuple):
    site: str
    wording: str


class _ComparingLine(NamedTuple):
    line: str
    comparison: str


class _SubjectOfFile(NamedTuple):
    file: str
    subject: str
    comparison: str


def same_site(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """One raising line with one wording; one line in whose evaluation all failed; else a proposal."""

    def worded(unit: Unit) -> Iterator[_WordedSite]:
        for site in features(unit, Feature.SITE):
            for wording in features(unit, Feature.TEMPLATE):
                yield _WordedSite(site, wording)

    yield from by_key(units, lambda unit: features(unit, Feature.EXPRESSION), "frame")
    yield from by_key(units, worded, "frame", lambda key: key.site)
    yield from by_key(units, lambda unit: features(unit, Feature.SITE), "frame", proposal=True)


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


def same_subject(units: Sequence[Unit], context: Context) -> Iterator[Join]:
    """Assertions of one test file about one attribute of the product, compared alike."""

    def subjects(unit: Unit) -> Iterator[_SubjectOfFile]:
        own = fields(unit)
        if own.get("exception") != "AssertionError" or "file" not in own:
            return
        for subject in features(unit, Feature.SUBJECT):
            if "." in subject or "_" in subject.strip("_"):  # a single word may be an attribute of anything
                yield _SubjectOfFile(own["file"], subject, comparison(unit))

    return by_key(units, subjects, "file", lambda key: f"{key.subject} in {key.file}")
