"""Checking what a document claims: each span against its evidence, each number for a claim."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.evidence.manifest import sha256_of
from triage.model.base import Value
from triage.model.claim import (
    Artifact,
    Basis,
    Claim,
    Ref,
    Sidecar,
    Unfounded,
    compute,
    digits_outside,
    offsets,
    show,
)

SUFFIX = ".claims.json"


class Problem(Value):
    """Something that does not hold: in which file, at which line (0: the whole), and what."""

    path: str
    line: int = 0
    what: str


def sidecar_of(document: Path) -> Path:
    """Where the claims of a document lie."""
    return document.with_name(document.name + SUFFIX)


def read_sidecar(path: Path) -> Sidecar:
    """The claims as they were recorded. Raises `ValueError` with one line where they cannot be read."""
    try:
        return Sidecar.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from error
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error


def check_document(root: Path, document: Path) -> tuple[list[Problem], int]:
    """Every problem of one document, and how many claims were computed again."""
    name = _name(root, document)
    try:
        sidecar = read_sidecar(sidecar_of(document))
        text = document.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return [Problem(path=name, what="the document is missing")], 0
    except ValueError as error:
        return [
            Problem(path=_name(root, sidecar_of(document)), what=f"the claims are unreadable: {error}")
        ], 0
    problems = [Problem(path=name, what=what) for what in _identity(sidecar, name)]
    sources, missing = _load(root, sidecar)
    problems += [Problem(path=name, what=what) for what in missing]
    problems += [
        Problem(path=name, line=claim.line, what=what)
        for claim, what in _wrong_claims(_Reader(text, sidecar, sources))
    ]
    problems += [Problem(path=name, line=line, what=what) for line, what in _uncovered(text, sidecar)]
    if not problems and hashlib.sha256(text.encode()).hexdigest() != sidecar.sha256:
        problems.append(Problem(path=name, what="text outside of its claims was changed by hand"))
    return problems, len(sidecar.claims)


@dataclass(frozen=True)
class _Reader:
    text: str
    sidecar: Sidecar
    sources: dict[str, Any]


def _identity(sidecar: Sidecar, name: str) -> Iterator[str]:
    if sidecar.document != name:
        yield f"its claims were recorded for {sidecar.document}"


def _load(root: Path, sidecar: Sidecar) -> tuple[dict[str, Any], list[str]]:
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
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"artifact {artifact.path} is no JSON: {error}") from None


def _wrong_claims(reader: _Reader) -> Iterator[tuple[Claim, str]]:
    for claim, (start, end) in zip(
        reader.sidecar.claims, offsets(reader.text, reader.sidecar.claims), strict=True
    ):
        if not _names(claim.basis) <= reader.sources.keys():
            continue  # the missing artifact is a problem of its own
        try:
            expected = show(compute(claim.basis, reader.sources), claim.show)
        except Unfounded as error:
            yield claim, f"claim {claim.text!r}: {error}"
            continue
        stated = reader.text[start:end]
        if stated != expected:
            yield (
                claim,
                f"says {stated!r} where the evidence says {expected!r} ({_spelled(claim.basis)})",
            )


def _uncovered(text: str, sidecar: Sidecar) -> Iterator[tuple[int, str]]:
    markup = sidecar.template.endswith(".html.j2")
    constants = [
        span
        for constant, span in zip(sidecar.constants, offsets(text, sidecar.constants), strict=True)
        if text[span[0] : span[1]] == constant.text
    ]
    for start, end in digits_outside(text, [*offsets(text, sidecar.claims), *constants], markup=markup):
        yield text.count("\n", 0, start) + 1, f"the number {text[start:end]} is covered by no claim"


def _names(basis: Basis) -> set[str]:
    return {basis.source} if isinstance(basis, Ref) else {name for part in basis.of for name in _names(part)}


def _spelled(basis: Basis) -> str:
    if isinstance(basis, Ref):
        return f"{basis.source}#{basis.pointer}"
    return f"{basis.op}({', '.join(_spelled(part) for part in basis.of)})"


def _name(root: Path, path: Path) -> str:
    absolute = path.absolute()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(path)
