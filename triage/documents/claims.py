"""Checking what a document claims: each span against its evidence, each number for a claim."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from triage.errors import TriageError
from triage.evidence import manifest
from triage.evidence.folder import EvidenceFolder
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
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

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


PREFLIGHT = "preflight.json"
RESULTS, SUMMARY, CLUSTERS, FAILURES = "results.json", "summary.json", "clusters.json", "failures.json"


_REPORTED_BY_PYTEST = frozenset(outcome.value for outcome in Outcome if outcome.finished)
"""Deaths are reported by the parent process: a chunk's own report cannot know them."""


def check_sums(folder: Path) -> Iterator[tuple[str, str]]:
    """(file name, problem) for everything in a run's folder that does not add up."""
    if not any((folder / name).is_file() for name in (RESULTS, FAILURES, CLUSTERS)):
        return
    try:
        record = RunRecord.model_validate_json((folder / RESULTS).read_bytes())
    except FileNotFoundError:
        yield RESULTS, "is missing"
        return
    except (ValidationError, OSError) as error:
        yield RESULTS, f"cannot be read: {str(error).splitlines()[0]}"
        return
    yield from ((RESULTS, problem) for problem in _record(record))
    yield from _against(folder / SUMMARY, record, _summary)
    if (folder / PREFLIGHT).is_file():
        yield from _against(folder / PREFLIGHT, record, _preflight)
    for path in sorted(folder.glob("chunks/*/report.json")):
        for name, problem in _against(path, record, _chunk_report):
            yield f"chunks/{path.parent.name}/{name}", problem
    yield from _against(folder / FAILURES, record, _failures)
    yield from _against(folder / CLUSTERS, record, _clusters)


def _against(path: Path, record: RunRecord, compare: Any) -> Iterator[tuple[str, str]]:
    try:
        document = json.loads(path.read_bytes())
        yield from ((path.name, problem) for problem in compare(document, record))
    except FileNotFoundError:
        yield path.name, "is missing"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        yield path.name, f"cannot be read: {type(error).__name__}: {error}"


def _record(record: RunRecord) -> Iterator[str]:
    """Each planned test has one outcome; a suite may hold the same node id more than once."""
    if record.plan is not None:
        planned = Counter(nodeid for chunk in record.plan.chunks for nodeid in chunk.nodeids)
        seen = Counter(result.nodeid for result in record.results)
        for nodeid in sorted(planned.keys() | seen.keys()):
            if planned[nodeid] != seen[nodeid]:
                yield f"{nodeid} was planned {planned[nodeid]} times and has {seen[nodeid]} outcomes"
    if record.complete and record.counts.not_run:
        yield f"it says complete, and {record.counts.not_run} tests have not run"


def _summary(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    counts = document["counts"]
    total = sum(int(counts[outcome.value]) for outcome in Outcome)
    if total != counts["collected"]:
        yield f"its outcomes add up to {total}, and it says that {counts['collected']} tests were collected"
    for name, number in record.counts.model_dump().items():
        if counts[name] != number:
            yield f"it says {counts[name]} {name}, and {RESULTS} holds {number}"


def _preflight(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    """What was collected has an outcome, unless this machine ran a shard of it."""
    if record.plan is None or record.plan.shard is not None:
        return
    collected = Counter(document["nodeids"])
    seen = Counter(result.nodeid for result in record.results)
    for nodeid in sorted(collected.keys() | seen.keys()):
        if collected[nodeid] != seen[nodeid]:
            yield f"{nodeid} was collected {collected[nodeid]} times and has {seen[nodeid]} outcomes"


def _chunk_report(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    """A chunk's own report and the record of the run cannot tell two stories of one test."""
    times = Counter(result.nodeid for result in record.results)
    recorded = {r.nodeid: r.outcome.value for r in record.results if times[r.nodeid] == 1}
    for test in document["tests"]:
        ours, theirs = recorded.get(test["nodeid"]), test["outcome"]
        if ours in _REPORTED_BY_PYTEST and theirs in _REPORTED_BY_PYTEST and ours != theirs:
            yield f"{test['nodeid']} is {theirs} here, and {ours} in {RESULTS}"


def _failures(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    rows = Counter(row["nodeid"] for row in document["failures"])
    recorded = Counter(failure.nodeid for failure in record.failures)
    for nodeid in sorted(rows.keys() | recorded.keys()):
        if rows[nodeid] != recorded[nodeid]:
            yield f"it lists {rows[nodeid]} failures of {nodeid}, and {RESULTS} holds {recorded[nodeid]}"


def _clusters(document: Mapping[str, Any], record: RunRecord) -> Iterator[str]:
    ids = Counter(cluster["id"] for cluster in document["clusters"])
    yield from (f"{cluster} is listed {times} times" for cluster, times in ids.items() if times > 1)
    red = {r.nodeid for r in (*record.collect_errors, *record.results) if r.outcome.is_red}
    for cluster in document["clusters"]:
        if cluster["state_in_run"] in ("new", "known", "regressed"):
            strangers = sorted(set(cluster["members"]) - red)
            yield from (f"{cluster['id']} counts {nodeid}, which did not fail" for nodeid in strangers)


@dataclass
class Checked:
    """What was looked at, and what does not hold."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folders: int = 0
    files: int = 0
    documents: int = 0
    claims: int = 0
    regions: int = 0

    def fault(self, path: str, what: str, line: int = 0) -> None:
        """Something does not hold."""
        self.problems.append(Problem(path=path, line=line, what=what))


def check_folder(root: Path, folder: EvidenceFolder, checked: Checked) -> None:
    """Check one folder; a folder whose run did not finish has no seal, which is only noted."""
    where = folder.relative(root)
    checked.folders += 1
    if not folder.sealed:
        checked.notes.append(f"{where} is not sealed: its run did not finish")
        return
    try:
        checked.files += len(manifest.read(folder.path).files)
        flaws = manifest.compare(folder.path)
    except TriageError as error:
        checked.fault(f"{where}/{manifest.NAME}", error.what)
        return
    for flaw in flaws:
        checked.fault(f"{where}/{flaw.path}", _FLAWS[flaw.problem])
    for name, what in check_sums(folder.path):
        checked.fault(f"{where}/{name}", what)
    for document in documents_in(folder.path):
        check_claims(root, document, checked)


def check_claims(root: Path, document: Path, checked: Checked) -> bool:
    """Compute every claim of a document again; whether all hold."""
    problems, claims = check_document(root, document)
    checked.documents += 1
    checked.claims += claims
    checked.problems += problems
    return not problems


def documents_in(folder: Path) -> Iterator[Path]:
    """Every document of a folder that has claims, whether it still exists or not."""
    for sidecar in sorted(folder.rglob(f"*{SUFFIX}")):
        yield sidecar.with_name(sidecar.name.removesuffix(SUFFIX))


_FLAWS = {
    "missing": "is in the manifest and missing",
    "changed": "is not as the manifest recorded it",
    "not in the manifest": "is not in the manifest: evidence is written once",
}
