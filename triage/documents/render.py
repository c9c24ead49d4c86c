"""Render the documents of a STAMP folder from its JSON artifacts, with their claims beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import triage
from triage.documents.claims import documents_in, read_sidecar, sidecar_of
from triage.documents.template_engine import Rendered, Source, render
from triage.errors import CheckError, UsageError, VoidError
from triage.evidence.atomic import write_json, write_text
from triage.evidence.packed import read_record_bytes
from triage.evidence.places import seen_from_suite
from triage.model.claim import Artifact, Sidecar

SUFFIX = ".j2"
EARLIER = "earlier/"
"""Folder of the templates that were changed, as they were: one folder a change."""


def load_templates(team: Path | None = None) -> dict[str, str]:
    """Read the templates: name (posix path below its folder) to text, the team's own before those shipped.

    Raises `UsageError` where the team's folder is none or holds a file that cannot be read.
    """
    if team is None:
        return dict(_shipped())
    if not team.is_dir():
        raise UsageError("no-templates", f"the templates folder {team} does not exist", "mend `templates`")
    return {**_shipped(), **_read(team)}


def earlier_templates(templates: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the templates as they were before each change: what `earlier/NAME/` holds, in place of today's.

    An upgrade of triage changes templates, and documents of before stay what they are.
    """
    folders: dict[str, dict[str, str]] = {}
    for path, text in templates.items():
        if path.startswith(EARLIER):
            change, _, name = path.removeprefix(EARLIER).partition("/")
            folders.setdefault(change, {})[name] = text
    for change in sorted(folders, reverse=True):
        yield {**templates, **folders[change]}


def project_templates(root: Path, setting: str | None) -> dict[str, str]:
    """The templates of a project at `root` whose setting `templates` is this."""
    return load_templates(root / setting if setting else None)


@cache
def _shipped() -> dict[str, str]:
    """In a wheel they lie in the package, in a checkout beside it."""
    package = Path(triage.__file__).parent
    for folder in (package / "_templates", package.parent / "templates"):
        if folder.is_dir():
            return _read(folder)
    raise UsageError("no-templates", f"the templates of {package} are missing", "install triage again")


def _read(folder: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        try:
            texts[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                "bad-template", f"template {path} cannot be read: {error}", "mend the file"
            ) from error
    return texts


def write_document(
    root: Path,
    path: Path,
    template: str,
    artifacts: Mapping[str, Path],
    templates: Mapping[str, str] | None = None,
    *,
    suite: Path | None = None,
) -> Sidecar:
    """Render a template from artifacts into `path` and write `<path>.claims.json`.

    The template sees each artifact's JSON under its name and nothing else. Values in artifacts were
    redacted when those were written. `suite` is the suite's root; None where it is `root`.
    """
    sources = {name: source_of(root, artifact) for name, artifact in artifacts.items()}
    texts = load_templates() if templates is None else templates
    rendered = render(
        template,
        sources,
        texts,
        document=path.relative_to(root).as_posix(),
        output=seen_from_suite(suite or root, root),
    )
    write_text(path, rendered.text)
    write_json(sidecar_of(path), rendered.sidecar)
    return rendered.sidecar


def render_again(root: Path, sidecar: Sidecar, templates: Mapping[str, str]) -> Rendered:
    """Render a document anew from its recorded template and sources."""
    sources = {name: source_of(root, root / artifact.path) for name, artifact in sidecar.sources.items()}
    return render(sidecar.template, sources, templates, document=sidecar.document, output=sidecar.output)


def restore(root: Path, folder: Path, templates: Mapping[str, str]) -> list[Path]:
    """Put deleted documents back from their claims, to the byte; returns those that were.

    Raises `CheckError` where present templates or evidence give another text than the recorded one.
    """
    restored = []
    for path in documents_in(folder):
        if path.exists():
            continue
        sidecar = read_sidecar(sidecar_of(path))
        rendered = render_again(root, sidecar, templates)
        if rendered.sidecar.sha256 != sidecar.sha256:
            raise CheckError(
                "other-templates",
                f"{sidecar.document} was made with other templates than these",
                "restore it from git, or with the templates of its time",
            )
        write_text(path, rendered.text)
        restored.append(path)
    return restored


def source_of(root: Path, path: Path) -> Source:
    """Read a JSON artifact of the project. Raises `VoidError` where it is missing or no JSON."""
    name = path.relative_to(root).as_posix()
    remedy = "restore it from git, or run again"
    try:
        data = path.read_bytes()
        document = json.loads(read_record_bytes(path))
    except OSError as error:
        raise VoidError("missing-evidence", f"{name} cannot be read: {error.strerror}", remedy) from error
    except ValueError as error:
        raise VoidError("bad-evidence", f"{name} is no JSON: {error}", remedy) from error
    artifact = Artifact(path=name, sha256=hashlib.sha256(data).hexdigest())
    return Source(artifact, document)
