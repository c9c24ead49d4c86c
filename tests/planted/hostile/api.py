"""Suites that try to get lost: each with the one outcome that every test of it must have.

The makers here are what the runner is tested with, and what anybody's own executor can be tested with.
"""

# ruff: noqa: E501 - the long lines are texts of suites
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent


@dataclass(frozen=True)
class HostileSuite:
    """Files, and what must come out of running them."""

    files: Mapping[str, str]
    expected: Mapping[str, str]
    """Outcome by node id; no test more, no test fewer."""
    collect_errors: Mapping[str, str] = field(default_factory=dict)
    test_timeout: float = 20.0

    def write(self, root: Path) -> Path:
        """Make the suite beneath `root`."""
        for name, text in self.files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8", errors="surrogateescape")
        return root


DEATHS = {
    "segv": "import ctypes; ctypes.string_at(0)",
    "abort": "os.abort()",
    "exit_zero": "os._exit(0)",
    "exit_three": "os._exit(3)",
    "kill_self": "os.kill(os.getpid(), signal.SIGKILL)",
    "term_self": "signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGTERM)",
    # of 256 KiB: from Python 3.12 on, C functions may recurse ten thousand times, which eight MiB can hold
    "stack": "resource.setrlimit(resource.RLIMIT_STACK, (1 << 18, resource.getrlimit(resource.RLIMIT_STACK)[1]))\n"
    "    sys.setrecursionlimit(10**9); x = []\n    for _ in range(10**6): x = [x]\n    repr(x)",
    "pytest_exit": "pytest.exit('enough', returncode=7)",
    "interrupt": "raise KeyboardInterrupt",
    "exit_in_thread": "t = threading.Thread(target=lambda: os._exit(9)); t.start(); t.join()",
}
DEATH_SIGNS = {
    "segv": ("SIGSEGV", None),
    "abort": ("SIGABRT", None),
    "exit_zero": (None, 0),
    "exit_three": (None, 3),
    "kill_self": ("SIGKILL", None),
    "term_self": ("SIGTERM", None),
    "stack": ("SIGSEGV", None),
    "pytest_exit": (None, 7),
    "interrupt": (None, 2),
    "exit_in_thread": (None, 9),
}
"""Signal and exit code of each death."""
_IMPORTS = "import os, resource, signal, sys, threading, time\nimport pytest\n"


def every_death() -> HostileSuite:
    """Each way to die between two tests that pass."""
    body = [_IMPORTS]
    expected: dict[str, str] = {}
    for name, code in DEATHS.items():
        body.append(f"def test_before_{name}(): pass\ndef test_{name}():\n    {code}\n")
        expected |= {
            f"test_deaths.py::test_before_{name}": "passed",
            f"test_deaths.py::test_{name}": "crashed",
        }
    body.append("def test_last(): pass\n")
    expected["test_deaths.py::test_last"] = "passed"
    return HostileSuite({"test_deaths.py": "".join(body)}, expected)


def death_in_place(place: str) -> HostileSuite:
    """`first`, `middle`, `last` of a file, or `twice` in a row."""
    numbers = {"first": (0,), "middle": (2,), "last": (4,), "twice": (1, 2)}[place]
    lines = [f"def test_{i}(): " + ("os.abort()" if i in numbers else "pass") for i in range(5)]
    expected = {f"test_place.py::test_{i}": "crashed" if i in numbers else "passed" for i in range(5)}
    return HostileSuite({"test_place.py": "import os\n" + "\n".join(lines) + "\n"}, expected)


def death_in_fixtures() -> HostileSuite:
    """A session fixture that kills whoever asks for it, and exits where pytest expects failures."""
    text = """
        import os, sys, threading, pytest
        @pytest.fixture(scope="session")
        def deadly(): os._exit(5)
        @pytest.fixture
        def leaving(): sys.exit(3)
        @pytest.fixture
        def dying_later():
            yield
            os.abort()
        def test_before(): pass
        def test_one(deadly): pass
        def test_between(): pass
        def test_two(deadly): pass
        def test_leaving(leaving): pass
        def test_exits(): sys.exit(4)
        def test_thread_exits():
            t = threading.Thread(target=sys.exit); t.start(); t.join()
        def test_dying_later(dying_later): pass
        def test_after(): pass
    """
    names = {
        "before": "passed", "one": "crashed", "between": "passed", "two": "crashed", "leaving": "error",
        "exits": "failed", "thread_exits": "passed", "dying_later": "crashed", "after": "passed",
    }  # fmt: skip
    return HostileSuite(
        {"test_fix.py": text}, {f"test_fix.py::test_{name}": outcome for name, outcome in names.items()}
    )


def death_at_import() -> HostileSuite:
    """Files that kill the collection, hang it, leave it, or raise, and one that is fine."""
    return HostileSuite(
        {
            "test_a_kills.py": "import os\nos.abort()\ndef test_never(): pass\n",
            "test_b_fine.py": "def test_fine(): pass\n",
            "test_c_hangs.py": "import time\nwhile True: time.sleep(0.1)\n",
            "test_d_raises.py": "import no_such_module_anywhere\n",
            "test_e_syntax.py": "def test_x(:\n",
            "sub/conftest.py": "1 / 0\n",
            "sub/test_f.py": "def test_f(): pass\n",
            "test_g_leaves.py": "import sys\nsys.exit(0)\n",
            "test_h_interrupts.py": "raise KeyboardInterrupt\n",
            "leaving/conftest.py": "raise SystemExit\n",
            "leaving/test_i.py": "def test_i(): pass\n",
        },
        {"test_b_fine.py::test_fine": "passed"},
        collect_errors={
            "test_a_kills.py": "crashed",
            "test_c_hangs.py": "timeout",
            "test_d_raises.py": "error",
            "test_e_syntax.py": "error",
            "sub": "error",
            "test_g_leaves.py": "error",
            "test_h_interrupts.py": "error",
            "leaving": "error",
        },
        test_timeout=3.0,
    )


def death_after_the_last(how: str) -> HostileSuite:
    """All tests are done when it happens: in a `session` fixture's teardown, at interpreter `exit`."""
    texts = {
        "session": """
            import os, pytest
            @pytest.fixture(scope="session", autouse=True)
            def tidy():
                yield
                os.abort()
        """,
        "exit": """
            import atexit, os
            def test_zero(): atexit.register(os.abort)
        """,
        "unconfigure": "import os\n",
    }
    files = {"test_end.py": dedent(texts[how]) + "\ndef test_one(): pass\ndef test_two(): assert 0\n"}
    if how == "unconfigure":
        files["conftest.py"] = "import os\ndef pytest_sessionfinish(): os._exit(0)\n"
    expected = {"test_end.py::test_one": "passed", "test_end.py::test_two": "failed"}
    if how == "exit":
        expected = {"test_end.py::test_zero": "passed", **expected}
    return HostileSuite(files, expected)


def every_hang() -> HostileSuite:
    """Each way not to come back, with a test behind it that must still run."""
    text = """
        import ctypes, os, signal, socket, subprocess, sys, threading, time
        import pytest
        def test_loop():
            while True: pass
        def test_between_1(): pass
        def test_stubborn():
            while True:
                try:
                    while True: time.sleep(0.01)
                except BaseException: pass
        def test_in_c_with_the_gil(): ctypes.PyDLL(None).sleep(1000)
        def test_deaf():
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            while True: time.sleep(0.1)
        def test_masked():
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            while True: time.sleep(0.1)
        def test_between_2(): pass
        def waits_beside(): time.sleep(1000)
        def test_two_threads():
            threads = [threading.Thread(target=waits_beside) for _ in range(2)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        @pytest.fixture(scope="session")
        def stuck(): time.sleep(1000)
        def test_stuck(stuck): pass
        def test_last(): pass
    """
    hanging = ("loop", "stubborn", "in_c_with_the_gil", "deaf", "masked", "two_threads", "stuck")
    expected = {f"test_hangs.py::test_{name}": "timeout" for name in hanging}
    expected |= {f"test_hangs.py::test_{name}": "passed" for name in ("between_1", "between_2", "last")}
    return HostileSuite({"test_hangs.py": text}, expected, test_timeout=1.5)


def hang_at_exit(how: str) -> HostileSuite:
    """Outcomes are known, the process does not go: a `thread`, an `atexit` handler, a `session` fixture."""
    ends = {
        "thread": "def test_zero(): threading.Thread(target=time.sleep, args=(1000,)).start()\n",
        "atexit": "def test_zero(): atexit.register(time.sleep, 1000)\n",
        "session": "@pytest.fixture(scope='session', autouse=True)\ndef slow():\n    yield\n    time.sleep(1000)\ndef test_zero(): pass\n",
    }
    text = f"import atexit, threading, time\nimport pytest\n{ends[how]}def test_one(): assert 0\n"
    expected = {"test_exit.py::test_zero": "passed", "test_exit.py::test_one": "failed"}
    return HostileSuite({"test_exit.py": text}, expected, test_timeout=1.5)


def offspring(pids: Path) -> HostileSuite:
    """Tests that leave processes behind: a child, a grandchild in its own session, a daemon; all hold the pipes."""
    text = f"""
        import os, subprocess, sys, time
        PIDS = {str(pids)!r}
        NAP = "import os, time; open({str(pids)!r}, 'a').write(str(os.getpid()) + chr(10)); time.sleep(1000)"
        def test_child(): subprocess.Popen([sys.executable, "-c", NAP])
        def test_session(): subprocess.Popen([sys.executable, "-c", NAP], start_new_session=True)
        def test_daemon():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    open(PIDS, "a").write(str(os.getpid()) + chr(10))
                    os.environ.clear()
                    time.sleep(1000)
                os._exit(0)
        def test_fork_that_goes_on(): os.fork()
        def test_hang(): time.sleep(1000)
        def test_last(): time.sleep(0.5)
    """
    names = ("child", "session", "daemon", "fork_that_goes_on", "last")
    expected = {f"test_kids.py::test_{name}": "passed" for name in names}
    expected["test_kids.py::test_hang"] = "timeout"
    return HostileSuite({"test_kids.py": text}, expected, test_timeout=2.0)


def parricide() -> HostileSuite:
    """A test that kills the process that keeps it, so that nobody can say how it ended."""
    text = """
        import os, signal, time
        def test_before(): pass
        def test_kills_parent():
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(30)
        def test_after(): pass
    """
    expected = {"before": "passed", "kills_parent": "crashed", "after": "passed"}
    return HostileSuite(
        {"test_pa.py": text}, {f"test_pa.py::test_{name}": word for name, word in expected.items()}
    )
