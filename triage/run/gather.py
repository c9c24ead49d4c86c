"""Shards from their folders into one evidence folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from triage.errors import UsageError
from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.model.run import RunRecord
from triage.run.shards import joined

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
