"""What the machine knows beside the evidence: where the source is shown, lines of source, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from triage.campaign.html_report.document import Excerpt, PageEvidence, SettingEntry
from triage.config import Loaded
from triage.model.base import Value
from triage.process.git import Repository
from triage.text.pattern import pattern

_AROUND = 4
"""Lines of source before and behind a place."""
_MOST_EXCERPTS = 400
_LINE_CHARS = 400
_REMOTE = pattern(
    r"""
    (?: (?:ssh|git|https?) :// )? (?: [^@/\s]+ @ )?     # the scheme, and who asks
    (?P<host> [A-Za-z0-9.-]+ ) (?: :\d+ )? [:/]
    (?P<path> [\w.~] [\w.~/-]*? ) (?: \.git )? /?
    """,
    how="fullmatch",
    matches=["git@github.com:o/r.git", "https://token@gitlab.example.org/g/s/r.git", "ssh://git@h:22/o/r"],
    rejects=["/srv/git/r.git", "file:///srv/r", ""],
)


class Forge(Value):
    """Where a repository is shown on the web."""

    kind: str
    """github, gitlab, bitbucket or gitea: they spell addresses differently."""
    address: str
    """Of the repository, https."""

    def source_url(self, commit: str, prefix: str) -> str:
        """Address of a line of a file at a commit, with `{path}` and `{line}`."""
        folder = quote(f"{prefix}/") if prefix else ""
        match self.kind:
            case "gitlab":
                return f"{self.address}/-/blob/{commit}/{folder}{{path}}#L{{line}}"
            case "bitbucket":
                return f"{self.address}/src/{commit}/{folder}{{path}}#lines-{{line}}"
            case "gitea":
                return f"{self.address}/src/commit/{commit}/{folder}{{path}}#L{{line}}"
            case _:
                return f"{self.address}/blob/{commit}/{folder}{{path}}#L{{line}}"

    def commit_url(self) -> str:
        """Address of a commit, with `{commit}`."""
        match self.kind:
            case "gitlab":
                return f"{self.address}/-/commit/{{commit}}"
            case "bitbucket":
                return f"{self.address}/commits/{{commit}}"
            case _:
                return f"{self.address}/commit/{{commit}}"


def forge_of(remote: str | None, environ: Mapping[str, str]) -> Forge | None:
    """Where the repository is on the web: as CI says, else by its remote; None where nobody can tell."""
    server, name = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    if server and name and _is_https(server):
        return Forge(kind="github", address=f"{server.rstrip('/')}/{name}")
    project = environ.get("CI_PROJECT_URL")
    if project and _is_https(project):
        return Forge(kind="gitlab", address=project.rstrip("/"))
    found = _REMOTE.fullmatch(remote or "")
    if found is None:
        return None
    kind = _kind_of_host(found["host"])
    path = found["path"].strip("/")
    return Forge(kind=kind, address=f"https://{found['host']}/{path}") if kind and path else None


def _kind_of_host(host: str) -> str | None:
    """By the name alone, since nothing is asked over the network."""
    for word, kind in (
        ("github", "github"),
        ("gitlab", "gitlab"),
        ("bitbucket", "bitbucket"),
        ("codeberg", "gitea"),
        ("gitea", "gitea"),
        ("forgejo", "gitea"),
    ):
        if word in host.lower():
            return kind
    return None


def _is_https(address: str) -> bool:
    """Whether an address can stand in a link: plain text, no user, no other scheme."""
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def excerpts(
    root: Path, commit: str | None, evidence: PageEvidence, redact: Callable[[str], str]
) -> tuple[Excerpt, ...]:
    """Source lines around the places of clusters and failures, at the commit of the run.

    Without a commit the files are read as they lie there. A path that leads out of the root is left out.
    """
    repository = Repository.find(root)
    is_at_commit = repository is not None and commit is not None and repository.head() == commit
    places = [place for cluster in evidence.clusters for place in (cluster.product, cluster.own)]
    places += [place for failure in evidence.failures for place in (failure.product, failure.own)]
    wanted: dict[tuple[str, int], None] = {}
    for place in places:
        if place is not None:
            wanted.setdefault((place.path, place.line))
    texts: dict[str, list[str]] = {}
    found = []
    for path, line in list(wanted)[:_MOST_EXCERPTS]:
        if path not in texts:
            is_changed = evidence.run.dirty is not False
            from_tree = repository is None or commit is None or (is_at_commit and is_changed)
            texts[path] = (
                _lines_on_disk(root, path) if from_tree else _lines_of_commit(repository, commit, path)
            )
        if line <= len(texts[path]):
            found.append(_excerpt(path, line, texts[path], redact))
    return tuple(found)


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


def _lines_of_commit(repository: Repository | None, commit: str | None, path: str) -> list[str]:
    if repository is None or commit is None:
        return []
    return (repository.file_at(commit, path) or "").splitlines()


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
