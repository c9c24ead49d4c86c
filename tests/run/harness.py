"""A harness to be killed: `python harness.py ROOT STAMP [resume] [KEY=JSON...]`; prints the record."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from triage.errors import TriageError
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Silent, World
from triage.model.run import Limits, Suite
from triage.process.local import LocalExecutor
from triage.run.suite import run_suite
from triage.text.redact import Redactor


def main() -> int:
    root, stamp, *rest = sys.argv[1:]
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    settings = {name: json.loads(value) for name, value in options.items()}
    limits = Limits(**{"test_timeout": 20.0, **settings.pop("limits", {})})
    jumps = settings.pop("clock_jumps", False)
    start = time.time()
    world = World(
        now=lambda: datetime.fromtimestamp(
            start - (time.time() - start) * 1000 if jumps else time.time(), UTC
        ),
        monotonic=time.monotonic,
        environ=dict(os.environ),
    )
    try:
        if "resume" in rest:
            folder = EvidenceFolder.find(Path(root), stamp)
        else:
            folder = EvidenceFolder.create(Path(root), "t", "a", stamp, Redactor.of(os.environ))
        record = run_suite(
            Suite(root=root, limits=limits, **settings),
            folder=folder,
            executor=LocalExecutor(),
            world=world,
            durations={},
            progress=Silent(),
            resume="resume" in rest,
        )
    except TriageError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        return 130
    print(record.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
