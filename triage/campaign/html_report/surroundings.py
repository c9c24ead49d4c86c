"""What the machine knows beside the evidence: lines of source around failures, settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from triage.campaign.codeowners import FileOwners
from triage.campaign.html_report.document import Excerpt, PageEvidence, SettingEntry
from triage.config import Loaded
from triage.process.git import Repository

_AROUND = 4
"""Lines of source before and behind a place."""
_MOST_EXCERPTS = 400
_LINE_CHARS = 400


def excerpts(
    root: Path, commit: str | None, evidence: PageEvidence, redact: Callable[[str], str]
) -> tuple[Excerpt, ...]:
    """Source lines around the places of clusters and failures, at the commit of the run.

    Without a commit the files are read as they lie there. A path that leads out of the root is left out.
    """
    lines_of = _reader(root, commit, may_differ=evidence.run.dirty is not False)
    texts: dict[str, list[str]] = {}
    found = []
    for path, line in _places(evidence)[:_MOST_EXCERPTS]:
        if path not in texts:
            texts[path] = lines_of(path)
        if line <= len(texts[path]):
            found.append(_excerpt(path, line, texts[path], redact))
    return tuple(found)


def _places(evidence: PageEvidence) -> list[tuple[str, int]]:
    """Path and line of what clusters and failures name, each once."""
    places = []
    for cluster in evidence.clusters:
        places += [cluster.product, cluster.own]
    for failure in evidence.failures:
        places += [failure.product, failure.own]
    return list(dict.fromkeys((place.path, place.line) for place in places if place is not None))


def _reader(root: Path, commit: str | None, *, may_differ: bool) -> Callable[[str], list[str]]:
    """What reads the lines of a file as the run had them.

    `may_differ` says that the run's tree had changes nobody committed: they are on the disk still where that
    commit is checked out.
    """
    repository = Repository.find(root)
    if repository is None or commit is None or (may_differ and repository.head() == commit):
        return lambda path: _lines_on_disk(root, path)
    return lambda path: (repository.file_at(commit, path) or "").splitlines()


def owners_by_file(root: Path, evidence: PageEvidence) -> dict[str, str]:
    """Who owns the tests' files and the places where clusters fail, by CODEOWNERS; empty without one."""
    owners = FileOwners.read(root)
    if owners is None:
        return {}
    places = [place for cluster in evidence.clusters for place in (cluster.product, cluster.own)]
    paths = dict.fromkeys([*evidence.tests.files, *(place.path for place in places if place is not None)])
    found = {path: owners.of(path) for path in paths}
    return {path: owner for path, owner in found.items() if owner is not None}


def _excerpt(path: str, line: int, lines: list[str], redact: Callable[[str], str]) -> Excerpt:
    first = max(1, line - _AROUND)
    shown = redact("\n".join(lines[first - 1 : line + _AROUND])).split("\n")
    return Excerpt(path=path, first=first, lines=tuple(text[:_LINE_CHARS] for text in shown))


def _lines_on_disk(root: Path, path: str) -> list[str]:
    file = root / path
    if not file.resolve().is_relative_to(root.resolve()):
        return []
    try:
        return file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def settings_of(loaded: Loaded, redact: Callable[[str], str]) -> tuple[SettingEntry, ...]:
    """Each setting with its value and origin."""
    fields = loaded.settings.model_dump(mode="json")
    return tuple(
        SettingEntry(name=name.replace("_", "-"), value=redact(_spelled(value)), origin=loaded.origins[name])
        for name, value in fields.items()
    )


def _spelled(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return str(value)
