"""Where a repository is shown on the web: addresses of source lines, commits and CI jobs."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from triage.model.base import Value
from triage.text.pattern import pattern

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


def build_address(environ: Mapping[str, str]) -> str | None:
    """The address of the CI job that this is; None elsewhere."""
    job = environ.get("CI_JOB_URL")
    if job and _is_https(job):
        return job
    server, name = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    number = environ.get("GITHUB_RUN_ID")
    if server and name and number and _is_https(server):
        return f"{server.rstrip('/')}/{name}/actions/runs/{number}"
    return None
