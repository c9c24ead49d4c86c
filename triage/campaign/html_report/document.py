"""The data of the HTML report, as its script reads it.

`PageEvidence` follows from evidence and journal alone, and `triage check` collects it anew; `Surroundings`
are what the machine knew when the page was written: links, source lines, settings.

Lists of tests are columns (one list a field), because twenty thousand objects with the same keys cost a
browser more than the page itself.
"""

from __future__ import annotations

from typing import Any, Final

from triage.model.base import Value
from triage.model.outcome import Outcome
from triage.model.run import Attachment

VERSION: Final = 4
"""Rises with every change of what is stated here: the data of another version is not collected again."""
ABSENT: Final = " "
"""The letter of a test that a run did not have."""


LETTERS: Final = {outcome.letter: outcome.value for outcome in Outcome}


class Place(Value):
    """A line of the project."""

    path: str
    line: int
    function: str = ""
    code: str = ""
    """The source line, as the traceback has it."""


class TestDetail(Value):
    """What there is to say of a test beside its outcome; most tests have nothing."""

    __test__ = False

    note: str | None = None
    signal: str | None = None
    attempt: int | None = None
    reruns: dict[str, Any] | None = None
    base: dict[str, Any] | None = None
    quarantine: str | None = None
    flaky: str | None = None
    """Its rate over the recorded runs, in words."""
    properties: tuple[tuple[str, str], ...] | None = None
    """What it said of itself by pytest's `record_property`."""
    attachments: tuple[Attachment, ...] | None = None


class TestColumns(Value):
    """Every test of the run, collection errors first."""

    __test__ = False

    files: tuple[str, ...]
    file_of: tuple[int, ...]
    """Of each test, an index of `files`."""
    names: tuple[str, ...]
    """What follows the file in the node id, `::` included; empty for a file that could not be collected."""
    outcomes: str
    """A letter a test."""
    millis: tuple[float | None, ...]
    chunks: tuple[str, ...]
    chunk_of: tuple[int, ...]
    """An index of `chunks`; -1 for none."""
    clusters: dict[int, tuple[str, ...]]
    """Index of a red test to its clusters."""
    details: dict[int, TestDetail]


class FailureEntry(Value):
    """One failure of a test, with what it printed."""

    test: int
    cluster: str | None
    phase: str
    exception: str
    message: str
    text: str
    """The traceback as pytest wrote it."""
    stdout: str = ""
    stderr: str = ""
    log: str = ""
    subtest: str | None = None
    product: Place | None = None
    """The last line of the product that ran."""
    own: Place | None = None
    """The last line of the test."""


class RunPoint(Value):
    """One run in the history, and how the tests of the newest one fared in it."""

    stamp: str
    commit: str | None
    verdict: str
    seconds: float
    counts: dict[str, int]
    clusters: dict[str, int]
    """Clusters that it saw, each with the number of its failing tests."""
    outcomes: str
    """A letter for each test of the newest run."""


class Arm(Value):
    """How often one arm of an experiment ran, and failed."""

    runs: int
    failed: int


class ExperimentEntry(Value):
    """One experiment with both arms."""

    probe: str
    factor: str
    prediction: str
    status: str
    baseline: Arm
    treated: Arm
    p_value: float | None
    sentence: str
    command: str
    stamp: str


class Hunk(Value):
    """Lines of a change that were shown to be the culprit, or a repair that a probe wrote."""

    title: str
    diff: str


class CauseEntry(Value):
    """The newest cause that experiments found."""

    verdict: str
    kind: str
    summary: str
    culprits: tuple[str, ...]
    factor: str | None
    evidence: str
    hunks: tuple[Hunk, ...] = ()
    repairs: tuple[Hunk, ...] = ()


class Moment(Value):
    """One event in the life of a cluster."""

    at: str
    what: str
    by: str
    text: str
    evidence: str | None = None


class WhyEntry(Value):
    """One piece of evidence for a join."""

    kind: str
    detail: str
    proposal: bool
    confirm: str | None = None


class ClusterEntry(Value):
    """A cluster of the run with all that is known of it."""

    id: str
    title: str
    status: str
    state: str | None
    base: str | None
    owner: str | None
    quarantine: str | None
    members: tuple[str, ...]
    failing: int
    first_seen: str | None
    last_seen: str | None
    aliases: tuple[str, ...]
    exception: str
    product: Place | None
    own: Place | None
    why: tuple[WhyEntry, ...]
    cause: CauseEntry | None
    experiments: tuple[ExperimentEntry, ...]
    moments: tuple[Moment, ...]
    rerun: str
    """The pytest command that runs its tests again, as the end of the run has it."""
    rerun_left_out: int
    """Tests that the command does not name."""
    next: str | None


class AttemptEntry(Value):
    """One process of the run."""

    chunk: str
    number: int
    began: float | None
    """Seconds since the run began; None in records of older versions."""
    seconds: float
    ended: str
    signal: str | None
    culprit: str | None
    note: str | None


class RunFacts(Value):
    """What is known of the run as a whole."""

    stamp: str
    campaign: str
    verdict: str
    trouble: str | None
    counts: dict[str, int]
    seconds: float
    commit: str | None
    subject: str | None
    """The first line of the commit's message."""
    dirty: bool | None
    changed: tuple[str, ...]
    shard: str | None
    durations_from: str | None
    limits: dict[str, Any]
    base: dict[str, Any] | None
    gate: dict[str, Any] | None
    notes: tuple[str, ...]
    hints: tuple[str, ...]
    machine: dict[str, Any]
    interpreter: dict[str, Any]
    packages: dict[str, str]
    environment: dict[str, Any]
    commands: str


class LatentEntry(Value):
    """Tests that a hunt showed red under one stated factor, green as they stand."""

    cluster: str | None
    dependence: str
    kind: str
    tests: tuple[str, ...]
    culprits: tuple[str, ...]
    writer: str | None
    summary: str
    command: str
    baseline: Arm
    treated: Arm
    p_value: float | None


class SuspectedEntry(Value):
    """A test that was red once in a hunt, and that no experiment has confirmed."""

    nodeid: str
    found_by: str
    reason: str


class HuntEntry(Value):
    """The newest hunt for latent flaky tests."""

    stamp: str
    tests: int
    seconds: float
    processes: int
    latent: tuple[LatentEntry, ...]
    suspected: tuple[SuspectedEntry, ...]
    not_tried: tuple[str, ...]
    notes: tuple[str, ...]


class PageEvidence(Value):
    """Everything on the page that follows from the evidence."""

    run: RunFacts
    tests: TestColumns
    failures: tuple[FailureEntry, ...]
    clusters: tuple[ClusterEntry, ...]
    history: tuple[RunPoint, ...]
    """Oldest first; the run itself is the last."""
    gone: tuple[str, ...]
    """Tests of the run before, which this one does not have."""
    attempts: tuple[AttemptEntry, ...]
    flaky: tuple[dict[str, Any], ...]
    hunt: HuntEntry | None = None


class Excerpt(Value):
    """Lines of a source file around a place."""

    path: str
    first: int
    lines: tuple[str, ...]


class SettingEntry(Value):
    """A setting with where it came from."""

    name: str
    value: str
    origin: str


class PluginSection(Value):
    """A plugin's part of the report."""

    name: str
    text: str


class Surroundings(Value):
    """What the machine knew when the page was written; nothing here is a claim on the evidence."""

    source_url: str | None = None
    """Address of a source line, with `{path}` and `{line}`."""
    commit_url: str | None = None
    """Address of a commit, with `{commit}`."""
    excerpts: tuple[Excerpt, ...] = ()
    owners: dict[str, str] = {}
    """Files of tests and of places to their owners by CODEOWNERS."""
    settings: tuple[SettingEntry, ...] = ()
    sections: tuple[PluginSection, ...] = ()
    home: str | None = None
    """Of a page in a site: the index, relative to the page."""


class PageDocument(Value):
    """The data of one page."""

    v: int = VERSION
    version: str
    """Of triage."""
    made_at: str
    """The journal is read as of this moment."""
    text_chars: int
    """Longer texts of a failure have their middle left out."""
    letters: dict[str, str] = LETTERS
    evidence: PageEvidence
    surroundings: Surroundings = Surroundings()
