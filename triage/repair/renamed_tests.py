"""Find the names that failing tests have now which the suite does not have any more under the recorded ones.

A file that git says was renamed, or a test whose body is that of the one that is gone: then it was renamed
and not deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set

from triage.campaign.moved import MovedFiles
from triage.lab.collect import Collected
from triage.model.journal import Relocation
from triage.model.nodeid import file_of, without_parameters

_SAME_BODY = "renamed: its body is the same"


def renamings(
    moved: MovedFiles, collected: Collected, gone: Iterable[str], known_then: Set[str]
) -> tuple[Relocation, ...]:
    """Return what was renamed, files and tests, as far as that is certain.

    `gone` are node ids that the suite does not have, `known_then` all tests of the failing runs: one that was
    there beside the failing one is another test, whatever its body.
    """
    missing = [nodeid for nodeid in gone if nodeid not in collected.tests]
    if not missing:
        return ()
    of_files = [move for move in moved() if any(file_of(nodeid) == move.old for nodeid in missing)]
    tests = dict.fromkeys(without_parameters(nodeid) for nodeid in missing)
    of_tests = [
        Relocation(old=test, new=found, how=_SAME_BODY)
        for test in tests
        if (found := _only_new_name(moved, collected, test, known_then)) is not None
    ]
    return (*of_files, *of_tests)


def name_finder(moved: MovedFiles, collected: Collected) -> Callable[[str], str | None]:
    """Return a function that guesses from the name of a test that is gone what it is called now."""

    def find(nodeid: str) -> str | None:
        return next(_of_same_body(moved, collected, without_parameters(nodeid)), None)

    return find


def _only_new_name(moved: MovedFiles, collected: Collected, test: str, known_then: Set[str]) -> str | None:
    """The one test of today with the body of a test that is gone; None where its file alone has moved."""
    file = file_of(test)
    moved_along = {move.new + test.removeprefix(file) for move in moved() if move.old == file}
    names_then = {without_parameters(nodeid) for nodeid in known_then}
    if moved_along & {without_parameters(nodeid) for nodeid in collected.tests}:
        return None
    found = [name for name in _of_same_body(moved, collected, test) if name not in names_then]
    return found[0] if len(found) == 1 else None


def _of_same_body(moved: MovedFiles, collected: Collected, test: str) -> Iterator[str]:
    """Tests of the same file, whatever that is called now, with the body of the test that is gone."""
    file = file_of(test)
    files = [file, *(move.new for move in moved() if move.old == file)]
    names = dict.fromkeys(without_parameters(nodeid) for nodeid in collected.tests)
    for name in names:
        if file_of(name) in files and moved.is_same_test(test, name):
            yield name
