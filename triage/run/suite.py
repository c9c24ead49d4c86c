"""A suite from preflight to the reconciled record: preflight > plan > execute > reconcile > record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage.errors import TriageError, UsageError
from triage.evidence.atomic import disk_error
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Progress, World
from triage.model.outcome import Outcome
from triage.model.run import Chunk, Key, Plan, RunRecord, Suite, TestResult, keys_of
from triage.process.api import Executor
from triage.run import environment, results
from triage.run.artifacts import Binder
from triage.run.chunk import Course, Runner
from triage.run.collection import Collected, collect, logs_of
from triage.run.command import Launch, carried
from triage.run.coverage import join_coverage
from triage.run.isolation import Isolation
from triage.run.plan import longest_first, plan
from triage.run.results import Origins
from triage.run.resume import Before, read_before
from triage.run.run_store import RunStore
from triage.run.workers import Stop, obeying_signals, work_through


def run_suite(
    suite: Suite,
    *,
    folder: EvidenceFolder,
    executor: Executor,
    world: World,
    durations: Mapping[str, float],
    progress: Progress,
    resume: bool = False,
) -> RunRecord:
    """Run the suite; each collected test has exactly one result in the record, whatever died.

    Writes the run's evidence up to `results.json`. Raises `TriageError` where nothing could be run,
    and `KeyboardInterrupt` on SIGINT or SIGTERM, after everything known is in the evidence: the run
    can be resumed. A run that could not give every test an outcome says why in `void`.
    """
    store = RunStore(folder)
    run = _Run(suite, store, executor, world, progress)
    finished = False
    try:
        with obeying_signals(run.stop):
            record = run.through(durations, resume)
        finished = True
    except OSError as error:
        raise disk_error(error, folder.path) from error
    finally:
        executor.close()
        store.release(finished=finished)
    return record


@dataclass
class _Run:
    """The state of one run; `through` reads as its table of contents."""

    suite: Suite
    store: RunStore
    executor: Executor
    world: World
    progress: Progress
    notes: list[str] = field(default_factory=list)
    finish_events: dict[Key, dict[str, Any]] = field(default_factory=dict)
    courses: list[Course] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.world.monotonic()
        total = self.suite.limits.total_timeout
        self.stop = Stop(lambda: total is not None and self.world.monotonic() - self.started > total)
        self.origins = Origins(self.suite.root)
        python, carry = carried(self.suite.python, self.store.scratch)
        self.launch = Launch(
            root=self.suite.root,
            environ=self.world.environ,
            env={**self.suite.env, **environment.added(self.suite, self.world.environ)},
            limits=self.suite.limits,
            python=python,
            args=self.suite.pytest_args,
            selectors=self.suite.selectors,
            carry=carry,
            cache_dir=str(self.store.scratch / "cache"),
            # what is measured elsewhere would stay there
            coverage=str(self.store.scratch / "coverage") if self.executor.has_fork_server else None,
            seed=int(hashlib.sha256(self.store.folder.stamp.encode()).hexdigest()[:8], 16),
        )
        self.binder = Binder(self.store, self.launch, self.world)
        self.runner = Runner(
            executor=self.executor,
            scratch=self.store.scratch / "work",
            origins=self.origins,
            command=lambda name, keys: self.launch.shell(self.binder.targets(name, [key[0] for key in keys])),
            key=self.store.key,
            stop=self.stop,
            tell=self._tell,
        )
        self.isolation = Isolation(self.launch, self.executor, self.runner, self.suite.isolation == "warm")

    def through(self, durations: Mapping[str, float], resume: bool) -> RunRecord:
        before = read_before(self.store, self.origins) if resume else Before()
        self.store.open_events()
        self.store.put_json("env.json", environment.environment(self.suite, self.world.environ))
        git = environment.git_state(self.suite.root, self.store.folder.path)
        collected = self._preflight(git)
        planned = self._plan(collected, durations, before)
        self._execute(planned, collected, before)
        scratch = self.store.scratch
        self.notes += join_coverage(
            scratch / "coverage", self.launch, self.executor, scratch / "joined", self.stop
        )
        return self._reconcile(planned, collected, git)

    # -- preflight ------------------------------------------------------------------------------

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
        found = {
            "git": git,
            "machine": environment.machine(self.suite.root, str(scratch)),
            "stamp": self.store.folder.stamp,
        }
        self.binder.preflight(collected, found, logs_of(scratch / "work"))
        self.notes += [*collected.notes, *self.isolation.notes]
        self.progress.step("collected")
        self.progress.finish()
        return collected

    # -- plan -------------------------------------------------------------------------------------

    def _plan(self, collected: Collected, durations: Mapping[str, float], before: Before) -> Plan:
        made = before.plan or plan(collected.items, self.suite, durations, self._manifest())
        if made.durations_from == "module sizes" and len(made.chunks) > 1:
            self.notes.append(
                "no recorded durations: chunks are balanced by the number of tests in their modules"
            )
        self.binder.plan(made)
        self.binder.commands(made, [])
        return made

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

    # -- execute ----------------------------------------------------------------------------------

    def _execute(self, planned: Plan, collected: Collected, before: Before) -> None:
        total = sum(len(chunk.nodeids) for chunk in planned.chunks)
        self.progress.start(total, f"{total} tests in {len(planned.chunks)} chunks")
        by_name = {chunk.name: self._course(chunk, before) for chunk in planned.chunks}
        self.courses = list(by_name.values())

        def do(chunk: Chunk) -> None:
            self._chunk(by_name[chunk.name], collected)

        work_through(
            longest_first(planned.chunks), self.suite.workers, do, tick=self.store.flush, fail=self.stop.fail
        )
        self.progress.finish()
        self.store.flush()
        if self.stop.signal is not None:
            self._interrupted(planned)

    def _course(self, chunk: Chunk, before: Before) -> Course:
        course = Course(chunk.name, keys_of(chunk.nodeids))
        before.restore(course)
        self.finish_events.update(before.finish_events)
        return course

    def _chunk(self, course: Course, collected: Collected) -> None:
        if not course.left and (self.store.folder.path / "chunks" / str(course.name) / "exit.json").exists():
            return  # an earlier process of this run has written its files
        self.runner.run(course, self.isolation.starter(collected))
        self.store.flush()
        if not course.interrupted:
            self.binder.chunk(course, self.finish_events, collected)

    def _tell(self, course: Course, number: int, payload: bytes, event: Any) -> None:
        """A valid line of a chunk's record: into the run's record, and to whoever watches."""
        self.store.event(course.name, number, payload)
        kind = event.get("e")
        if kind in ("finish", "ran"):
            key = course.last
            if key in self.finish_events:
                self.finish_events[key] = event
                return
            self.finish_events[key] = event
            self.progress.step(key[0], course.results[key].outcome)
        elif kind == "result":
            self.progress.step(event["result"]["nodeid"], Outcome(event["result"]["outcome"]))

    def _interrupted(self, planned: Plan) -> None:
        attempts = [tried.attempt for course in self.courses for tried in course.tried]
        self.binder.commands(planned, attempts)
        self.store.close_events()
        self.progress.note(
            f"{self.stop.signal}: stopped; go on with `triage run --resume {self.store.folder.stamp}`"
        )
        raise KeyboardInterrupt

    # -- reconcile --------------------------------------------------------------------------------

    def _reconcile(self, planned: Plan, collected: Collected, git: dict[str, Any]) -> RunRecord:
        found: list[TestResult] = []
        for course in self.courses:
            why = "the run's time was up" if self.stop.out_of_time else "its chunk was not finished"
            found += [course.results.get(key) or results.never(key, course.name, why) for key in course.keys]
        attempts = tuple(tried.attempt for course in self.courses for tried in course.tried)
        void = _void(found, collected, planned)
        self.binder.commands(planned, attempts)
        self.store.close_events()
        mended = self.store.mend()
        if mended:
            self.notes.append(
                f"tests deleted or changed {len(mended)} files of this run's evidence; written again"
            )
        record = RunRecord(
            stamp=self.store.folder.stamp,
            campaign=self.store.folder.campaign,
            root=self.suite.root,
            complete=void is None,
            void=void,
            results=tuple(found),
            collect_errors=tuple(collected.errors),
            attempts=attempts,
            plan=planned,
            notes=tuple(dict.fromkeys([*self.notes, *_attempt_notes(self.courses)])),
            seconds=round(self.world.monotonic() - self.started, 3),
            commit=git["commit"],
            dirty=git["dirty"],
        )
        _check(record, planned)
        self.binder.record(record)
        return record


def _void(found: Sequence[TestResult], collected: Collected, planned: Plan) -> str | None:
    if not collected.items and not collected.errors:
        return "no tests were collected"
    if not found and not collected.errors and planned.shard is None:
        return "no tests were planned"
    missing = [result for result in found if not result.outcome.ran]
    if missing:
        return f"{len(missing)} of {len(found)} planned tests have no outcome: {missing[0].note}"
    return None


def _attempt_notes(courses: Sequence[Course]) -> list[str]:
    notes = []
    for course in courses:
        for tried in course.tried:
            attempt = tried.attempt
            if attempt.note and attempt.culprit is None and attempt.ended != "finished":
                notes.append(f"{course.name}, attempt {attempt.number}: {attempt.note}")
            elif attempt.note and "left behind" in attempt.note:
                notes.append(f"{course.name}, attempt {attempt.number}: {attempt.note.split('; ')[-1]}")
            if tried.seen.foreign:
                notes.append(
                    f"{course.name}: {tried.seen.foreign} lines in the record are not the recorder's: ignored"
                )
            notes += tried.seen.notes
    return notes


def _check(record: RunRecord, planned: Plan) -> None:
    """The invariant, once more, before anybody relies on it."""
    expected = [nodeid for chunk in planned.chunks for nodeid in chunk.nodeids]
    if [result.nodeid for result in record.results] != expected or not record.counts.adds_up:
        raise AssertionError("the record does not have exactly one result for each planned test")
