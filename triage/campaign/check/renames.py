"""Check against git that the tests of a verification are those that failed, where their names are others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from triage.campaign.moved import bodies_of
from triage.evidence.folder import EvidenceFolder
from triage.model.nodeid import without_parameters
from triage.model.recorded_criteria import RecordedCriteria, RenamedTest
from triage.process.git import Repository
from triage.process.git_history import text_at
from triage.process.git_renames import every_rename_since

CRITERIA = "criteria.json"


def rename_faults(root: Path, folder: EvidenceFolder) -> Iterator[tuple[str, str]]:
    """Give a fault for each renaming that git knows nothing of; none where git cannot be asked."""
    path = folder.path / CRITERIA
    if folder.phase != "d" or not path.is_file():
        return
    try:
        recorded = RecordedCriteria.model_validate_json(path.read_bytes())
    except (ValidationError, OSError, json.JSONDecodeError) as error:
        yield CRITERIA, f"cannot be read: {str(error).splitlines()[0]}"
        return
    repository = Repository.find(root) if recorded.renamed else None
    if repository is None:
        return
    now = {change.now for change in recorded.changes}
    for test in recorded.renamed:
        if not _is_known(repository, test, now):
            yield CRITERIA, f"{test.nodeid} is said to be {test.now} now, and git does not show it"


def _is_known(repository: Repository, test: RenamedTest, now: set[str | None]) -> bool:
    """Whether the file was renamed so since the failing run, or the body of the test stayed what it was.

    True where a commit is not in this clone: nobody can tell.
    """
    if test.since is None or repository.resolve(test.since) is None:
        return True
    old_file, _, old_name = without_parameters(test.nodeid).partition("::")
    new_file, _, new_name = without_parameters(test.now).partition("::")
    today = {rename.old: rename.new for rename in every_rename_since(repository, test.since)}
    is_same_file = today.get(old_file, old_file) == today.get(new_file, new_file)
    if old_name == new_name:
        return is_same_file
    body = bodies_of(text_at(repository, test.since, old_file)).get(old_name)
    later = [bodies_of(text_at(repository, commit, new_file)) for commit in now if commit is not None]
    # the renaming may not have been committed yet when the verification was made
    later.append(bodies_of(text_at(repository, "HEAD", new_file)))
    return is_same_file and body is not None and any(bodies.get(new_name) == body for bodies in later)
