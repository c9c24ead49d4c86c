"""`base/base.json` in a STAMP folder: what the base was asked, what it answered, what follows from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from triage.base.bench import FOLDER
from triage.base.decide import Answers, Decision, decide
from triage.base.observed import Observed
from triage.base.subjects import subjects_of
from triage.base.target import Target
from triage.cluster.on_base import with_base
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.evidence.packed import read_record_bytes
from triage.evidence.record_rows import read_run_record
from triage.model.base import Value, reason_of
from triage.model.base_commit import BaseRun, BaseVerdict, OnBase
from triage.model.cluster import Cluster
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

DOCUMENT = "base.json"
_TARGET = "target.json"


class AskedTest(Value):
    """One failing test: the outcomes on the base in both forms, and the verdict."""

    nodeid: str
    verdict: BaseVerdict
    reason: str
    is_present: bool
    head_form: Observed | None
    base_form: Observed | None
    on_record: Outcome | None
    missing: str | None

    @classmethod
    def of(cls, nodeid: str, on_base: OnBase, answers: Answers) -> AskedTest:
        """The row of a test."""
        return cls(
            nodeid=nodeid,
            verdict=on_base.verdict,
            reason=on_base.reason,
            is_present=answers.is_present,
            head_form=answers.head_form,
            base_form=answers.base_form,
            on_record=answers.on_record,
            missing=answers.missing,
        )

    @property
    def answers(self) -> Answers:
        """What the base said."""
        return Answers(
            is_present=self.is_present,
            head_form=self.head_form,
            base_form=self.base_form,
            on_record=self.on_record,
            missing=self.missing,
        )


class BaseDocument(Value):
    """The whole document."""

    v: int = 1
    stamp: str
    head: str | None
    """The commit that was checked out."""
    base: BaseRun
    changed_tests: tuple[str, ...]
    """Files of tests that the change touched."""
    tests: tuple[AskedTest, ...]


def write_target(folder: EvidenceFolder, target: Target) -> None:
    """Note the base before the run begins: one that is resumed is judged against the same commit."""
    fields = {"ref": target.ref, "commit": target.commit, "chosen": target.chosen}
    folder.write_json(f"{FOLDER}/{_TARGET}", fields)


def read_target(folder: Path) -> Target | None:
    """The base of a run that was cut short; None where it has none."""
    try:
        return Target(**json.loads((folder / FOLDER / _TARGET).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def join_documents(sources: Sequence[Path], folder: EvidenceFolder, record: RunRecord) -> None:
    """One document of what the shards of a run asked the base, in the folder of the joined run.

    The runs themselves stay in the evidence of the shards.
    """
    if record.base is None:
        return
    documents = []
    for source in sources:
        try:
            documents.append(BaseDocument.model_validate_json((source / FOLDER / DOCUMENT).read_bytes()))
        except FileNotFoundError:
            continue  # nothing failed in this shard
        except (ValidationError, OSError) as error:
            what = f"{source / FOLDER / DOCUMENT}: {reason_of(error)}"
            raise UsageError("no-record", what, "take the shard's artifact again") from error
    tests = {test.nodeid: test for document in reversed(documents) for test in document.tests}
    joined = BaseDocument(
        stamp=record.stamp,
        head=record.commit,
        base=record.base,
        changed_tests=documents[0].changed_tests if documents else (),
        tests=tuple(tests.values()),
    )
    folder.write_json(f"{FOLDER}/{DOCUMENT}", joined.model_dump(mode="json"))


def check_base(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the file name and the problem of everything about the base that does not follow from its runs."""
    try:
        record = read_run_record(folder / "results.json")
    except (OSError, ValueError):
        return  # said by whoever checks the results
    results = (*record.collect_errors, *record.results)
    judged = {result.nodeid: result.base for result in results if result.base is not None}
    if not judged:
        return
    try:
        document = BaseDocument.model_validate_json((folder / FOLDER / DOCUMENT).read_bytes())
    except (ValidationError, OSError) as error:
        yield f"{FOLDER}/{DOCUMENT}", f"cannot be read: {reason_of(error)}"
        return
    asked = {test.nodeid: test for test in document.tests}
    for subject in subjects_of(record, lambda _failure: ()):
        on_base, test = judged.get(subject.nodeid), asked.get(subject.nodeid)
        if on_base is None or test is None:
            yield f"{FOLDER}/{DOCUMENT}", f"{subject.nodeid} failed and is not in it"
        elif not _follows(on_base, decide(subject, test.answers)):
            yield "results.json", f"{subject.nodeid}: its runs on the base do not give {on_base.verdict}"
    yield from _check_clusters(folder, record)


def _follows(on_base: OnBase, decision: Decision) -> bool:
    observed = decision.observed
    figures = (observed.outcome, observed.runs, observed.failed) if observed else (None, 0, 0)
    same_figures = (on_base.outcome, on_base.runs, on_base.failed) == figures
    return same_figures and on_base.verdict is decision.verdict


def _check_clusters(folder: Path, record: RunRecord) -> Iterator[tuple[str, str]]:
    try:
        rows: Mapping[str, list[object]] = json.loads(read_record_bytes(folder / "clusters.json"))
        clusters = [Cluster.model_validate_json(json.dumps(row)) for row in rows["clusters"]]
    except (ValidationError, OSError, ValueError, KeyError, TypeError):
        return  # said by whoever checks the clusters
    for cluster, again in zip(clusters, with_base(clusters, record), strict=True):
        if cluster.base is not again.base:
            yield "clusters.json", f"{cluster.id} is {cluster.base}, and its tests are {again.base}"
