"""Check the claims of one document: each span against its evidence, each number for a claim."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.evidence.manifest import sha256_of
from triage.evidence.packed import read_record_bytes
from triage.model.base import Value
from triage.model.claim import (
    Artifact,
    Basis,
    Claim,
    Ref,
    Sidecar,
    Unfounded,
)
from triage.model.claim_text import digits_outside, offsets, show
from triage.model.claim_value import compute

SUFFIX = ".claims.json"


class Problem(Value):
    """Something that does not hold: in which file, at which line (0: the whole), and what."""

    path: str
    line: int = 0
    what: str


@dataclass(frozen=True)
class _Document:
    """A document as it is, with its claims and those of its sources that are as they were."""

    text: str
    sidecar: Sidecar
    sources: dict[str, Any]


def sidecar_of(document: Path) -> Path:
    """Where the claims of a document lie."""
    return document.with_name(document.name + SUFFIX)


def documents_in(folder: Path) -> Iterator[Path]:
    """Every document of a folder that has claims, whether it still exists or not."""
    for sidecar in sorted(folder.rglob(f"*{SUFFIX}")):
        yield sidecar.with_name(sidecar.name.removesuffix(SUFFIX))


def read_sidecar(path: Path) -> Sidecar:
    """Read the claims as they were recorded. Raises `ValueError` with one line where they are unreadable."""
    try:
        return Sidecar.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from error
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error


def check_document(root: Path, path: Path) -> tuple[list[Problem], int]:
    """Find every problem of one document; also gives how many claims were computed again."""
    name = _name(root, path)
    try:
        sidecar = read_sidecar(sidecar_of(path))
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return [Problem(path=name, what="the document is missing")], 0
    except ValueError as error:
        of_claims = _name(root, sidecar_of(path))
        return [Problem(path=of_claims, what=f"the claims are unreadable: {error}")], 0
    problems: list[Problem] = []
    if sidecar.document != name:
        problems.append(Problem(path=name, what=f"its claims were recorded for {sidecar.document}"))
    sources, missing = _load(root, sidecar)
    problems += [Problem(path=name, what=what) for what in missing]
    document = _Document(text, sidecar, sources)
    problems += [Problem(path=name, line=line, what=what) for line, what in _wrong_claims(document)]
    problems += [Problem(path=name, line=line, what=what) for line, what in _uncovered_numbers(document)]
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if not problems and sha256 != sidecar.sha256:
        problems.append(Problem(path=name, what="text outside of its claims was changed by hand"))
    return problems, len(sidecar.claims)


def _name(root: Path, path: Path) -> str:
    absolute = path.absolute()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(path)


def _load(root: Path, sidecar: Sidecar) -> tuple[dict[str, Any], list[str]]:
    """The sources by name, and what is wrong with those that are left out."""
    sources: dict[str, Any] = {}
    problems: list[str] = []
    for name, artifact in sidecar.sources.items():
        try:
            sources[name] = _read(root, artifact)
        except ValueError as error:
            problems.append(str(error))
    return sources, problems


def _read(root: Path, artifact: Artifact) -> Any:
    path = root / artifact.path
    if not path.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"artifact {artifact.path} lies outside of the project")
    if not path.is_file():
        raise ValueError(f"artifact {artifact.path} is missing")
    if sha256_of(path) != artifact.sha256:
        raise ValueError(f"artifact {artifact.path} is not the one that the document was made from")
    try:
        return json.loads(read_record_bytes(path))
    except ValueError as error:
        raise ValueError(f"artifact {artifact.path} is no JSON: {error}") from None


def _wrong_claims(document: _Document) -> Iterator[tuple[int, str]]:
    """Line and problem of each claim whose text is not what its evidence gives."""
    claims = document.sidecar.claims
    spans = offsets(document.text, claims)
    for claim, (start, end) in zip(claims, spans, strict=True):
        if not _sources_of(claim.basis) <= document.sources.keys():
            continue  # the missing artifact is a problem of its own
        try:
            expected = show(compute(claim.basis, document.sources), claim.show)
        except Unfounded as error:
            yield claim.line, f"claim {claim.text!r}: {error}"
            continue
        stated = document.text[start:end]
        if stated != expected:
            yield claim.line, _disagreement(claim, stated, expected)


def _disagreement(claim: Claim, stated: str, expected: str) -> str:
    return f"says {stated!r} where the evidence says {expected!r} ({_spelled(claim.basis)})"


def _uncovered_numbers(document: _Document) -> Iterator[tuple[int, str]]:
    """Line and problem of each number that neither a claim nor the template's own text accounts for."""
    text, sidecar = document.text, document.sidecar
    covered = list(offsets(text, sidecar.claims))
    for constant, span in zip(sidecar.constants, offsets(text, sidecar.constants), strict=True):
        if text[slice(*span)] == constant.text:
            covered.append(span)
    is_html = sidecar.template.endswith(".html.j2")
    for start, end in digits_outside(text, covered, is_html=is_html):
        line = text.count("\n", 0, start) + 1
        yield line, f"the number {text[start:end]} is covered by no claim"


def _sources_of(basis: Basis) -> set[str]:
    if isinstance(basis, Ref):
        return {basis.source}
    return {name for part in basis.of for name in _sources_of(part)}


def _spelled(basis: Basis) -> str:
    if isinstance(basis, Ref):
        return f"{basis.source}#{basis.pointer}"
    return f"{basis.op}({', '.join(_spelled(part) for part in basis.of)})"
