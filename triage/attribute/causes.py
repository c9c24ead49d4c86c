"""One cause of red tests as the search finds it; causes that share lines are one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from triage.attribute.commit_stage import BrokenSince
from triage.attribute.confirm import Judged
from triage.attribute.hunk_stage import Hunks
from triage.text.hunks import Hunk

_Lines = tuple[str, tuple[str, ...], tuple[str, ...]]
"""What a hunk does, wherever its lines lie: path, old lines, new lines."""


@dataclass(frozen=True)
class FoundCause:
    """Hunks that broke tests, and where they came in."""

    tests: tuple[str, ...]
    hunks: Hunks
    also: tuple[Hunks, ...]
    since: BrokenSince
    is_proven: bool
    """Whether both directions are confirmed."""
    judged: tuple[Judged, ...]
    repair: Mapping[str, str | None] = field(default_factory=dict)
    """Today's files without its hunks, as its tests were seen to pass with them; None is a file to remove."""

    def with_tests(self, tests: tuple[str, ...]) -> FoundCause:
        """The same cause of fewer or more tests."""
        return replace(self, tests=tests)


def united(causes: Iterable[FoundCause]) -> list[FoundCause]:
    """Causes that have a hunk in common are one: a test that runs half of a change needs half of its hunks.

    A hunk that only has to go *too* (another cause of the same tests) unites nothing. Nor does a set of which
    several hunks are causes by themselves: each of them alone broke some test.
    """
    found: list[FoundCause] = []
    for cause in _with_one_cause_each(list(causes)):
        sharing = [other for other in found if _lines(other) & _lines(cause)]
        found = [other for other in found if other not in sharing]
        whole = cause
        for other in sharing:
            whole = _joined(other, whole)
        found.append(whole)
    return found


def _with_one_cause_each(causes: list[FoundCause]) -> list[FoundCause]:
    """The causes, where a set of several is the first of them, and the others have to go too."""
    alone = {line for cause in causes if len(cause.hunks) == 1 for line in _lines(cause)}
    found = []
    for cause in causes:
        own = sorted(
            (hunk for hunk in cause.hunks if lines_of_hunk(hunk) in alone),
            key=lambda hunk: (hunk.path, hunk.first),
        )
        if len(cause.hunks) > 1 and len(own) > 1:
            first, *others = (frozenset((hunk,)) for hunk in own)
            found.append(replace(cause, hunks=first, also=(*cause.also, *others)))
        else:
            found.append(cause)
    return found


def _lines(cause: FoundCause) -> set[_Lines]:
    return {lines_of_hunk(hunk) for hunk in cause.hunks}


def lines_of_hunk(hunk: Hunk) -> _Lines:
    """What tells a hunk from others also where two commits show it at different lines."""
    return hunk.path, hunk.before, hunk.after


def _joined(one: FoundCause, other: FoundCause) -> FoundCause:
    """Both as one; the lines of the first are named where both have them, and its commit."""
    known = _lines(one)
    further = frozenset(hunk for hunk in other.hunks if lines_of_hunk(hunk) not in known)
    return replace(
        one,
        tests=tuple(dict.fromkeys((*one.tests, *other.tests))),
        hunks=one.hunks | further,
        also=tuple(dict.fromkeys((*one.also, *other.also))),
        is_proven=one.is_proven and other.is_proven,
        judged=(*one.judged, *other.judged),
        repair={} if further else one.repair,
    )
