"""What is run and what came of it: suite and plan, attempts and results, single selections."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, computed_field, model_validator

from triage.model.base import Value
from triage.model.base_commit import BaseRun, OnBase
from triage.model.failure import Failure
from triage.model.outcome import Outcome

DEFAULT_TEST_TIMEOUT = 300.0
"""Seconds: longer than a unit test should take, and short enough that somebody who waits sees the hang."""
DEFAULT_CHUNK_TIMEOUT = 3600.0
"""Seconds: an hour ends a chunk whose tests are all slow and none of them hangs."""


AS_PYTEST = {"PYTHONSAFEPATH": "as-pytest"}
"""Keeps Python from putting the root on the import path. Python heeds any value; this one tells that it is
for pytest's own process, and for none of the processes that tests start."""


class Limits(Value):
    """How long (in seconds) and how much; None is no limit. Written into the evidence as they applied."""

    test_timeout: float | None = DEFAULT_TEST_TIMEOUT
    chunk_timeout: float | None = DEFAULT_CHUNK_TIMEOUT
    total_timeout: float | None = None
    log_bytes: int = 8 * 1024 * 1024
    field_chars: int = 64 * 1024
    memory_bytes: int | None = None


_DEFAULT_LIMITS = Limits.model_construct()
"""Made without a validator, which would be built whenever this module is imported."""


class FailedTests(Value):
    """The red tests of an earlier run: all that a run with `--failed` executes."""

    stamp: str
    """That run."""
    nodeids: tuple[str, ...]
    """Tests, and files or folders that did not collect."""
    tests: int
    """How many that run had in all."""
    need_others: tuple[str, ...] = ()
    """Those that failed only behind tests that ran before them: alone they pass, and that says nothing."""
    stamps: tuple[str, ...] = ()
    """That run, and those whose red tests it executed itself, oldest first: what they opened is still new."""


class Suite(Value):
    """Root, selectors, canonical environment, how it is cut into chunks, limits."""

    root: str
    """Absolute path of the folder with the pytest configuration."""
    selectors: tuple[str, ...] = ()
    """Node ids, files or folders as pytest takes them; empty means what its configuration says."""
    env: dict[str, str] = {}
    """The canonical environment: set in every process under test."""
    pytest_args: tuple[str, ...] = ()
    python: str | None = None
    """Interpreter of the suite; None is the one that runs triage."""
    workers: int = Field(default=1, ge=1)
    chunks: int | None = Field(default=None, ge=1)
    """Number of chunks; None lets `chunk_seconds` decide."""
    chunk_seconds: float = Field(default=60.0, gt=0)
    manifest: str | None = None
    """A file that names the chunks and their tests, instead of planning."""
    order: str | None = None
    """The order of the tests as `--order` spells it, instead of planning: a sequence of one process."""
    failed: FailedTests | None = None
    """Run these tests alone."""
    shard: tuple[int, int] | None = None
    """(3, 10): run the third tenth of the plan."""
    limits: Limits = _DEFAULT_LIMITS
    isolation: Literal["warm", "fresh"] = "warm"
    """warm: a fork server that has imported the suite forks for each chunk; fresh: a new interpreter each."""
    reruns: int = Field(default=0, ge=0)
    """How often a red test is run again alone before its failure counts as steady; 0: never."""
    rerun_budget: float | None = None
    """Seconds for all reruns together."""
    look_budget: float = Field(default=0.0, ge=0)
    """Seconds for one traced run of the red tests and of green ones beside them; 0: none."""


Key = tuple[str, int]
"""A public node id, and which of the items with this id."""


def keys_of(nodeids: Sequence[str]) -> list[Key]:
    """The key of each id: two items with one id are told apart by their order."""
    count: dict[str, int] = defaultdict(int)
    keys = []
    for nodeid in nodeids:
        keys.append((nodeid, count[nodeid]))
        count[nodeid] += 1
    return keys


class Chunk(Value):
    """The tests that one pytest process runs."""

    name: str
    nodeids: tuple[str, ...]
    expected_seconds: float | None = None


class Plan(Value):
    """How the collected tests are cut into chunks, and where the durations came from."""

    chunks: tuple[Chunk, ...]
    limits: Limits
    durations_from: str
    """`history`, `module sizes`, `manifest`: said in the summary."""
    shard: str | None = None
    """`3/10` where this machine runs only a part of the plan."""
    others: tuple[Chunk, ...] = ()
    """Chunks of the plan that other machines run."""
    digest: str | None = None
    """Of the whole plan: shards can be joined where it is the same."""
    planned: int | None = None
    """Tests in the whole plan; `chunks` are only this machine's where there are shards."""
    failed: FailedTests | None = None
    """Where only the red tests of an earlier run were planned."""


Ended = Literal["finished", "crashed", "test-timeout", "chunk-timeout", "interrupted", "lost"]
"""How a process ended; `lost` where nobody knows."""


class NoteKind(StrEnum):
    """What a note on an attempt is about; code decides by it, never by the text."""

    END = "end"
    """How the process ended, and why its end counts as it does."""
    RUN_AGAIN = "run-again"
    """A test ran when the process ended, and runs again alone: somebody else may have ended it."""
    LEFT_PROCESSES = "left-processes"
    """Processes that outlived the tests and were killed."""
    OUTPUT_CUT = "output-cut"
    """Output above the limit of the log."""
    UNKNOWN = "unknown"
    """Evidence of older versions has the text alone."""


class Note(Value):
    """One remark on an attempt, as people read it."""

    kind: NoteKind
    text: str


class Attempt(Value):
    """One process that ran (a part of) a chunk."""

    chunk: str
    number: int
    command: str
    """Shell form; a shell takes it back."""
    exit_code: int | None = None
    signal: str | None = None
    ended: Ended = "finished"
    seconds: float = 0.0
    began: float | None = None
    """Seconds since the run (or its resumption) began; None in evidence of older versions."""
    culprit: str | None = None
    """The test that ran when the process died, where one did."""
    notes: tuple[Note, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def note(self) -> str | None:
        """All notes in one line, for readers who need no kind."""
        return "; ".join(note.text for note in self.notes) or None

    @model_validator(mode="before")
    @classmethod
    def _read_text_alone(cls, data: Any) -> Any:
        """JSON holds the text beside the notes; in evidence of older versions it is all there is."""
        if not isinstance(data, dict) or "note" not in data:
            return data
        fields = {name: value for name, value in data.items() if name != "note"}
        if data["note"] and not fields.get("notes"):
            fields["notes"] = (Note(kind=NoteKind.UNKNOWN, text=data["note"]),)
        return fields


class RerunHint(StrEnum):
    """What the runs of a red test again say of its failure."""

    NEEDS_OTHERS = "needs-others"
    """Green alone, red behind the tests that ran before it in its process: it depends on them."""
    UNDECIDED = "undecided"
    """Green alone, and no run behind the tests that ran before it gave an answer: chance, or they."""
    BESIDE_OTHERS = "beside-others"
    """Red while other chunks ran, green each time with no other process of the run beside it: they may share
    a port or a file."""


class Reruns(Value):
    """How a red test fared when it was run again at the end of the run; the first run is not counted."""

    runs: int
    failed: int
    alone: Outcome | None = None
    """Outcome of the first run alone in a process."""
    in_place: Outcome | None = None
    """Outcome of the first run behind the tests that preceded it; None where none was needed."""
    hint: RerunHint | None = None


class Attachment(Value):
    """A file that a test attached."""

    name: str
    bytes: int | None = None
    """Its size; None where it could not be read."""
    media: str | None = None
    """`text/plain`, or the type of an image; None where it was left out."""
    data: str = ""
    """The text, or the image in Base64."""
    note: str | None = None
    """Why it was left out."""


class TestResult(Value):
    """A planned test with its one outcome; a collection error is a result too."""

    __test__ = False

    nodeid: str
    outcome: Outcome
    chunk: str | None = None
    attempt: int | None = None
    duration: float | None = None
    failures: tuple[Failure, ...] = ()
    signal: str | None = None
    exit_code: int | None = None
    note: str | None = None
    reruns: Reruns | None = None
    """None where the test was not run again: green, or no time for it (the record's notes say so)."""
    base: OnBase | None = None
    """None where the run had no base, or the test did not fail."""
    properties: tuple[tuple[str, str], ...] | None = None
    """What the test said of itself by pytest's `record_property`, in its order; None: nothing."""
    attachments: tuple[Attachment, ...] | None = None
    """Files that it named by `record_property("attachment", path)`; None: none."""

    @property
    def executions(self) -> int:
        """How often it ran and gave an answer, reruns included; a skip is none.

        Of a test that needs others only runs in its place count: alone it does something else.
        """
        if not self.outcome.has_failures and not self.outcome.is_green:
            return 0
        again = self.reruns.runs if self.reruns else 0
        if self.reruns is not None and self.reruns.hint is RerunHint.NEEDS_OTHERS:
            again = self.reruns.failed  # red in its place each time, green alone each time
        if again == 0 and self.outcome.is_flaky:
            return 2  # a report of another tool, which says no more than that it was red and green
        return 1 + again

    @property
    def failed_executions(self) -> int:
        """How many of its executions were red: the first one, and some of the reruns."""
        if not self.outcome.has_failures:
            return 0
        return 1 + (self.reruns.failed if self.reruns else 0)


class Counts(Value):
    """How many planned tests have each outcome; they add up to `collected`.

    A field for each member of `Outcome`, by its value: `tests/model/test_outcome.py` compares the two.
    """

    collected: int = 0
    passed: int = 0
    failed: int = 0
    error: int = 0
    skipped: int = 0
    xfailed: int = 0
    xpassed: int = 0
    crashed: int = 0
    timeout: int = 0
    flaky: int = 0
    not_run: int = 0
    collect_errors: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome], *, collect_errors: int = 0) -> Self:
        """Count the outcomes of the planned tests; collection errors are counted apart."""
        tally = Counter(outcome.value for outcome in outcomes)
        return cls(collected=tally.total(), collect_errors=collect_errors, **tally)

    @property
    def adds_up(self) -> bool:
        """Whether the outcomes sum to what was collected."""
        return self.collected == sum(int(getattr(self, outcome.value)) for outcome in Outcome)


class RunRecord(Value):
    """What one run gave, reconciled: exactly one result for each planned test."""

    stamp: str
    campaign: str
    root: str
    complete: bool
    void: str | None = None
    """The reason why the run can answer nothing."""
    resumable: bool = False
    """Whether `triage run --resume` can still give it what is missing; its folder is not sealed then."""
    results: tuple[TestResult, ...] = ()
    """Planned tests in the plan's order; behind them what was skipped as a whole when it was collected."""
    collect_errors: tuple[TestResult, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    plan: Plan | None = None
    notes: tuple[str, ...] = ()
    """What triage switched off, cut or could not do, one line each."""
    hints: tuple[str, ...] = ()
    """Where the suite may behave differently than here, one line each."""
    seconds: float = 0.0
    commit: str | None = None
    """What was checked out, where the suite is in a git repository."""
    subject: str | None = None
    """The first line of the commit's message; None in records of older versions."""
    dirty: bool | None = None
    """Whether the tree differed from the commit; None where nobody knows."""
    base: BaseRun | None = None
    """None where the run was not judged against a base."""

    @property
    def counts(self) -> Counts:
        """Outcomes of the planned tests; they add up."""
        return Counts.of((result.outcome for result in self.results), collect_errors=len(self.collect_errors))

    @property
    def planned_results(self) -> tuple[TestResult, ...]:
        """The results of planned tests, without files and classes that were skipped when collected."""
        if self.plan is None:
            return self.results
        return tuple(result for result in self.results if result.chunk is not None)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """Tests that passed, although they fail only behind tests that this run left out: it says nothing.

        Only a run of the red tests of an earlier one has any.
        """
        failed = self.plan.failed if self.plan is not None else None
        if failed is None:
            return ()
        passed = {result.nodeid for result in self.results if result.outcome.passes}
        return tuple(nodeid for nodeid in failed.need_others if nodeid in passed)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every failure of the run, in the order of the results, collection errors first."""
        return tuple(f for result in (*self.collect_errors, *self.results) for f in result.failures)


class Selection(Value):
    """One pytest process on named tests: the unit of experiments and of exit criteria."""

    root: str
    """Where it runs (a scratch copy for experiments); also the rootdir."""
    nodeids: tuple[str, ...]
    """Run in this order; node ids, files, or empty for everything."""
    imports: tuple[str, ...] = ()
    """Test files that are imported first, in this order, whether or not one of their tests is to run."""
    env: dict[str, str | None] = {}
    """Set (or with None: unset) on top of the canonical environment."""
    pytest_args: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    """Modules given to pytest as `-p`: the instruments of a probe."""
    settings: dict[str, str] = {}
    """JSON text for each instrument, by its name; reaches the process as `TRIAGE_INSTRUMENT`."""
    limits: Limits = _DEFAULT_LIMITS
    seed: int | None = None
    """For pytest-randomly, as a run gives it to its processes; None leaves it to the suite."""
    workers: int = 0
    """Let pytest-xdist run the tests in so many workers, without an order; 0: in one process."""
    distribution: str = "load"
    """How pytest-xdist gives the tests to its workers, as `--dist` names it."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Tests of the selection, each group in a child of the process; empty: all in the process itself."""


class SelectionResult(Value):
    """What one selection gave."""

    selection: Selection
    command: str
    """Paste-able shell form, environment included."""
    folder: str
    """Where its artifacts lie: record, log, what the instruments wrote."""
    attempts: tuple[Attempt, ...]
    results: tuple[TestResult, ...]
    """In the order in which the tests ran."""
    collect_errors: tuple[TestResult, ...] = ()
    seconds: float = 0.0

    def outcome_of(self, nodeid: str) -> Outcome:
        """The outcome of one test; `not_run` where the process never planned it."""
        for result in self.results:
            if result.nodeid == nodeid:
                return result.outcome
        return Outcome.NOT_RUN
