"""Find, for tests that the base does not explain, the last commit on which a recorded run saw each green."""

from __future__ import annotations

from collections.abc import Iterable

from triage.campaign.services import Services
from triage.errors import TriageError
from triage.process.git import Repository
from triage.process.git_base import is_ancestor

_MOST_RUNS = 50
"""Earlier runs of each test that are looked at."""
_MOST_BASES = 5
"""Commits that are searched from: each is a search of its own."""


def last_green(services: Services, repository: Repository, tests: Iterable[str]) -> dict[str, list[str]]:
    """Commits in the history of what is checked out, each with the tests that were last green there.

    A run on a tree with uncommitted changes counts: whether the commit itself is green is asked first.
    """
    head = repository.head()
    if head is None:
        return {}
    found: dict[str, list[str]] = {}
    is_before: dict[str, bool] = {}
    try:
        store = services.open_store()
        for nodeid in tests:
            for row in store.history(nodeid, _MOST_RUNS):
                if row.commit is None or not row.outcome.is_green:
                    continue
                if row.commit not in is_before:
                    is_known = repository.resolve(row.commit) is not None
                    is_before[row.commit] = is_known and is_ancestor(repository, row.commit, head)
                if is_before[row.commit]:
                    found.setdefault(row.commit, []).append(nodeid)
                    break
        store.close()
    except TriageError as error:
        services.progress.note(f"searched without earlier runs: {error}")
    most_tests_first = sorted(found.items(), key=lambda entry: -len(entry[1]))
    return dict(most_tests_first[:_MOST_BASES])
