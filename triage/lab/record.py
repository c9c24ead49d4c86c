"""Write an investigation down while it runs: `experiments.jsonl`, `arms/`, `runs/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triage.evidence import atomic
from triage.evidence.folder import EvidenceFolder
from triage.lab.commands import shell
from triage.lab.environment import Environment
from triage.lab.observations import relative_evidence
from triage.lab.protocol import Experiment, Look, Observation, Setup
from triage.model.experiment import EXPERIMENTS_FILE, ExperimentResult
from triage.model.outcome import Outcome
from triage.text.diff import diff_of

_LONGEST_COMMAND = 2000
"""Characters of node ids that a command holds; more are in a file beside it."""


class ExperimentRecord:
    """The record of one investigation in its evidence folder; each line is on disk before the next step."""

    def __init__(self, folder: EvidenceFolder, root: Path, environment: Environment) -> None:
        """`root` is the user's tree, for the commands that people paste."""
        self._folder = folder
        self._root = root
        self._environment = environment

    def look(self, look: Look, known: Observation | None = None) -> None:
        """A look is about to be run, or is answered by a known run."""
        setup = look.setup.model_dump(mode="json", exclude_defaults=True)
        line = {"event": "look", "why": look.why, "setup": setup}
        if known is not None:
            line["answered_by"] = known.evidence
        self._append(line)

    def predicted(self, number: int, key: str, experiment: Experiment) -> None:
        """An experiment is about to be run; its prediction is on record before the first run."""
        fields = experiment.model_dump(mode="json", exclude_defaults=True)
        self._append({"event": "predicted", "experiment": number, "key": key, **fields})

    def already_known(self, number: int, key: str, result: ExperimentResult, stamp: str) -> None:
        """An earlier investigation (its STAMP) has judged this experiment already."""
        whole = result.model_dump(mode="json", by_alias=True)
        self._append({"event": "known", "experiment": number, "key": key, "from": stamp, "result": whole})

    def judged(self, number: int, key: str, result: ExperimentResult) -> None:
        """The verdict on an experiment."""
        whole = result.model_dump(mode="json", by_alias=True)
        self._append({"event": "judged", "experiment": number, "key": key, "result": whole})

    def observed(self, number: int, run: Observation) -> None:
        """One run is over; what passed is only counted."""
        others = {nodeid: end.value for nodeid, end in run.outcomes.items() if end is not Outcome.PASSED}
        self._append(
            {
                "event": "observed",
                "run": number,
                "start": "fork" if run.forked else "fresh",
                "passed": len(run.outcomes) - len(others),
                "not_passed": others,
                "seconds": round(run.seconds, 3),
                "command": run.command,
                "evidence": run.evidence,
            }
        )

    def trouble(self, what: str) -> None:
        """Something that a run needed could not be had."""
        self._append({"event": "trouble", "what": what})

    def run_folder(self, number: int) -> Path:
        """Where the artifacts of a run go."""
        return self._folder.path / "runs" / f"{number:04d}"

    def redact(self, text: str) -> str:
        """The text without secrets."""
        return self._folder.redact(text)

    def command(self, setup: Setup, number: int) -> str:
        """A shell command for the setup of a run, which has no instruments and no edits."""
        listed = self._with_listed_tests(self.run_folder(number) / "tests.txt", setup)
        return self._shell(listed, instruments=None, edits=None)

    def arm_command(self, name: str, setup: Setup, pristine: Path, changed: Mapping[str, str | None]) -> str:
        """A shell command for one arm; writes the files that it needs under `arms/`, with this name.

        `pristine` is the untouched copy of the commit that the setup starts from, `changed` are the files
        that it gives another text.
        """
        arms = self._folder.path / "arms"
        instruments = edits = None
        if setup.instruments:
            path = arms / f"{name}.json"
            settings = {name: json.dumps(value) for name, value in setup.instruments.items()}
            atomic.write_text(path, self.redact(json.dumps(settings, indent=1)))
            # edits are tried in a worktree: from there only an absolute path leads to the file
            kept = self._folder.path / "arms" / path.name
            instruments = str(path) if changed else relative_evidence(self._root, str(kept))
        if changed:
            path = arms / f"{name}.patch"
            atomic.write_bytes(path, _patch(changed, pristine))
            edits = str(path)
        return self._shell(
            self._with_listed_tests(arms / f"{name}.txt", setup), instruments=instruments, edits=edits
        )

    def _with_listed_tests(self, path: Path, setup: Setup) -> Setup:
        """The setup with a file in place of many node ids, as pytest takes it back: `@FILE`."""
        listed = "\n".join(setup.nodeids)
        if len(listed) <= _LONGEST_COMMAND or setup.imports or not self._environment.takes_argument_files:
            return setup
        atomic.write_text(path, self.redact(listed) + "\n")
        return setup.model_copy(update={"nodeids": (f"@{path}",)})

    def _shell(self, setup: Setup, *, instruments: str | None, edits: str | None) -> str:
        command = shell(
            setup,
            root=str(self._root),
            python=self._environment.interpreter,
            env={**dict.fromkeys(self._environment.unset), **self._environment.variables},
            instruments=instruments,
            edits=edits,
            pytest_args=self._environment.pytest_args if setup.suite_args is None else setup.suite_args,
        )
        return self.redact(command)

    def _append(self, line: Mapping[str, Any]) -> None:
        stamped = {"at": self._environment.world.timestamp(), **line}
        text = json.dumps(stamped, ensure_ascii=True, default=str)
        atomic.append_line(self._folder.path / EXPERIMENTS_FILE, self.redact(text))


def _patch(edits: Mapping[str, str | None], pristine: Path) -> bytes:
    """Edits as one unified diff, with the bytes of files whose encoding is another than UTF-8."""
    diffs = []
    for name, after in edits.items():
        path = pristine / name
        before = path.read_text(encoding="utf-8", errors="surrogateescape") if path.is_file() else ""
        diffs.append(diff_of(name, before, after or ""))
    return "".join(diffs).encode("utf-8", "surrogateescape")
