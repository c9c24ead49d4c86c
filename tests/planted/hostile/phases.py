"""Suites in which phases, plugins and other tests get in each other's way."""

# ruff: noqa: E501 - the long lines are texts of suites
from __future__ import annotations

from tests.planted.hostile.api import HostileSuite


def every_phase() -> HostileSuite:
    """Setup, call and teardown failing in all combinations; expected failures; groups and causes."""
    text = """
        import threading, warnings
        import pytest
        @pytest.fixture
        def bad_setup(): raise OSError("setup")
        @pytest.fixture
        def bad_teardown():
            yield
            raise OSError("teardown")
        @pytest.fixture
        def skips(): pytest.skip("not here")
        @pytest.fixture
        def skips_late():
            yield
            pytest.skip("too late")
        def test_setup(bad_setup): pass
        def test_setup_and_teardown(bad_teardown, bad_setup): pass
        def test_teardown(bad_teardown): pass
        def test_call_and_teardown(bad_teardown): assert 0
        def test_missing(no_such_fixture): pass
        def test_skip_in_fixture(skips): pass
        def test_skip_in_teardown(skips_late): pass
        def test_skip_and_teardown(bad_teardown): pytest.skip("in the call")
        @pytest.mark.skip(reason="marked")
        def test_skip_mark(): assert 0
        @pytest.mark.xfail
        def test_xfail(): assert 0
        @pytest.mark.xfail
        def test_xpass(): pass
        @pytest.mark.xfail(strict=True)
        def test_xpass_strict(): pass
        @pytest.mark.xfail(raises=KeyError)
        def test_xfail_other(): raise ValueError
        @pytest.mark.xfail(run=False)
        def test_xfail_norun(): raise ValueError
        @pytest.mark.xfail
        def test_xfail_teardown(bad_teardown): assert 0
        @pytest.mark.xfail
        def test_xfail_setup(bad_setup): pass
        def test_imperative_xfail(): pytest.xfail("known")
        def test_group(): raise ExceptionGroup("many", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
        def test_cause():
            try: {}["k"]
            except KeyError as error: raise RuntimeError("outer") from error
        def test_context():
            try: 1 / 0
            except ZeroDivisionError: raise LookupError("while")
        def test_circle():
            a, b = ValueError("a"), ValueError("b"); a.__cause__, b.__cause__ = b, a; raise a
        def test_deep():
            def down(n): return down(n + 1)
            down(0)
        @pytest.mark.filterwarnings("error")
        def test_warning(): warnings.warn("as an error")
        @pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
        def test_thread():
            def boom(): raise ValueError("in a thread")
            t = threading.Thread(target=boom); t.start(); t.join()
        @pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
        def test_unraisable():
            class Bad:
                def __del__(self): raise ValueError("in del")
            Bad()
        def test_fail_call(): pytest.fail("said so", pytrace=False)
        class TestSetups:
            def setup_method(self): raise RuntimeError
            def test_in_class(self): pass
    """
    names = {
        "setup": "error", "setup_and_teardown": "error", "teardown": "error", "call_and_teardown": "failed",
        "missing": "error", "skip_in_fixture": "skipped", "skip_in_teardown": "passed", "skip_and_teardown": "error",
        "skip_mark": "skipped", "xfail": "xfailed", "xpass": "xpassed", "xpass_strict": "failed",
        "xfail_other": "failed", "xfail_norun": "xfailed", "xfail_teardown": "xfailed", "xfail_setup": "xfailed",
        "imperative_xfail": "xfailed", "group": "failed", "cause": "failed", "context": "failed", "circle": "failed",
        "deep": "failed", "warning": "failed", "thread": "failed", "unraisable": "failed", "fail_call": "failed",
    }  # fmt: skip
    expected = {f"test_phase.py::test_{name}": word for name, word in names.items()}
    expected["test_phase.py::TestSetups::test_in_class"] = "error"
    return HostileSuite({"test_phase.py": text}, expected)


def meddlers() -> HostileSuite:
    """Tests that change what the next ones stand on; each chunk, and what triage writes, must not care."""
    text = """
        import os, resource, shutil, signal, subprocess, sys
        from pathlib import Path
        ROOT = Path(__file__).parent
        def test_chdir(tmp_path): os.chdir(tmp_path)
        def test_environ(): os.environ.clear()
        def test_path(): sys.path.clear(); sys.modules.pop("json", None)
        def test_streams(): sys.stdout = sys.stderr = open(os.devnull, "w")
        def test_signals():
            for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGABRT): signal.signal(n, signal.SIG_IGN)
        def test_setsid():
            try: os.setsid()
            except PermissionError: pass
        def test_deletes_reports(): shutil.rmtree(ROOT / "reports", ignore_errors=True)
        def test_writes_reports():
            for folder in ("reports/t", "plans"):
                (ROOT / folder).mkdir(parents=True, exist_ok=True)
                (ROOT / folder / "intruder.txt").write_text("x")
        def test_writes_itself(): Path(__file__).write_text("def test_other(): assert 0")
        def test_limits():
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            resource.setrlimit(resource.RLIMIT_NOFILE, (20, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        def test_umask(): os.umask(0o777)
        def test_last(): pass
    """
    names = (
        "chdir", "environ", "path", "streams", "signals", "setsid", "limits", "deletes_reports", "writes_reports",
        "writes_itself", "umask", "last",
    )  # fmt: skip
    return HostileSuite(
        {"test_meddle.py": text}, {f"test_meddle.py::test_{name}": "passed" for name in names}
    )


def leavings() -> HostileSuite:
    """What one module leaves behind must not be there for the next, when each is a chunk."""
    first = """
        import os, sys, builtins, atexit, tempfile
        import shared
        def test_leaves():
            os.environ["LEFT"] = "1"; sys.path.append("/left"); builtins.left = 1; shared.STATE.append(1)
            os.chdir("/"); tempfile.tempdir = "/left"
    """
    second = """
        import os, sys, builtins, tempfile
        import shared
        def test_finds_nothing():
            assert "LEFT" not in os.environ and "/left" not in sys.path and not hasattr(builtins, "left")
            assert shared.STATE == [] and os.getcwd() != "/" and tempfile.gettempdir() != "/left"
            assert os.path.isdir(shared.HELD.name), "an exit handler of another chunk took it away"
    """
    shared = "import tempfile\nSTATE = []\nHELD = tempfile.TemporaryDirectory()\n"
    files = {"test_1.py": first, "shared.py": shared}
    files |= {f"test_{n}.py": second for n in range(2, 6)}
    expected = {"test_1.py::test_leaves": "passed"}
    expected |= {f"test_{n}.py::test_finds_nothing": "passed" for n in range(2, 6)}
    return HostileSuite(files, expected)


def raising_plugin(hook: str) -> HostileSuite:
    """A conftest whose hook raises at one of five tests."""
    hooks = {
        "logreport": "def pytest_runtest_logreport(report):\n    if 'test_2' in report.nodeid and report.when == 'call': 1 / 0\n",
        "protocol": "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_protocol(item):\n"
        "    yield\n    if item.name == 'test_2': 1 / 0\n",
        "makereport": "def pytest_runtest_makereport(item, call):\n    if item.name == 'test_2': 1 / 0\n",
    }
    files = {"conftest.py": hooks[hook], "test_p.py": "".join(f"def test_{i}(): pass\n" for i in range(5))}
    expected = {f"test_p.py::test_{i}": "passed" for i in range(5)}
    if hook != "protocol":
        expected["test_p.py::test_2"] = "crashed"
    return HostileSuite(files, expected)


SILENT = {
    "--setup-only": "",
    "a protocol that runs nothing": "def pytest_runtest_protocol(item):\n    return item.name == 'test_quiet' or None\n",
    "a loop that runs nothing": "def pytest_runtestloop(): return True\n",
}
"""Ways in which a test is planned and nothing is ever said of it, with the conftest of each."""


def silent(how: str) -> HostileSuite:
    """A test that nobody runs has not passed."""
    files = {"conftest.py": SILENT[how], "test_q.py": "def test_quiet(): pass\n"}
    if how.startswith("--"):
        files["pytest.ini"] = f"[pytest]\naddopts = {how}\n"
    return HostileSuite(files, {"test_q.py::test_quiet": "not_run"})


def cut_then_hang() -> HostileSuite:
    """A test ends the session, and then the process does not go: it is the test's crash, without a signal."""
    text = """
        import atexit, time
        def test_before(): pass
        def test_ends(): atexit.register(time.sleep, 1000); raise KeyboardInterrupt
        def test_after(): pass
    """
    expected = {"before": "passed", "ends": "crashed", "after": "passed"}
    return HostileSuite(
        {"test_cut.py": text},
        {f"test_cut.py::test_{name}": word for name, word in expected.items()},
        test_timeout=3.0,
    )


def deaths_between_fixtures() -> HostileSuite:
    """Two crashes, a hang and an exit in one module: what is left sees its module's fixtures made anew, once."""
    text = """
        import os, time
        import pytest
        MADE = []
        @pytest.fixture(scope="module")
        def made():
            MADE.append(os.getpid()); yield MADE
        @pytest.fixture
        def slow_end():
            yield
            time.sleep(1000)
        def test_1(made): assert made == [os.getpid()]
        def test_2(made): os.abort()
        def test_3(made): assert made == [os.getpid()]
        def test_4(made, slow_end): pass
        def test_5(made): assert made == [os.getpid()]
        def test_6(made): os._exit(0)
        class TestK:
            @classmethod
            def setup_class(cls): cls.x = 1
            def test_7(self): os.abort()
            def test_8(self): assert self.x == 1
    """
    outcomes = {"1": "passed", "2": "crashed", "3": "passed", "4": "timeout", "5": "passed", "6": "crashed"}
    expected = {f"test_fix.py::test_{n}": word for n, word in outcomes.items()}
    expected |= {"test_fix.py::TestK::test_7": "crashed", "test_fix.py::TestK::test_8": "passed"}
    other = "import os\ndef test_dies(): os.abort()\ndef test_goes_on(): pass\n"
    expected |= {"test_other.py::test_dies": "crashed", "test_other.py::test_goes_on": "passed"}
    return HostileSuite({"test_fix.py": text, "test_other.py": other}, expected, test_timeout=3.0)
