"""Guess under which name a test goes that the suite does not have any more."""

from __future__ import annotations

from collections.abc import Callable

from triage.campaign.moved import MovedFiles
from triage.lab.collect import Collected
from triage.repair.inputs import file_of


def name_finder(moved: MovedFiles, collected: Collected) -> Callable[[str], str | None]:
    """Return a function from the name of a test that is gone to that of a test which has taken its place.

    Its file has another name, or a function in its file has its body: then it was renamed and not deleted.
    """

    def find(nodeid: str) -> str | None:
        file = file_of(nodeid)
        new_files = [file, *(move.new for move in moved() if move.old == file)]
        for new_file in new_files[1:]:
            same = new_file + nodeid.removeprefix(file)
            if same in collected.tests:
                return same
        asked: set[str] = set()
        for candidate in collected.tests:
            name = candidate.partition("[")[0]
            if file_of(candidate) not in new_files or name in asked:
                continue
            asked.add(name)
            if moved.is_same_test(nodeid.partition("[")[0], name):
                return name
        return None

    return find
