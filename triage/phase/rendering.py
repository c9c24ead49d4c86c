"""Documents of a STAMP folder: rendered from JSON artifacts on the disk, with their claims beside them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from triage.errors import VoidError
from triage.evidence.atomic import write_json, write_text
from triage.evidence.claims import sidecar_of
from triage.model.claim import Artifact, Sidecar
from triage.phase.templates import load_templates
from triage.report.engine import Rendered, Source, render


def write_document(
    root: Path,
    path: Path,
    template: str,
    artifacts: Mapping[str, Path],
    templates: Mapping[str, str] | None = None,
) -> Sidecar:
    """Render a template from artifacts into `path` and write `<path>.claims.json`.

    The template sees each artifact's JSON under its name and nothing else. Values in artifacts were
    redacted when those were written.
    """
    sources = {name: source_of(root, artifact) for name, artifact in artifacts.items()}
    document = path.relative_to(root).as_posix()
    rendered = render(
        template, sources, load_templates() if templates is None else templates, document=document
    )
    write_text(path, rendered.text)
    write_json(sidecar_of(path), rendered.sidecar)
    return rendered.sidecar


def render_again(root: Path, sidecar: Sidecar, templates: Mapping[str, str]) -> Rendered:
    """The document that its recorded template and sources give now."""
    sources = {name: source_of(root, root / artifact.path) for name, artifact in sidecar.sources.items()}
    return render(sidecar.template, sources, templates, document=sidecar.document)


def source_of(root: Path, path: Path) -> Source:
    """A JSON artifact of the project. Raises `VoidError` where it is missing or no JSON."""
    name = path.relative_to(root).as_posix()
    try:
        data = path.read_bytes()
        return Source(Artifact(path=name, sha256=hashlib.sha256(data).hexdigest()), json.loads(data))
    except OSError as error:
        raise VoidError(
            "missing-evidence",
            f"{name} cannot be read: {error.strerror}",
            "restore it from git, or run again",
        ) from error
    except ValueError as error:
        raise VoidError(
            "bad-evidence", f"{name} is no JSON: {error}", "restore it from git, or run again"
        ) from error
