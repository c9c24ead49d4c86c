"""Record one session of pytest, whose tests run in this process.

One sealed line an event, flushed at once. It must never break a test: what goes wrong here is a note in the
record.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Generator, Sequence
from operator import is_
from typing import Any

import pytest

from triage.recorder import other_plugins
from triage.recorder.attachments import Attachments
from triage.recorder.exceptions import broke_capturing, exception_chain, summary_of
from triage.recorder.import_path import hints_on_root
from triage.recorder.installed import installed_versions
from triage.recorder.items import NextItem, line_of, report_of_exit
from triage.recorder.json_report import JsonReport, stand_in
from triage.recorder.left_out import is_left_out
from triage.recorder.look import Observer
from triage.recorder.modules import ModuleNotes
from triage.recorder.record_file import Writer
from triage.recorder.reports import (
    ReportSerializer,
    is_complete,
    is_of_subtest,
    last_attempt,
    outcome_of,
    skip_reason,
    without_texts,
)
from triage.recorder.select import (
    exactly,
    index_of,
    indexed,
    matching,
    numbered,
    public_id,
    public_ids,
)
from triage.recorder.settings import Settings
from triage.recorder.watchdog import Watchdog
from triage.text.redact import Redactor

_STAGES = ("setup", "call", "teardown")
_ENVELOPES = ("CollectError", "ConftestImportFailure")
"""pytest's own exceptions around what the import of a file raised."""


class Recorder:
    """Records one session; each method named `pytest_...` is a hook of pytest."""

    survives_exit = True
    """Whether `sys.exit()` in a test file is that file's error, instead of the end of the session."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is written before the session is configured."""
        self.settings = settings
        self.redact = Redactor.of(os.environ)
        self.serializer = ReportSerializer(self.redact, settings.field_chars)
        self.writer = Writer(settings.record, bytes.fromhex(settings.key))
        if settings.mode == "run" and settings.key:
            self.writer.reserve_overflow()
        self.watchdog = (
            Watchdog(settings.stacks, settings.test_timeout)
            if settings.stacks and settings.test_timeout
            else None
        )
        self.attachments = Attachments(self.serializer)
        self.json_report = JsonReport(settings.json_report, self.serializer)
        self.observer = Observer(self.serializer.deep)
        self.modules = ModuleNotes(settings.modules) if settings.modules else None
        if self.modules is not None:
            self.modules.watch()
        self.hints: list[str] = []
        """Where the suite may behave differently than here."""
        self.items: list[Any] = []
        self.ids: list[str] = []
        self.nth: list[int] | None = None
        """For each selected item: which of the items with its id it is; None where nothing was selected."""
        self.numbers: list[int] = []
        """For each item: which of the items with its id it is."""
        self.places: dict[tuple[str, int], int] | None = None
        """Of a fork server: where each item stands, by its id and number; None where items were changed."""
        self.server_items: list[Any] = []
        """In a fork: all items of the server."""
        self.position = 0
        """Index of the item that is expected to run next."""
        self.reports: list[Any] = []
        """Of the present test, all attempts."""
        self.raised: list[Any] = []
        """Of the present test, the reports of stages that raised: some plugins log them at the very end."""
        self.chains: dict[int, list[dict[str, Any]]] = {}
        """Exception chains by the `id` of the report that they belong to."""
        self.deselected = 0
        """Tests that options or plugins have taken out of the session."""
        self.exit_reason: str | None = None
        self.capture_is_broken = False

    # -- configuration ------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> Generator[None, object, object]:
        """Before other plugins act on their options."""
        self.set_options(config)
        return (yield)

    def set_options(self, config: Any) -> None:
        """Switch off what loses tests or starts a second runner; give the process what must be its own."""
        is_collecting = self.settings.mode != "run"
        keep_order = self.settings.keep_order if is_collecting else None
        self.notes = other_plugins.switch_off_options(config, keep_order)
        other_plugins.own_basetemp(config, self.settings.name)
        other_plugins.own_seed(config, self.settings.seed)
        self.json_report.enable(config, self.settings)
        if self.watchdog:
            self.watchdog.touch()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: Any) -> None:
        """Record what the session runs with, and what was switched off."""
        self.observer.load(self.settings.look, config.pluginmanager)
        other_plugins.own_cache(config, self.settings.cache_dir)
        dists = {dist.project_name: dist.version for _, dist in config.pluginmanager.list_plugin_distinfo()}
        self.writer.write(
            {
                "e": "begin",
                "pid": os.getpid(),
                "python": platform.python_version(),
                "executable": sys.executable,
                "pytest": pytest.__version__,
                "rootdir": str(config.rootpath),
                "inifile": None if config.inipath is None else str(config.inipath),
                "plugins": dists,
                "notes": self.notes,
                # a process that runs a chunk was preceded by one that collected, which told them
                "packages": {} if self.settings.mode == "run" else installed_versions(),
            }
        )

    # -- collection -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: Any) -> None:
        """After the suite's first conftest files, before pytest refuses hooks that nothing declares."""
        if self.modules is not None:
            self.modules.begin_collection()
        stand_in(session.config.pluginmanager)

    def stop_watchdog(self) -> None:
        """Stop the watchdog's timer before a fork server begins to fork."""
        if self.watchdog:
            self.watchdog.stop()

    def prepare_forks(self, session: Any) -> None:
        """Find out once, for all forks, what they need to select their items."""
        are_announced = len(session.items) == len(self.items) and all(map(is_, session.items, self.items))
        self.places = index_of(self.ids, self.numbers) if are_announced else None

    def begin_chunk(self, settings: Settings, session: Any) -> None:
        """Begin a record of its own in a child of a fork server, which runs the items of one chunk."""
        self.settings = settings
        self.writer = Writer(settings.record, bytes.fromhex(settings.key))
        self.writer.reserve_overflow()
        if settings.stacks and settings.test_timeout:
            self.watchdog = Watchdog(settings.stacks, settings.test_timeout)
        self.observer.load(settings.look, session.config.pluginmanager)
        # kept alive: to take thousands of items apart would cost a fork more than the tests it is for
        self.server_items = self.items
        self.select(session.items)
        self._change_surroundings(session)
        self.json_report.begin_chunk(session, settings)
        session.testsfailed, session.testscollected = 0, len(session.items)
        other_plugins.own_basetemp(session.config, settings.name)
        self.writer.write({"e": "begin", "pid": os.getpid(), "rootdir": str(session.config.rootpath)})
        self.announce(session.items)

    def pytest_ignore_collect(self, collection_path: Any) -> bool | None:
        """Leave out what killed an earlier collection, and files that this process has no test of."""
        path = str(collection_path)
        if is_left_out(path, self.settings):
            return True
        only = self.settings.only_files
        if only is None or path in only or not collection_path.is_file():
            return None
        if collection_path.name in ("__init__.py", "conftest.py"):
            # other files need them; None leaves the decision to pytest
            return None
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectstart(self, collector: Any) -> None:
        """Name the folder, file or class before its collection can kill the process."""
        if isinstance(collector, pytest.Session):
            return  # its collection is that of everything else
        if self.watchdog:
            self.watchdog.touch()
        nodeid = public_id(collector.nodeid, self.redact) or "."
        self.writer.write({"e": "collecting", "id": nodeid, "path": str(collector.path)})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        """Report a file that calls `sys.exit()` while it is imported as failed; the collection goes on."""
        try:
            report = yield
        except (SystemExit, KeyboardInterrupt) as error:
            if not self.survives_exit:
                raise
            report = report_of_exit(collector, error)
            self.chains[id(report)] = exception_chain(error)
        if not isinstance(collector, pytest.Session):
            self.writer.write_payload(b'{"e":"listed"}')
        return report

    def pytest_collectreport(self, report: Any) -> None:
        """Record a file or folder that did not collect, and one that was skipped as a whole."""
        nodeid = public_id(report.nodeid, self.redact) or "."
        if report.failed:
            failure = self.serializer.failure(report, self.chains.pop(id(report), None))
            self.writer.write({"e": "collect_error", "nodeid": nodeid, "failure": failure})
        elif report.skipped:
            reason = self.serializer.text(skip_reason([report]) or "")
            self.writer.write({"e": "collect_skip", "nodeid": nodeid, "reason": reason})

    def pytest_deselected(self, items: Sequence[Any]) -> None:
        """Count what `-k`, `-m` or a plugin leaves out."""
        self.deselected += len(items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> Generator[None, None, None]:
        """Select the planned items in the planned order, after every other plugin has had its say."""
        yield
        self.select(items)

    def select(self, items: list[Any]) -> None:
        """Cut `items` down to what the settings name."""
        self.nth = None
        if self.settings.exact is not None and self.places is not None:
            items[:], self.nth = indexed(items, self.places, self.settings.exact)
        elif self.settings.exact is not None:
            items[:], self.nth = exactly(items, public_ids(items, self.redact), self.settings.exact)
        elif self.settings.match is not None:
            # a name may come as it stands in the source: with its secret
            wanted = [public_id(name, self.redact) for name in self.settings.match]
            items[:] = matching(items, public_ids(items, self.redact), wanted)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool | None:
        """End the session of a process that only collects; make a fork server of one that serves."""
        if self.settings.mode != "run":
            self.writer.write({"e": "ready"})
        if self.settings.mode == "collect":
            return True
        if self.settings.mode == "serve":
            from triage.recorder.forkserver import serve

            serve(self, session)
        if self.settings.apart is not None:
            from triage.recorder.apart import run_apart

            return run_apart(self, session, self.settings.apart)
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: Any) -> None:
        """The final list of items."""
        if self.modules is not None:
            self.modules.end_collection()
        # a process that runs a chunk was preceded by one that collected, which has given the hints
        if self.settings.mode == "run":
            self._change_surroundings(session)
        else:
            self.hints = [*other_plugins.hints_on(self.notes), *hints_on_root(session.config, session.items)]
        self.announce(session.items)

    def _change_surroundings(self, session: Any) -> None:
        """Behind the collection, where the harness asks for it; loaded only then."""
        if self.settings.late is not None:
            from triage.recorder.late import change_surroundings

            change_surroundings(self.settings.late, session)
            self.nth = None  # an instrument may have added items

    def announce(self, items: list[Any]) -> None:
        """Record the list of items; from now on item i of the record is `items[i]`."""
        self.items = list(items)
        self.ids = public_ids(self.items, self.redact)
        nth = self.numbers = self.nth if self.nth is not None else numbered(self.ids)
        self.position = 0
        numbers: dict[str, int] = {}
        file_of_item = []
        for item in self.items:
            path = str(getattr(item, "path", ""))
            file_of_item.append(numbers.setdefault(path, len(numbers)))
        self.writer.write(
            {
                "e": "collected",
                "ids": self.ids,
                # left out where no two ids are equal
                "nth": nth if any(nth) else None,
                "files": list(numbers),
                "file": file_of_item,
                "lines": [line_of(item) for item in self.items],
                "deselected": self.deselected,
                "hints": self.hints,
            }
        )

    # -- one test -------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, object, object]:
        """Record the test before anything of it runs, and its outcome after everything of it has run."""
        index = self._index(item)
        self.reports, self.raised, self.chains = [], [], {}
        self.writer.write_payload(b'{"e":"start","i":%d}' % index)
        if self.watchdog:
            self.watchdog.touch()
        if index < len(self.ids):
            self.observer.begin(self.ids[index], self.numbers[index])
        try:
            result = yield
        except BaseException as error:
            self.observer.end()
            self._record_cut(index, error)
            raise
        seen = self.observer.end()
        self._record_finish(index, item, None)
        if seen is not None:
            self.writer.write({"e": "look", "i": index, **seen})
        if self.writer.is_blocked:
            item.session.shouldstop = (
                "triage: a test left no room for the record; the rest runs in a new process"
            )
        elif self.capture_is_broken:
            item.session.shouldstop = (
                "triage: a test closed what pytest writes to; the rest runs in a new process"
            )
        return result

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: Any, nextitem: Any) -> Generator[None, object, object]:
        """Record what has failed so far, and the last test's outcome before wider fixtures are torn down.

        The teardown may kill the process, and the failure before it must not be lost. Behind the last test
        the fixtures of its module and its session are torn down too; a process that dies then has not died
        of the test.
        """
        self._record_failing()
        error = self._tear_down_own_fixtures(item) if nextitem is None else None
        result = yield
        if error is not None:
            raise error
        return result

    def _record_failing(self) -> None:
        """Record failures of setup and call while the test's teardown is still to come."""
        failed = [report for report in self.reports if report.failed]
        logged = {id(report) for report in failed}
        failed += [report for report in self.raised if report.failed and id(report) not in logged]
        self.raised = []
        if not failed or not self.writer.mine:
            return
        try:
            event = {
                "e": "failing",
                "i": max(self.position - 1, 0),
                "failures": self._failures(failed),
            }
        except BaseException:
            # texts that cannot be read: `finish` says so, if the teardown lets it come to that
            return
        self.writer.write(event)

    def _tear_down_own_fixtures(self, item: Any) -> BaseException | None:
        """Tear down what is the item's alone and record the outcome so far; return what was raised."""
        state = getattr(item.session, "_setupstate", None)
        if state is None or not hasattr(state, "teardown_exact") or item not in getattr(state, "stack", ()):
            return None
        try:
            state.teardown_exact(NextItem(item))
        except (Exception, pytest.skip.Exception) as problem:
            return problem
        if self.writer.mine:
            reports, _ = last_attempt(self.reports)
            self.writer.write(
                {
                    "e": "ran",
                    "i": max(self.position - 1, 0),
                    "outcome": outcome_of(reports),
                    "stages": self.serializer.stages(reports),
                    "failures": [self._failure(report) for report in reports if report.failed],
                }
            )
        return None

    def _failure(self, report: Any) -> dict[str, Any]:
        return self.serializer.failure(report, self.chains.get(id(report)))

    def _index(self, item: Any) -> int:
        """The number of an item in the record: the expected one, but where a plugin changed the order."""
        position = self.position
        if position >= len(self.items) or self.items[position] is not item:
            for number, known in enumerate(self.items):
                if known is item:
                    position = number
                    break
        self.position = position + 1
        return position

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep the report until the test is over."""
        self.reports.append(report)

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        """Take the exception apart while it is at hand; called for failures, not for skips."""
        if self.watchdog:
            # pytest's faulthandler plugin cancels the timer in this hook
            self.watchdog.forget()
        self.raised.append(report)
        error = call.excinfo.value
        try:
            if type(error).__name__ in _ENVELOPES and error.__cause__ is not None:
                error = error.__cause__
            if broke_capturing(error):
                self.capture_is_broken = True
            self.chains[id(report)] = exception_chain(error)
        except BaseException as problem:
            self.writer.write(
                {"e": "note", "text": f"an exception could not be taken apart: {type(problem).__name__}"}
            )

    def _record_cut(self, index: int, error: BaseException) -> None:
        """Record a test that ended the session: `pytest.exit`, a keyboard interrupt, a plugin that raised."""
        if is_complete(self.reports):
            item = self.items[index] if index < len(self.items) else None
            self._record_finish(index, item, f"a plugin raised {summary_of(error)}")
            return
        if self.settings.mode == "run" and not self.writer.mine:
            return
        text = self.serializer.text(summary_of(error))
        chain = self.serializer.deep(exception_chain(error))
        self.writer.write({"e": "cut", "i": index, "how": type(error).__name__, "what": text, "chain": chain})

    def _record_finish(self, index: int, item: Any, note: str | None) -> None:
        """Record the outcome of a test; where its reports cannot be read, the outcome alone."""
        try:
            payload = self._plain_pass(index) if note is None else None
            if payload is not None:
                self.writer.write_payload(payload)
            else:
                self.writer.write(self._finish_event(index, item, note))
        except BaseException as problem:
            note = f"details lost: {type(problem).__name__}"
            self.writer.write({"e": "finish", "i": index, **without_texts(self.reports), "note": note})

    def _plain_pass(self, index: int) -> bytes | None:
        """The event of a test that passed and printed nothing, without a serializer; None for any other.

        Most tests are such, so this is what recording costs.
        """
        if len(self.reports) != len(_STAGES):
            return None
        durations = []
        for report, stage in zip(self.reports, _STAGES, strict=True):
            if report.outcome != "passed" or report.when != stage:
                return None
            if report.sections or report.user_properties:
                return None
            if hasattr(report, "wasxfail") or hasattr(report, "context"):
                return None
            durations.append(report.duration)
        return b'{"e":"finish","i":%d,"outcome":"passed","d":[%.6f,%.6f,%.6f]}' % (index, *durations)

    def _finish_event(self, index: int, item: Any, note: str | None) -> dict[str, Any]:
        """The event of any test, with all that its reports say."""
        reports, reruns = last_attempt(self.reports)
        event: dict[str, Any] = {
            "e": "finish",
            "i": index,
            "outcome": outcome_of(reports),
            "stages": self.serializer.stages(reports),
            "failures": self._failures(reports),
        }
        reason = skip_reason(reports)
        if reason:
            event["reason"] = self.serializer.text(reason)
        # each stage's report has all properties so far
        properties = [list(pair) for r in reports if r.when == "teardown" for pair in r.user_properties]
        if properties:
            event["properties"] = self.serializer.deep(properties)
            root = str(item.config.rootpath) if item is not None else "."
            attached = self.attachments.of(properties, root)
            if attached:
                event["attachments"] = attached
        if item is not None:
            event["keywords"] = self.serializer.deep(list(item.keywords))
        if reruns:
            event["reruns"] = reruns
        if event["outcome"] == "not_run":
            note = note or "nothing reported that it was called: an option or a plugin took its place"
        if note:
            event["note"] = self.serializer.text(note)
        return event

    def _failures(self, reports: Sequence[Any]) -> list[dict[str, Any]]:
        failed = [report for report in reports if report.failed]
        if any(is_of_subtest(report) for report in failed):
            # pytest's own line that subtests failed, beside their failures: nothing was raised there
            failed = [report for report in failed if is_of_subtest(report) or id(report) in self.chains]
        return [self._failure(report) for report in failed]

    # -- the end --------------------------------------------------------------------------------

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Remember why the session ends early."""
        self.exit_reason = self.serializer.text(summary_of(excinfo.value))

    def pytest_internalerror(self, excrepr: Any, excinfo: Any) -> None:
        """Record that a plugin raised where none may."""
        self.exit_reason = self.serializer.text(f"INTERNALERROR: {summary_of(excinfo.value)}")
        self.writer.write(
            {"e": "note", "text": self.exit_reason, "detail": self.serializer.text(str(excrepr))}
        )

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """Write the document that pytest-json-report has made."""
        if self.writer.mine:
            self.json_report.write(json_report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: Any) -> Generator[None, None, None]:
        """Record the end, after every other plugin has finished."""
        if self.watchdog:
            self.watchdog.touch()
        if self.modules is not None:
            self.modules.end_tests()
        yield
        if self.modules is not None:
            self.modules.end_session()
        self.writer.write({"e": "end", "exitcode": int(session.exitstatus), "reason": self.exit_reason})
