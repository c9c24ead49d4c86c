"""Run a suite: preflight > plan > chunks > coverage > reconcile, to one record with an outcome a test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.errors import TriageError, UsageError
from triage.evidence.atomic import disk_error
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Progress, World
from triage.model.outcome import Outcome
from triage.model.run import Attempt, Chunk, Key, NoteKind, Plan, RunRecord, Suite, TestResult, keys_of
from triage.process.api import Executor
from triage.run import environment, results
from triage.run.artifacts import Artifacts
from triage.run.chunk import ChunkProgress, ChunkRunner, FinishedAttempt
from triage.run.collection import Collected, collect, logs_of
from triage.run.command import Launch, carried
from triage.run.coverage import join_coverage
from triage.run.isolation import Isolation
from triage.run.plan import longest_first, plan
from triage.run.reruns import Reruns
from triage.run.results import Origins
from triage.run.resume import PreviousRun, read_previous_run
from triage.run.run_store import RunStore
from triage.run.workers import StopCondition, run_jobs, stopping_on_signals


def run_suite(
    suite: Suite,
    *,
    folder: EvidenceFolder,
    executor: Executor,
    world: World,
    durations: Mapping[str, float],
    progress: Progress,
    executions: Mapping[str, int] | None = None,
    resume: bool = False,
) -> RunRecord:
    """Run the suite; each collected test has exactly one result in the record, whatever died.

    Writes the run's evidence up to `results.json`. Raises `TriageError` where nothing could be run,
    and `KeyboardInterrupt` on SIGINT or SIGTERM, after everything known is in the evidence: the run
    can be resumed. `executions` says of tests on record as flaky how many reds in a row exclude chance.
    A run that could not give every test an outcome says why in `void`.
    """
    store = RunStore(folder)
    run = _SuiteRun(suite, store, executor, world, progress)
    finished = False
    try:
        with stopping_on_signals(run.stop):
            record = run.run(durations, executions or {}, resume=resume)
        finished = True
    except OSError as error:
        raise disk_error(error, folder.path) from error
    finally:
        executor.close()
        store.release(finished=finished)
    return record


class _SuiteRun:
    """The state of one run; `run` reads as its table of contents."""

    def __init__(
        self, suite: Suite, store: RunStore, executor: Executor, world: World, progress: Progress
    ) -> None:
        self.suite = suite
        self.store = store
        self.executor = executor
        self.world = world
        self.progress = progress
        self.started = world.monotonic()
        self.stop = StopCondition(self._is_time_up)
        self.origins = Origins(suite.root)
        self.launch = self._launch()
        self.artifacts = Artifacts(store, self.launch, world)
        self.runner = ChunkRunner(
            executor=executor,
            scratch=store.scratch / "work",
            origins=self.origins,
            command=self._command,
            key=store.key,
            stop=self.stop,
            on_event=self._on_event,
        )
        self.isolation = Isolation(self.launch, executor, self.runner, suite.isolation == "warm")
        self.notes: list[str] = []
        self.finish_events: dict[Key, dict[str, Any]] = {}
        self.chunks: list[ChunkProgress] = []

    def run(
        self, durations: Mapping[str, float], executions: Mapping[str, int], *, resume: bool
    ) -> RunRecord:
        """From preflight to the reconciled record."""
        previous = read_previous_run(self.store, self.origins) if resume else PreviousRun()
        self.store.open_events()
        self.store.put_json("env.json", environment.environment(self.suite, self.world.environ))
        git = environment.git_state(self.suite.root, self.store.folder.path)
        collected = self._preflight(git)
        planned = self._plan(collected, durations, previous)
        self._run_chunks(planned, collected, previous)
        self._join_coverage()
        self._run_red_tests_again(planned, collected, executions)
        return self._reconcile(planned, collected, git)

    # -- what the processes have in common ----------------------------------------------------

    def _launch(self) -> Launch:
        python, carry = carried(self.suite.python, self.store.scratch)
        scratch = self.store.scratch
        # processes on other machines would leave their measurements there, where nobody joins them
        coverage = str(scratch / "coverage") if self.executor.has_fork_server else None
        stamp_digest = hashlib.sha256(self.store.folder.stamp.encode()).hexdigest()
        return Launch(
            root=self.suite.root,
            environ=self.world.environ,
            env={**self.suite.env, **environment.added(self.suite, self.world.environ)},
            limits=self.suite.limits,
            python=python,
            args=self.suite.pytest_args,
            selectors=self.suite.selectors,
            carry=carry,
            cache_dir=str(scratch / "cache"),
            coverage=coverage,
            seed=int(stamp_digest[:8], 16),
        )

    def _command(self, chunk: str | None, keys: Sequence[Key]) -> str:
        targets = self.artifacts.targets(chunk, [nodeid for nodeid, _ in keys])
        return self.launch.shell(targets)

    def _is_time_up(self) -> bool:
        limit = self.suite.limits.total_timeout
        return limit is not None and self.world.monotonic() - self.started > limit

    # -- preflight ----------------------------------------------------------------------------

    def _preflight(self, git: dict[str, Any]) -> Collected:
        self.progress.start(1, "collecting")
        scratch = self.store.scratch
        try:
            collected = collect(self.isolation.collect, self.runner)
        except TriageError as error:
            self.store.put("preflight.log", logs_of(scratch / "work"))
            if self.stop.signal is not None:
                raise KeyboardInterrupt from error
            raise
        facts = {
            "git": git,
            "machine": environment.machine(self.suite.root, str(scratch)),
            "stamp": self.store.folder.stamp,
        }
        self.artifacts.write_preflight(collected, facts, logs_of(scratch / "work"))
        self.notes += [*collected.notes, *self.isolation.notes]
        self.progress.step("collected")
        self.progress.finish()
        return collected

    # -- plan ---------------------------------------------------------------------------------

    def _plan(self, collected: Collected, durations: Mapping[str, float], previous: PreviousRun) -> Plan:
        planned = previous.plan or plan(collected.items, self.suite, durations, self._manifest())
        if planned.durations_from == "module sizes" and len(planned.chunks) > 1:
            self.notes.append(
                "no recorded durations: chunks are balanced by the number of tests in their modules"
            )
        self.artifacts.write_plan(planned)
        self.artifacts.write_commands(planned, [])
        return planned

    def _manifest(self) -> str | None:
        if self.suite.manifest is None:
            return None
        path = Path(self.suite.root, self.suite.manifest)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                "no-manifest", f"the chunk manifest {path} cannot be read", "name a file"
            ) from error

    # -- chunks -------------------------------------------------------------------------------

    def _run_chunks(self, planned: Plan, collected: Collected, previous: PreviousRun) -> None:
        total = sum(len(chunk.nodeids) for chunk in planned.chunks)
        self.progress.start(total, f"{total} tests in {len(planned.chunks)} chunks")
        by_name = {}
        for chunk in planned.chunks:
            by_name[chunk.name] = ChunkProgress(chunk.name, keys_of(chunk.nodeids))
            previous.restore(by_name[chunk.name])
        self.chunks = list(by_name.values())
        self.finish_events.update(previous.finish_events)

        def run_chunk(chunk: Chunk) -> None:
            self._run_chunk(by_name[chunk.name], collected)

        run_jobs(
            longest_first(planned.chunks),
            self.suite.workers,
            run_chunk,
            tick=self.store.flush,
            fail=self.stop.fail,
        )
        self.progress.finish()
        self.store.flush()
        if self.stop.signal is not None:
            self._leave_for_resume(planned)

    def _run_chunk(self, chunk: ChunkProgress, collected: Collected) -> None:
        exit_record = self.store.folder.path / "chunks" / str(chunk.name) / "exit.json"
        if not chunk.remaining and exit_record.exists():
            return  # an earlier process of this run has written its documents
        self.runner.run(chunk, self.isolation.request_maker(collected))
        self.store.flush()
        if not chunk.interrupted:
            self.artifacts.write_chunk(chunk, self.finish_events, collected)

    def _on_event(self, chunk: ChunkProgress, attempt: int, payload: bytes, event: Any) -> None:
        """Write a line of a chunk's record into the run's record, and tell whoever watches."""
        self.store.event(chunk.name, attempt, payload)
        match event.get("e"):
            case "finish" | "ran":
                key = chunk.last_finished
                is_first = key not in self.finish_events  # `ran` may be followed by `finish`
                self.finish_events[key] = event
                if is_first:
                    self.progress.step(key[0], chunk.results[key].outcome)
            case "result":
                result = event["result"]
                self.progress.step(result["nodeid"], Outcome(result["outcome"]))

    def _leave_for_resume(self, planned: Plan) -> None:
        self.artifacts.write_commands(planned, self._attempts())
        self.store.close_events()
        command = f"triage run --resume {self.store.folder.stamp}"
        self.progress.note(f"{self.stop.signal}: stopped; go on with `{command}`")
        raise KeyboardInterrupt

    # -- coverage -----------------------------------------------------------------------------

    def _join_coverage(self) -> None:
        scratch = self.store.scratch
        self.notes += join_coverage(
            scratch / "coverage", self.launch, self.executor, scratch / "joined", self.stop
        )

    # -- reruns -------------------------------------------------------------------------------

    def _run_red_tests_again(
        self, planned: Plan, collected: Collected, executions: Mapping[str, int]
    ) -> None:
        """Tell steady failures from chance; behind the coverage, to which reruns do not count."""
        reruns = Reruns(
            suite=self.suite,
            store=self.store,
            runner=self.runner,
            make_request=self.isolation.request_maker(collected, coverage=None, json_report=None),
            stop=self.stop,
            monotonic=self.world.monotonic,
            progress=self.progress,
            executions=executions,
            notes=self.notes,
        )
        reruns.run(self.chunks)
        if self.stop.signal is not None:
            self._leave_for_resume(planned)

    # -- reconcile ----------------------------------------------------------------------------

    def _reconcile(self, planned: Plan, collected: Collected, git: dict[str, Any]) -> RunRecord:
        found = self._results()
        void = _void(found, collected, planned)
        self.artifacts.write_commands(planned, self._attempts())
        self.store.close_events()
        self.notes += self._restore_evidence()
        for chunk in self.chunks:
            self.notes += _notes_on_chunk(chunk)
        record = RunRecord(
            stamp=self.store.folder.stamp,
            campaign=self.store.folder.campaign,
            root=self.suite.root,
            complete=void is None,
            void=void,
            results=tuple(found),
            collect_errors=tuple(collected.errors),
            attempts=self._attempts(),
            plan=planned,
            notes=tuple(dict.fromkeys(self.notes)),
            seconds=round(self.world.monotonic() - self.started, 3),
            commit=git["commit"],
            dirty=git["dirty"],
        )
        _check_one_result_per_test(record, planned)
        self.artifacts.write_record(record)
        return record

    def _results(self) -> list[TestResult]:
        """One result for each planned test, in the plan's order."""
        why = "the run's time was up" if self.stop.out_of_time else "its chunk was not finished"
        found = []
        for chunk in self.chunks:
            for key in chunk.keys:
                result = chunk.results.get(key) or results.result_not_run(key, chunk.name, why)
                found.append(result)
        return found

    def _attempts(self) -> tuple[Attempt, ...]:
        return tuple(finished.attempt for chunk in self.chunks for finished in chunk.attempts)

    def _restore_evidence(self) -> list[str]:
        restored = self.store.restore_documents()
        if not restored:
            return []
        return [f"tests deleted or changed {len(restored)} files of this run's evidence; written again"]


def _void(found: Sequence[TestResult], collected: Collected, planned: Plan) -> str | None:
    """Why the run can answer nothing; None where it can."""
    if not collected.items and not collected.errors:
        return "no tests were collected"
    if not found and not collected.errors and planned.shard is None:
        return "no tests were planned"
    missing = [result for result in found if not result.outcome.ran]
    if missing:
        return f"{len(missing)} of {len(found)} planned tests have no outcome: {missing[0].note}"
    return None


def _notes_on_chunk(chunk: ChunkProgress) -> Iterator[str]:
    """What the run has to say of a chunk's attempts besides the results of their tests."""
    for finished in chunk.attempts:
        for text in _notes_on_attempt(finished):
            yield f"{chunk.name}, attempt {finished.attempt.number}: {text}"
        foreign = finished.reader.foreign_lines
        if foreign:
            yield f"{chunk.name}: {foreign} lines in the record are not the recorder's: ignored"
        yield from finished.reader.notes


def _notes_on_attempt(finished: FinishedAttempt) -> Iterator[str]:
    attempt = finished.attempt
    # the result of a culprit says how the process ended: only an end without one needs telling
    unexplained = attempt.ended != "finished" and attempt.culprit is None
    if unexplained and attempt.note:
        yield attempt.note
        return
    for note in attempt.notes:
        if note.kind is NoteKind.LEFT_PROCESSES:
            yield note.text


def _check_one_result_per_test(record: RunRecord, planned: Plan) -> None:
    """The invariant, once more, before anybody relies on it."""
    expected = [nodeid for chunk in planned.chunks for nodeid in chunk.nodeids]
    if [result.nodeid for result in record.results] != expected or not record.counts.adds_up:
        raise AssertionError("the record does not have exactly one result for each planned test")
