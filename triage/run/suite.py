"""Run a suite: preflight > plan > chunks > coverage > reconcile, to one record with an outcome a test."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from triage.errors import TriageError, UsageError
from triage.evidence.atomic import disk_error
from triage.evidence.folder import EvidenceFolder
from triage.model.base import Progress, World
from triage.model.run import Chunk, Key, RunRecord, Suite, TestResult, keys_of
from triage.process.api import Executor
from triage.process.orphans import sweep_abandoned
from triage.run import environment
from triage.run.artifacts import Artifacts
from triage.run.chunk import ChunkProgress, ChunkRunner, RequestMaker
from triage.run.collection import PREFLIGHT, Collected, Collection, logs_of
from triage.run.command import Launch, carried, seed_of_run
from triage.run.coverage import join_coverage
from triage.run.environment import Checkout
from triage.run.failed_tests import only_failed, why_unanswered
from triage.run.isolation import Isolation
from triage.run.look import TracedLook
from triage.run.order import DISTRIBUTIONS, Order, listed_ids, parse_order
from triage.run.origins import Origins
from triage.run.plan import longest_first, plan
from triage.run.reconcile import KnownOfRun
from triage.run.reruns import Reruns
from triage.run.resume import PreviousRun, check_same_commit, read_previous_run
from triage.run.run_store import RunStore
from triage.run.workers import StopCondition, run_jobs, stopping_on_signals
from triage.text.plural import counted_noun


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

    Writes the run's evidence up to `results.json`, which is there however the run ends: a run that was
    interrupted or failed says so in `void`, with all that is known, and can be resumed. `executions` says
    of tests on record as flaky how many reds in a row exclude chance. Raises `TriageError` where nothing
    could be run, and `KeyboardInterrupt` on SIGINT, SIGTERM or SIGHUP.
    """
    store = RunStore(folder)
    run = _SuiteRun(suite, store, executor, world, progress)
    finished = False
    try:
        with stopping_on_signals(run.stop):
            record = run.run(durations, executions or {}, resume=resume)
        finished = not record.resumable
    except BaseException as error:
        run.write_unfinished(error)
        finished = not run.known.attempts  # a resumed run would begin anew
        if isinstance(error, OSError):
            raise disk_error(error, folder.path) from error
        raise
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
        self.order = parse_order(suite.order) if suite.order is not None else Order()
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
            elapsed=self._elapsed,
        )
        self.isolation = Isolation(self.launch, executor, self.runner, suite.isolation == "warm")
        self.finish_events: dict[Key, dict[str, Any]] = {}
        self.checkout = Checkout(why="the run ended before it was read")
        self.known = KnownOfRun()

    def run(
        self, durations: Mapping[str, float], executions: Mapping[str, int], *, resume: bool
    ) -> RunRecord:
        """From preflight to the reconciled record."""
        previous = read_previous_run(self.store, self.origins) if resume else PreviousRun()
        if resume:
            sweep_abandoned(self.suite.root)
        self._restore(previous)
        self.store.open_events()
        for (chunk, number), payload in previous.unrecorded:
            self.store.event(chunk, number, payload)
        self.store.put_json("env.json", environment.environment(self.suite, self.world.environ))
        self.checkout = environment.read_checkout(self.suite.root, self.store.folder.path)
        check_same_commit(previous, self.checkout, self.store.folder.stamp)
        collected = self._preflight()
        self._plan(collected, durations)
        self._run_chunks(collected)
        self._join_coverage()
        self._run_red_tests_again(collected, executions)
        self._look_at_red_tests(collected)
        return self._reconcile()

    # -- what the processes have in common ----------------------------------------------------

    def _launch(self) -> Launch:
        python, carry = carried(self.suite.python, self.store.scratch)
        scratch = self.store.scratch
        # processes on other machines would leave their measurements there, where nobody joins them
        coverage = str(scratch / "coverage") if self.executor.has_fork_server else None
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
            seed=self.order.seed if self.order.plugin else seed_of_run(self.store.folder.stamp),
            keep_order=self.order.kept_by,
        )

    def _command(self, chunk: str | None, keys: Sequence[Key]) -> str:
        targets = self.artifacts.targets(chunk, [nodeid for nodeid, _ in keys])
        return self.launch.shell(targets)

    def _elapsed(self) -> float:
        return self.world.monotonic() - self.started

    def _is_time_up(self) -> bool:
        limit = self.suite.limits.total_timeout
        return limit is not None and self._elapsed() > limit

    # -- preflight ----------------------------------------------------------------------------

    def _restore(self, previous: PreviousRun) -> None:
        """Take over what an earlier process of this run knew."""
        self.known.plan = previous.plan
        self.known.chunks = previous.chunks()
        self.finish_events.update(previous.finish_events)
        for folder in (self.store.scratch / "work").glob(f"{PREFLIGHT}.*"):
            shutil.rmtree(folder)  # this process collects anew, and numbers its collections alike

    def _preflight(self) -> Collected:
        self.progress.start(1, "collecting")
        scratch = self.store.scratch
        collection = Collection(self.isolation.collect, self.runner, self.isolation.has_pytest)
        try:
            collected = collection.collect()
        except TriageError as error:
            self.known.collect_errors = collection.errors
            self.store.put("preflight.log", logs_of(scratch / "work"))
            if self.stop.signal is not None:
                raise KeyboardInterrupt from error
            raise
        if self.suite.failed is not None:
            collected = only_failed(collected, self.suite.failed)
        self.known.collect_errors = collected.errors
        self.known.collect_skips = collected.skips
        self.known.deselected = collected.deselected
        self.known.notes += collected.notes
        self.known.hints += collected.hints
        facts = {
            "git": self.checkout.as_json(),
            "machine": environment.machine(self.suite.root, str(scratch)),
            "stamp": self.store.folder.stamp,
            "pytest_args": list(self.suite.pytest_args),
        }
        self.artifacts.write_preflight(collected, facts, logs_of(scratch / "work"))
        self.progress.step("collected")
        self.progress.finish()
        return collected

    # -- plan ---------------------------------------------------------------------------------

    def _plan(self, collected: Collected, durations: Mapping[str, float]) -> None:
        """Plan the run, unless an earlier process of it has planned."""
        if self.known.plan is None:
            planned = plan(
                collected.items, self.suite, durations, self._manifest(), self._listed_order(collected)
            )
            planned = planned.model_copy(update={"failed": self.suite.failed})
            self.known.plan = planned
            self.known.chunks = [
                ChunkProgress(chunk.name, keys_of(chunk.nodeids)) for chunk in planned.chunks
            ]
        planned = self.known.plan
        if planned.durations_from == "module sizes" and len(planned.chunks) > 1:
            self.known.notes.append(
                "no recorded durations: chunks are balanced by the number of tests in their modules"
            )
            self.known.notes.append(
                "a test that fails only behind tests of another chunk passes here: `triage run --chunks 1` "
                "runs all in one process, `triage hunt` looks for such tests"
            )
        self.artifacts.write_plan(planned)
        self.artifacts.write_commands(planned, [])

    def _manifest(self) -> str | None:
        if self.suite.manifest is None:
            return None
        return self._text_of(self.suite.manifest, "the chunk manifest")

    def _listed_order(self, collected: Collected) -> list[str]:
        """The names in the file of the order, where it is one; refuses a plugin that is not there."""
        order = self.order
        if order.plugin is not None:
            wanted = DISTRIBUTIONS[order.plugin]
            if wanted not in collected.begin.get("plugins", {}):
                raise UsageError(
                    "no-order-plugin",
                    f"--order {self.suite.order} needs {wanted}, which the suite's pytest has not loaded",
                    f"install {wanted}, or use random:SEED",
                )
        return listed_ids(self._text_of(order.path, "the order")) if order.path is not None else []

    def _text_of(self, name: str, what: str) -> str:
        path = Path(self.suite.root, name)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError("no-manifest", f"{what} {path} cannot be read", "name a file") from error

    # -- chunks -------------------------------------------------------------------------------

    def _run_chunks(self, collected: Collected) -> None:
        planned = self.known.plan
        assert planned is not None
        total = sum(len(chunk.nodeids) for chunk in planned.chunks)
        self.progress.start(
            total, f"running {counted_noun(total, 'test')} in {counted_noun(len(planned.chunks), 'chunk')}"
        )
        by_name = {chunk.name: chunk for chunk in self.known.chunks}

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
            raise KeyboardInterrupt

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
                    self._show_result(chunk.results[key])
            case "result":
                self._show_result(TestResult.model_validate(event["result"]))

    def _show_result(self, result: TestResult) -> None:
        failure = result.failures[0] if result.failures else None
        kind = failure.exception.removeprefix("AssertionError") if failure is not None else ""
        message = failure.message.strip().partition("\n")[0] if failure is not None else result.note or ""
        reason = f"{kind}: {message}" if kind and message else kind or message
        self.progress.step(result.nodeid, result.outcome, reason)

    # -- coverage -----------------------------------------------------------------------------

    def _join_coverage(self) -> None:
        scratch = self.store.scratch
        self.known.notes += join_coverage(
            scratch / "coverage", self.launch, self.executor, scratch / "joined", self.stop
        )

    # -- reruns -------------------------------------------------------------------------------

    def _run_red_tests_again(self, collected: Collected, executions: Mapping[str, int]) -> None:
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
            notes=self.known.notes,
        )
        reruns.run(self.known.chunks)
        if self.stop.signal is not None:
            raise KeyboardInterrupt

    # -- the traced run ------------------------------------------------------------------------

    def _look_at_red_tests(self, collected: Collected) -> None:
        """See what red tests execute; behind the reruns, by which flaky ones are known."""

        def make_request(look: dict[str, Any]) -> RequestMaker:
            return self.isolation.request_maker(collected, coverage=None, json_report=None, look=look)

        look = TracedLook(
            suite=self.suite,
            store=self.store,
            runner=self.runner,
            make_request=make_request,
            stop=self.stop,
            monotonic=self.world.monotonic,
            progress=self.progress,
            notes=self.known.notes,
        )
        look.run(self.known.chunks)
        if self.stop.signal is not None:
            raise KeyboardInterrupt

    # -- the end ------------------------------------------------------------------------------

    def _reconcile(self) -> RunRecord:
        """The record of a run that came to its end."""
        assert self.known.plan is not None
        why = "the run's time was up" if self.stop.out_of_time else "its chunk was not finished"
        self.artifacts.write_commands(self.known.plan, self.known.attempts)
        self.store.close_events()
        self.known.notes += [*self.isolation.notes, *self._restore_evidence()]

        now = environment.read_checkout(self.suite.root, self.store.folder.path)
        files = environment.changed_files(self.checkout, now)
        if files is not None:
            self.known.notes.append(files)
        void = self.known.void(why) or environment.moved_commit(self.checkout, now)
        return self._write(void, why, resumable=self.known.has_open_tests)

    def write_unfinished(self, error: BaseException) -> None:
        """Write the record of a run that ends by an error; a disk that refuses it changes nothing more."""
        reason = self._reason(error)
        with contextlib.suppress(OSError):
            if self.known.plan is not None:
                self.artifacts.write_commands(self.known.plan, self.known.attempts)
            self.store.close_events()
            self.known.notes += [*self.isolation.notes, *self._restore_evidence()]
            self._write(reason, reason, resumable=True)
        if isinstance(error, KeyboardInterrupt):
            self.progress.note(f"{reason}; go on with `triage run --resume {self.store.folder.stamp}`")

    def _reason(self, error: BaseException) -> str:
        if isinstance(error, KeyboardInterrupt):
            return f"the run was interrupted by {self.stop.signal or 'SIGINT'}"
        if isinstance(error, TriageError):
            return error.what
        if isinstance(error, OSError):
            return disk_error(error, self.store.folder.path).what
        return f"a bug in triage ended the run: {type(error).__name__}"

    def _write(self, void: str | None, why: str, *, resumable: bool) -> RunRecord:
        like = RunRecord(
            stamp=self.store.folder.stamp,
            campaign=self.store.folder.campaign,
            root=self.suite.root,
            complete=False,
            commit=self.checkout.commit,
            subject=self._subject(),
            dirty=self.checkout.dirty,
        )
        seconds = self.world.monotonic() - self.started
        record = self.known.record(void=void, why=why, resumable=resumable, like=like, seconds=seconds)
        unanswered = why_unanswered(record)
        if record.complete and unanswered is not None:
            record = record.model_copy(update={"void": unanswered, "complete": False})
        self.artifacts.write_record(record)
        return record

    def _subject(self) -> str | None:
        """What the commit says of itself; people write secrets into messages too."""
        subject = environment.subject_of(self.suite.root, self.checkout.commit)
        return self.store.folder.redact(subject) if subject is not None else None

    def _restore_evidence(self) -> list[str]:
        restored = self.store.restore_documents()
        if not restored:
            return []
        files = counted_noun(len(restored), "file")
        return [f"tests deleted or changed {files} of this run's evidence; written again"]
