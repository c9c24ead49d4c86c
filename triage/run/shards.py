"""Join the shards of one run: one record and one folder, as if one machine had run the whole plan."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from triage.errors import UsageError
from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.evidence.record_rows import read_run_record
from triage.model.base_commit import BaseRun
from triage.model.look import DOCUMENT, LookDocument, joined_looks
from triage.model.look import FOLDER as LOOK
from triage.model.reruns import FOLDER as RERUNS
from triage.model.reruns import RerunDocument
from triage.model.run import Chunk, Plan, RunRecord, TestResult, keys_of
from triage.run import results

_Document = TypeVar("_Document", bound=BaseModel)
_SAME_IN_ALL = ("env.json", "preflight.json", "preflight.log")
"""Every shard collects the whole suite: the documents of one of them stand for all."""
_APPENDED = ("events.jsonl", "commands.txt")
"""Documents of lines: those of the shards follow each other."""


def gather(sources: Sequence[Path], folder: EvidenceFolder, notes: Sequence[str] = ()) -> RunRecord:
    """Join the shards' records and evidence in `folder`; writes everything up to `results.json`."""
    records = [read_record(source) for source in sources]
    record = joined(records, stamp=folder.stamp, campaign=folder.campaign)
    record = record.model_copy(update={"notes": (*record.notes, *notes)})
    for name in _SAME_IN_ALL:
        paths = _files(sources, name)
        if paths:
            shutil.copyfile(paths[0], folder.path / name)
    for name in _APPENDED:
        parts = [path.read_bytes() for path in _files(sources, name)]
        atomic.write_bytes(folder.path / name, b"".join(parts))
    for source in sources:
        _copy_chunks(source / "chunks", folder.path / "chunks")
    _join_reruns([source / RERUNS for source in sources], folder)
    _join_looks([source / LOOK for source in sources], folder)
    assert record.plan is not None
    folder.write_json("plan.json", record.plan.model_dump(mode="json"))
    folder.write_json("results.json", record.model_dump(mode="json"))
    return record


def joined(records: Sequence[RunRecord], *, stamp: str, campaign: str) -> RunRecord:
    """One record out of those of the shards; a shard that is missing leaves its tests not run.

    Raises `UsageError` for records that are no shards of one plan, and for a shard that is there twice.
    """
    plans = _plans_of_one_run(records)
    void = _why_void(records, plans)
    chunks = sorted((*plans[0].chunks, *plans[0].others), key=lambda chunk: chunk.name)
    found: list[TestResult] = []
    for chunk in chunks:
        found += _results_of_chunk(chunk, records)
    return RunRecord(
        stamp=stamp,
        campaign=campaign,
        root=records[0].root,
        complete=void is None and all(result.outcome.ran for result in found),
        void=void,
        results=(*found, *_seen_once(_skipped_when_collected(record) for record in records)),
        collect_errors=_seen_once(record.collect_errors for record in records),
        attempts=tuple(attempt for record in records for attempt in record.attempts),
        plan=plans[0].model_copy(update={"chunks": tuple(chunks), "others": (), "shard": None}),
        notes=tuple(dict.fromkeys(note for record in records for note in record.notes)),
        hints=tuple(dict.fromkeys(hint for record in records for hint in record.hints)),
        seconds=max(record.seconds for record in records),
        commit=records[0].commit,
        subject=records[0].subject,
        dirty=_dirty(records),
        base=_base(records),
    )


def _why_void(records: Sequence[RunRecord], plans: Sequence[Plan]) -> str | None:
    """Why the joined run can answer nothing: shards are missing, or void themselves; None where it can."""
    stamp_of_shard, count = _shard_numbers(records, plans)
    missing = [number for number in range(1, count + 1) if number not in stamp_of_shard]
    if missing:
        return f"missing shards: {', '.join(f'{number}/{count}' for number in missing)}"
    reasons = []
    for record, plan in zip(records, plans, strict=True):
        if record.void:
            reasons.append(f"shard {plan.shard}: {record.void}")
    return "; ".join(reasons) or None


def _base(records: Sequence[RunRecord]) -> BaseRun | None:
    """The base that all shards were judged against; each has asked it about its own failing tests."""
    bases = [record.base for record in records if record.base is not None]
    if len(bases) != len(records) or len({base.commit for base in bases}) != 1:
        return None
    return bases[0].model_copy(
        update={
            "tried": sum(base.tried for base in bases),
            "undecided": sum(base.undecided for base in bases),
            "seconds": max(base.seconds for base in bases),
            "notes": tuple(dict.fromkeys(note for base in bases for note in base.notes)),
        }
    )


def _dirty(records: Sequence[RunRecord]) -> bool | None:
    """Whether any shard ran on a changed tree; None where none is known to, and one does not know."""
    if any(record.dirty for record in records):
        return True
    return None if any(record.dirty is None for record in records) else False


def shard_folders(place: Path) -> tuple[list[Path], list[str]]:
    """The shards beneath `place` (unpacked artifacts of a CI matrix), and a note on what was left out.

    An artifact is often the whole of `reports/`: runs in it that are no shards stay out, unless
    nothing else is there. Raises `UsageError` where there is no run, or a record cannot be read.
    """
    found = sorted(path.parent for path in place.rglob("results.json"))
    if not found:
        raise UsageError("no-shards", f"no results.json beneath {place}", "unpack the shards' reports/ there")
    shards = [folder for folder in found if _shard_plan(read_record(folder)) is not None]
    others = len(found) - len(shards)
    if not shards or not others:
        return found, []
    runs = "1 run that is no shard was" if others == 1 else f"{others} runs that are no shards were"
    return shards, [f"{runs} left out"]


def read_record(folder: Path) -> RunRecord:
    """The record in a STAMP folder. Raises `UsageError` where there is none, or it is none of ours."""
    path = folder / "results.json"
    try:
        return read_run_record(path)
    except (OSError, ValueError) as error:
        raise UsageError(
            "no-record", f"{path} is not the record of a run", "name a finished shard"
        ) from error


def _files(folders: Sequence[Path], name: str) -> list[Path]:
    """The files of this name in these folders."""
    return [folder / name for folder in folders if (folder / name).is_file()]


def _copy_chunks(source: Path, target: Path) -> None:
    """Copy the files of each chunk; links and folders are none that a run has written."""
    for chunk in sorted(source.glob("*")):
        folder = target / chunk.name
        folder.mkdir(parents=True, exist_ok=True)
        _copy_files(chunk.iterdir(), folder)


def _copy_files(files: Iterable[Path], target: Path) -> None:
    """Copy files into a folder; what is no file of its own is left out."""
    for file in sorted(files):
        if file.is_file() and not file.is_symlink():
            shutil.copyfile(file, target / file.name)


def _join_reruns(sources: Sequence[Path], folder: EvidenceFolder) -> None:
    """One document and one record of all shards' reruns; names of processes are unique in the plan."""
    paths = _files(sources, "reruns.json")
    if not paths:
        return
    documents = _read_documents(paths, RerunDocument)
    tests = tuple(test for document in documents for test in document.tests)
    joined_document = RerunDocument(tests=tests)
    target = folder.path / RERUNS
    target.mkdir(exist_ok=True)
    folder.write_json(f"{RERUNS}/reruns.json", joined_document.model_dump(mode="json"))
    events = [path.with_name("events.jsonl").read_bytes() for path in paths]
    atomic.write_bytes(target / "events.jsonl", b"".join(events))
    for path in paths:
        _copy_files(path.parent.glob("*.log"), target)


def _join_looks(sources: Sequence[Path], folder: EvidenceFolder) -> None:
    """One document of all shards' traced runs."""
    paths = _files(sources, DOCUMENT)
    if not paths:
        return
    joined_document = joined_looks(_read_documents(paths, LookDocument))
    (folder.path / LOOK).mkdir(exist_ok=True)
    folder.write_json(f"{LOOK}/{DOCUMENT}", joined_document.model_dump(mode="json"))


def _read_documents(paths: Sequence[Path], kind: type[_Document]) -> list[_Document]:
    """One document of each shard. Raises `UsageError` where one is damaged."""
    documents = []
    for path in paths:
        try:
            documents.append(kind.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            raise UsageError(
                "no-record", f"{path} of a shard is damaged", "take its artifact again"
            ) from error
    return documents


def _shard_plan(record: RunRecord) -> Plan | None:
    """The plan of a record that is a shard."""
    return record.plan if record.plan is not None and record.plan.shard is not None else None


def _plans_of_one_run(records: Sequence[RunRecord]) -> list[Plan]:
    """The plan of each record; they were cut from one plan on one commit."""
    if not records:
        raise UsageError("no-shards", "there is nothing to join", "name the STAMPs of the shards")
    plans = []
    for record in records:
        plan = _shard_plan(record)
        if plan is None:
            raise UsageError(
                "not-a-shard", f"{record.stamp} is not the shard of a run", "run it with --shard I/N"
            )
        plans.append(plan)
    digests = {plan.digest for plan in plans}
    if len(digests) > 1:
        raise UsageError(
            "different-plans",
            f"the shards were cut from {len(digests)} different plans",
            "run all shards on one commit with the same --chunks, --workers and history",
        )
    if len({record.commit for record in records}) > 1:
        raise UsageError("different-commits", "the shards ran on different commits", "run them on one commit")
    return plans


def _shard_numbers(records: Sequence[RunRecord], plans: Sequence[Plan]) -> tuple[dict[int, str], int]:
    """The STAMP of each shard by its number, and how many shards there should be."""
    stamps: dict[int, str] = {}
    counts = set()
    for record, plan in zip(records, plans, strict=True):
        number, count = map(int, str(plan.shard).split("/"))  # `3/10`: `run.plan` has written it
        counts.add(count)
        if number in stamps:
            raise UsageError(
                "double-shard",
                f"shard {plan.shard} is there twice: {stamps[number]} and {record.stamp}",
                "leave one of them out",
            )
        stamps[number] = record.stamp
    if len(counts) > 1:
        raise UsageError(
            "different-plans", f"shards of {sorted(counts)} parts are mixed", "join those of one run"
        )
    return stamps, counts.pop()


def _results_of_chunk(chunk: Chunk, records: Iterable[RunRecord]) -> list[TestResult]:
    for record in records:
        if record.plan is not None and any(own.name == chunk.name for own in record.plan.chunks):
            return [result for result in record.results if result.chunk == chunk.name]
    return [results.result_not_run(key, chunk.name, "its shard is missing") for key in keys_of(chunk.nodeids)]


def _skipped_when_collected(record: RunRecord) -> list[TestResult]:
    return [result for result in record.results if result.chunk is None]


def _seen_once(of_shards: Iterable[Iterable[TestResult]]) -> tuple[TestResult, ...]:
    """Every shard collects the whole suite: what all of them saw when collecting is one result."""
    found: dict[str, TestResult] = {}
    for of_shard in of_shards:
        for result in of_shard:
            found.setdefault(result.nodeid, result)
    return tuple(found.values())
