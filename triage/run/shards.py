"""The shards of one run, joined: one record as if one machine had run the whole plan. Pure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from triage.errors import UsageError
from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.model.run import Chunk, Plan, RunRecord, TestResult, keys_of
from triage.run import results

_SHARD = re.compile(r"([0-9]+)/([0-9]+)")


def joined(records: Sequence[RunRecord], *, stamp: str, campaign: str) -> RunRecord:
    """One record out of those of the shards; a shard that is missing leaves its tests not run.

    Raises `UsageError` for records that are no shards of one plan, and for a shard that is there twice.
    """
    plans = _plans(records)
    number_of, count = _numbers(records, plans)
    missing = sorted(set(range(1, count + 1)) - set(number_of))
    whole = sorted((*plans[0].chunks, *plans[0].others), key=lambda chunk: chunk.name)
    found = {chunk.name: _of_chunk(chunk, records) for chunk in whole}
    gaps = sorted(name for name, rows in found.items() if any(not row.outcome.ran for row in rows))
    voids = [
        f"shard {number_of_text(plan)}: {r.void}" for r, plan in zip(records, plans, strict=True) if r.void
    ]
    void = f"missing shards: {', '.join(f'{n}/{count}' for n in missing)}" if missing else None
    return RunRecord(
        stamp=stamp,
        campaign=campaign,
        root=records[0].root,
        complete=void is None and not voids and not gaps,
        void=void or ("; ".join(voids) or None),
        results=tuple(row for chunk in whole for row in found[chunk.name]),
        collect_errors=_errors(records),
        attempts=tuple(attempt for record in records for attempt in record.attempts),
        plan=plans[0].model_copy(update={"chunks": tuple(whole), "others": (), "shard": None}),
        notes=tuple(dict.fromkeys(note for record in records for note in record.notes)),
        seconds=max(record.seconds for record in records),
        commit=records[0].commit,
        dirty=any(record.dirty for record in records),
    )


def number_of_text(plan: Plan) -> str:
    """`3/10`."""
    return plan.shard or "?"


def _plans(records: Sequence[RunRecord]) -> list[Plan]:
    if not records:
        raise UsageError("no-shards", "there is nothing to join", "name the STAMPs of the shards")
    plans = [record.plan for record in records if record.plan is not None and record.plan.shard is not None]
    if len(plans) != len(records):
        odd = next(r.stamp for r in records if r.plan is None or r.plan.shard is None)
        raise UsageError("not-a-shard", f"{odd} is not the shard of a run", "run it with --shard I/N")
    digests = {plan.digest for plan in plans}
    if len(digests) > 1:
        raise UsageError(
            "different-plans",
            f"the shards were cut from {len(digests)} different plans",
            "run all shards on one commit with the same --chunks, --workers and history",
        )
    commits = {record.commit for record in records}
    if len(commits) > 1:
        raise UsageError("different-commits", "the shards ran on different commits", "run them on one commit")
    return plans


def _numbers(records: Sequence[RunRecord], plans: Sequence[Plan]) -> tuple[dict[int, str], int]:
    seen: dict[int, str] = {}
    counts = set()
    for record, plan in zip(records, plans, strict=True):
        match = _SHARD.fullmatch(plan.shard or "")
        assert match is not None
        number, count = int(match[1]), int(match[2])
        counts.add(count)
        if number in seen:
            raise UsageError(
                "double-shard",
                f"shard {plan.shard} is there twice: {seen[number]} and {record.stamp}",
                "leave one of them out",
            )
        seen[number] = record.stamp
    if len(counts) > 1:
        raise UsageError(
            "different-plans", f"shards of {sorted(counts)} parts are mixed", "join those of one run"
        )
    return seen, counts.pop()


def _of_chunk(chunk: Chunk, records: Sequence[RunRecord]) -> list[TestResult]:
    for record in records:
        if record.plan is not None and any(mine.name == chunk.name for mine in record.plan.chunks):
            return [result for result in record.results if result.chunk == chunk.name]
    return [results.never(key, chunk.name, "its shard is missing") for key in keys_of(chunk.nodeids)]


def _errors(records: Sequence[RunRecord]) -> tuple[TestResult, ...]:
    """Every shard collects the whole suite: an error that all of them saw is one error."""
    found: dict[str, TestResult] = {}
    for record in records:
        for error in record.collect_errors:
            found.setdefault(error.nodeid, error)
    return tuple(found.values())


_ONCE = ("env.json", "preflight.json", "preflight.log")


def shard_folders(place: Path) -> tuple[list[Path], list[str]]:
    """The shards beneath `place` (unpacked artifacts of a CI matrix), and a note on what was left out.

    An artifact is often the whole of `reports/`: runs in it that are no shards stay out, unless
    nothing else is there. Raises `UsageError` where there is no run, or a record cannot be read.
    """
    found = sorted(path.parent for path in place.rglob("results.json"))
    if not found:
        raise UsageError("no-shards", f"no results.json beneath {place}", "unpack the shards' reports/ there")
    shards = [folder for folder in found if _is_shard(read_record(folder))]
    others = len(found) - len(shards)
    if not shards or not others:
        return found, []
    runs = "1 run that is no shard was" if others == 1 else f"{others} runs that are no shards were"
    return shards, [f"{runs} left out"]


def _is_shard(record: RunRecord) -> bool:
    return record.plan is not None and record.plan.shard is not None


def read_record(folder: Path) -> RunRecord:
    """The record in a STAMP folder. Raises `UsageError` where there is none, or it is none of ours."""
    path = folder / "results.json"
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(
            "no-record", f"{path} is not the record of a run", "name a finished shard"
        ) from error


def gather(sources: Sequence[Path], folder: EvidenceFolder, notes: Sequence[str] = ()) -> RunRecord:
    """Join the shards' records and evidence in `folder`; writes everything up to `results.json`."""
    records = [read_record(source) for source in sources]
    record = joined(records, stamp=folder.stamp, campaign=folder.campaign)
    record = record.model_copy(update={"notes": (*record.notes, *notes)})
    for name in _ONCE:
        first = next((source / name for source in sources if (source / name).is_file()), None)
        if first is not None:
            shutil.copyfile(first, folder.path / name)
    for name in ("events.jsonl", "commands.txt"):
        parts = [(source / name).read_bytes() for source in sources if (source / name).is_file()]
        atomic.write_bytes(folder.path / name, b"".join(parts))
    for source in sources:
        for chunk in sorted((source / "chunks").glob("*")) if (source / "chunks").is_dir() else []:
            target = folder.path / "chunks" / chunk.name
            target.mkdir(parents=True, exist_ok=True)
            for file in sorted(path for path in chunk.iterdir() if path.is_file() and not path.is_symlink()):
                shutil.copyfile(file, target / file.name)
    assert record.plan is not None
    folder.write_json("plan.json", record.plan.model_dump(mode="json"))
    folder.write_json("results.json", record.model_dump(mode="json"))
    return record
