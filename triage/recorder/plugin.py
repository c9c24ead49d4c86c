"""The plugin inside the process under test: `-p triage.recorder.plugin`.

Without settings in the environment it does nothing. With them it writes the record, one sealed line
an event, flushed at once. It must never break a test: what goes wrong here is a note in the record.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Generator
from typing import Any

import pytest

from triage.recorder import other_plugins
from triage.recorder.exceptions import exception_chain
from triage.recorder.json_report import JsonReport, block_unless_wanted, stand_in
from triage.recorder.record_file import Writer
from triage.recorder.reports import (
    NextItem,
    ReportSerializer,
    bare,
    is_complete,
    last_attempt,
    left_while_collecting,
    line_of,
    lost_streams,
    named,
    only_counts,
    outcome_of,
    packages,
    skip_reason,
)
from triage.recorder.select import exactly, matching, numbered, public_id, public_ids
from triage.recorder.settings import Settings, take_settings
from triage.recorder.watchdog import Watchdog
from triage.text.redact import Redactor

_NAME = "triage-recorder"
_SETTINGS = take_settings()


class Recorder:
    """Hooks of one session."""

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
        self.json_report = JsonReport(settings.json_report, self.serializer)
        self.items: list[Any] = []
        self.ids: list[str] = []
        self.nth: list[int] | None = None
        self.position = 0
        self.reports: list[Any] = []
        self.chains: dict[int, list[dict[str, Any]]] = {}
        self.exit_reason: str | None = None
        self.damaged = False

    # -- configuration ------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> Generator[None, object, object]:
        """Before other plugins act on their options."""
        self.notes = other_plugins.switch_off_options(config)
        other_plugins.own_basetemp(config, self.settings.name)
        other_plugins.own_seed(config, self.settings.seed)
        self.json_report.enable(config, self.settings)
        if self.watchdog:
            self.watchdog.touch()
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: Any) -> None:
        """The session's frame: where, with what, what was switched off."""
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
                "packages": {} if self.settings.mode == "run" else packages(),
            }
        )

    # -- collection -----------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: Any) -> None:
        """After the suite's first conftest files, before pytest refuses hooks that nothing declares."""
        stand_in(session.config.pluginmanager)

    def rest(self) -> None:
        """Before a fork server serves: no timer of ours may run while it forks."""
        if self.watchdog:
            self.watchdog.stop()

    def begin_chunk(self, settings: Settings, session: Any) -> None:
        """In a child of a fork server: a record of its own, and only the items of its chunk."""
        self.settings = settings
        self.writer = Writer(settings.record, bytes.fromhex(settings.key))
        self.writer.reserve_overflow()
        if settings.stacks and settings.test_timeout:
            self.watchdog = Watchdog(settings.stacks, settings.test_timeout)
        self.select(session.items)
        self.json_report.begin_chunk(session, settings)
        session.testsfailed, session.testscollected = 0, len(session.items)
        other_plugins.own_basetemp(session.config, settings.name)
        self.writer.write({"e": "begin", "pid": os.getpid(), "rootdir": str(session.config.rootpath)})
        self.announce(session.items)

    def pytest_ignore_collect(self, collection_path: Any) -> bool | None:
        """Leave out what killed an earlier collection, and files that this process has no test of."""
        path = str(collection_path)
        if path in self.settings.ignore:
            return True
        only = self.settings.only_files
        if only is not None and collection_path.is_file() and path not in only:
            return collection_path.name not in ("__init__.py", "conftest.py") or None
        return None

    def pytest_collectstart(self, collector: Any) -> None:
        """Name the file before its import can kill the process."""
        if isinstance(collector, pytest.File):
            if self.watchdog:
                self.watchdog.touch()
            path = str(collector.path)
            self.writer.write(
                {"e": "collecting", "path": path, "id": public_id(collector.nodeid, self.redact)}
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        """A file that leaves while it is imported (`sys.exit()`) costs itself, and not the collection."""
        try:
            return (yield)
        except (SystemExit, KeyboardInterrupt) as error:
            report = left_while_collecting(collector, error)
            self.chains[id(report)] = exception_chain(error)
            return report

    def pytest_collectreport(self, report: Any) -> None:
        """A file or folder that did not collect; a skipped module is no error."""
        if not report.failed:
            return
        failure = self.serializer.failure(report, self.chains.pop(id(report), None))
        nodeid = public_id(report.nodeid, self.redact) or "."
        self.writer.write({"e": "collect_error", "nodeid": nodeid, "failure": failure})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> Generator[None, None, None]:
        """After every other plugin: exactly the planned items, in the planned order."""
        yield
        self.select(items)

    def select(self, items: list[Any]) -> None:
        """Cut `items` down to what the settings name."""
        self.nth = None
        if self.settings.exact is not None:
            items[:], self.nth = exactly(items, public_ids(items, self.redact), self.settings.exact)
        elif self.settings.match is not None:
            items[:] = matching(items, public_ids(items, self.redact), self.settings.match)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool | None:
        """A process that only collects, or that serves, runs nothing itself."""
        if self.settings.mode != "run":
            self.writer.write({"e": "ready"})
        if self.settings.mode == "collect":
            return True
        if self.settings.mode == "serve":
            from triage.recorder.forkserver import serve

            serve(self, session)
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: Any) -> None:
        """The final list of items."""
        self.announce(session.items)

    def announce(self, items: list[Any]) -> None:
        """From now on item i of the record is `items[i]`."""
        self.items = list(items)
        self.ids = public_ids(self.items, self.redact)
        nth = self.nth if self.nth is not None else numbered(self.ids)
        self.position = 0
        files: list[str] = []
        numbers: dict[str, int] = {}
        for item in self.items:
            path = str(getattr(item, "path", ""))
            if path not in numbers:
                numbers[path] = len(files)
                files.append(path)
        self.writer.write(
            {
                "e": "collected",
                "ids": self.ids,
                "nth": nth if any(nth) else None,
                "files": files,
                "file": [numbers[str(getattr(item, "path", ""))] for item in self.items],
                "lines": [line_of(item) for item in self.items],
            }
        )

    # -- one test -------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, object, object]:
        """Outermost: names the test before anything of it runs, and its outcome after everything has."""
        index = self._index(item)
        self.reports, self.chains = [], {}
        self.writer.write_payload(b'{"e":"start","i":%d}' % index)
        if self.watchdog:
            self.watchdog.touch()
        try:
            result = yield
        except BaseException as error:
            self._cut(index, error)
            raise
        self._finish(index, item, None)
        if self.writer.is_blocked:
            item.session.shouldstop = (
                "triage: a test left no room for the record; the rest runs in a new process"
            )
        elif self.damaged:
            item.session.shouldstop = (
                "triage: a test closed what pytest writes to; the rest runs in a new process"
            )
        return result

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: Any, nextitem: Any) -> Generator[None, object, object]:
        """Behind the last test the suite's wider fixtures are torn down: a death there is not the test's."""
        error = self._own_teardown(item) if nextitem is None else None
        result = yield
        if error is not None:
            raise error
        return result

    def _own_teardown(self, item: Any) -> BaseException | None:
        """Tear down what is the item's alone, then record the outcome that it has so far."""
        state = getattr(item.session, "_setupstate", None)
        if state is None or not hasattr(state, "teardown_exact") or item not in getattr(state, "stack", ()):
            return None
        try:
            state.teardown_exact(NextItem(item))
        except (Exception, pytest.skip.Exception) as problem:
            return problem
        reports, _ = last_attempt(self.reports)
        if self.writer.mine:
            failed = [self.serializer.failure(r, self.chains.get(id(r))) for r in reports if r.failed]
            stages = {r.when: self.serializer.stage(r) for r in reports if not hasattr(r, "context")}
            known = {"outcome": outcome_of(reports), "stages": stages, "failures": failed}
            self.writer.write({"e": "ran", "i": max(self.position - 1, 0), **known})
        return None

    def _index(self, item: Any) -> int:
        position = self.position
        if position >= len(self.items) or self.items[position] is not item:
            position = next((i for i, known in enumerate(self.items) if known is item), position)
        self.position = position + 1
        return position

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Supervised until the test is over."""
        self.reports.append(report)

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        """Called for real failures only: the place where the exception itself is at hand."""
        if self.watchdog:
            self.watchdog.forget()
        error = call.excinfo.value
        try:
            if type(error).__name__ == "CollectError" and error.__cause__ is not None:
                error = error.__cause__  # pytest's envelope around what the import raised
            self.damaged |= lost_streams(error)
            self.chains[id(report)] = exception_chain(error)
        except BaseException as problem:
            self.writer.write(
                {"e": "note", "text": f"an exception could not be taken apart: {type(problem).__name__}"}
            )

    def _cut(self, index: int, error: BaseException) -> None:
        """The test ended the session: `pytest.exit`, a keyboard interrupt, a plugin that raised."""
        if is_complete(self.reports):
            self._finish(
                index,
                self.items[index] if index < len(self.items) else None,
                f"a plugin raised {named(error)}",
            )
            return
        if self.settings.mode == "run" and not self.writer.mine:
            return
        text = self.serializer.text(named(error))
        chain = self.serializer.deep(exception_chain(error))
        self.writer.write({"e": "cut", "i": index, "how": type(error).__name__, "what": text, "chain": chain})

    def _finish(self, index: int, item: Any, note: str | None) -> None:
        try:
            self.writer.write_payload(plain) if (plain := self._plain(index, note)) else self._full(
                index, item, note
            )
        except BaseException as problem:
            note = f"details lost: {type(problem).__name__}"
            self.writer.write({"e": "finish", "i": index, **bare(self.reports), "note": note})

    def _plain(self, index: int, note: str | None) -> bytes | None:
        """The usual test (passed, printed nothing) without the general machinery: what most tests cost."""
        if note is not None or len(self.reports) != 3:
            return None
        times = []
        for report, when in zip(self.reports, ("setup", "call", "teardown"), strict=True):
            if report.outcome != "passed" or report.when != when or report.sections or report.user_properties:
                return None
            if hasattr(report, "wasxfail") or hasattr(report, "context"):
                return None
            times.append(report.duration)
        return b'{"e":"finish","i":%d,"outcome":"passed","d":[%.6f,%.6f,%.6f]}' % (index, *times)

    def _full(self, index: int, item: Any, note: str | None) -> None:
        reports, reruns = last_attempt(self.reports)
        event: dict[str, Any] = {"e": "finish", "i": index, "outcome": outcome_of(reports)}
        event["stages"] = {r.when: self.serializer.stage(r) for r in reports if not hasattr(r, "context")}
        failed = [r for r in reports if r.failed]
        subtests = any(hasattr(r, "context") for r in failed)
        event["failures"] = [
            self.serializer.failure(r, self.chains.get(id(r)))
            for r in failed
            if not (subtests and only_counts(r))
        ]
        reason = skip_reason(reports)
        if reason:
            event["reason"] = self.serializer.text(reason)
        properties = [list(pair) for r in reports if r.when == "teardown" for pair in r.user_properties]
        if properties:
            event["properties"] = self.serializer.deep(properties)
        if item is not None:
            event["keywords"] = self.serializer.deep(list(item.keywords))
        if reruns:
            event["reruns"] = reruns
        if event["outcome"] == "not_run":
            note = note or "nothing reported that it was called: an option or a plugin took its place"
        if note:
            event["note"] = self.serializer.text(note)
        self.writer.write(event)

    # -- the end --------------------------------------------------------------------------------

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Why the session ends early."""
        self.exit_reason = self.serializer.text(named(excinfo.value))

    def pytest_internalerror(self, excrepr: Any, excinfo: Any) -> None:
        """A plugin raised where nothing may raise."""
        self.exit_reason = self.serializer.text(f"INTERNALERROR: {named(excinfo.value)}")
        self.writer.write(
            {"e": "note", "text": self.exit_reason, "detail": self.serializer.text(str(excrepr))}
        )

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """pytest-json-report has made its document."""
        if self.writer.mine:
            self.json_report.write(json_report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: Any) -> Generator[None, None, None]:
        """After every other plugin has finished."""
        if self.watchdog:
            self.watchdog.touch()
        yield
        self.writer.write({"e": "end", "exitcode": int(session.exitstatus), "reason": self.exit_reason})


class _Early:
    """Hooks that run while pytest still reads its options."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Generator[None, object, object]:
        """Before pytest-cov starts to measure."""
        with other_plugins.early(early_config, _SETTINGS.coverage if _SETTINGS else None):
            return (yield)


def pytest_addoption(parser: Any, pluginmanager: Any) -> None:
    """Called as soon as `-p` has loaded this module: the first moment to register hooks."""
    if _SETTINGS is not None and not pluginmanager.has_plugin(_NAME):
        pluginmanager.register(_Early(), _NAME + "-early")
        pluginmanager.register(Recorder(_SETTINGS), _NAME)
        block_unless_wanted(pluginmanager, _SETTINGS)
