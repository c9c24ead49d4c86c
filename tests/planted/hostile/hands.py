"""Suites that lay hands on what they run in: modules, limits, streams, signals, parents, files of the run."""

# ruff: noqa: E501 - the long lines are texts of suites
from __future__ import annotations

from tests.planted.hostile.api import HostileSuite

_IMPORTS = """
import atexit, builtins, ctypes, faulthandler, gc, glob, hashlib, json, os, pathlib, resource, shutil, signal
import subprocess, sys, tempfile, threading, time
from pathlib import Path
import pytest
ROOT = Path(__file__).parent
def no(*args, **more): raise RuntimeError("broken by an earlier test")
"""


def _suite(name: str, body: str, outcomes: dict[str, str], test_timeout: float = 20.0) -> HostileSuite:
    expected = {f"{name}.py::test_{test}": outcome for test, outcome in outcomes.items()}
    return HostileSuite({f"{name}.py": _IMPORTS + body}, expected, test_timeout=test_timeout)


def patched_modules() -> HostileSuite:
    """Functions that the recorder needs, replaced and left so: what plain pytest survives is no loss."""
    body = """
def test_clock(): time.time = time.monotonic = time.perf_counter = lambda: 0.0
def test_red_1(): assert 0
def test_environ(): os.environ = {}
def test_files(): builtins.open = os.open = no
def test_red_2(): assert 0
def test_json(): json.dumps = json.loads = json.JSONEncoder = no
def test_red_3(): assert 0
def test_process(): os.write = os.getpid = no
def test_red_4(): assert 0
def test_threads(): threading.Thread = threading.Lock = threading.enumerate = None
def test_hash(): hashlib.blake2b = no
def test_rest(): gc.disable(); sys.excepthook = sys.unraisablehook = threading.excepthook = None
def test_red_5(): assert 0
def test_last(): pass
"""
    green = ("clock", "environ", "files", "json", "process", "threads", "hash", "rest", "last")
    red = {f"red_{n}": "failed" for n in range(1, 6)}
    return _suite("test_patch", body, {**dict.fromkeys(green, "passed"), **red})


_DROP_RIGHTS = """
def drop_rights():
    # without these even root cannot lift a hard limit again
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
"""


def starved() -> HostileSuite:
    """Limits that a test lowers for good: no file may grow, none may be opened."""
    body = (
        _DROP_RIGHTS
        + """
def test_no_growth_and_a_deadly_signal():
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
def test_red_1(): assert 0
def test_never_any_growth(): drop_rights(); resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
def test_red_2(): assert 0
def test_no_files(): drop_rights(); resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
def test_red_3(): assert 0
def test_no_processes(): drop_rights(); resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
def test_cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    while True: pass
def test_memory():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    bytearray(1 << 31)
def test_last(): pass
"""
    )
    green = ("no_growth_and_a_deadly_signal", "never_any_growth", "no_files", "no_processes", "last")
    red = ("red_1", "red_2", "red_3", "memory")
    outcomes = dict.fromkeys(green, "passed") | dict.fromkeys(red, "failed") | {"cpu": "crashed"}
    return _suite("test_limits", body, outcomes)


def signals_around() -> HostileSuite:
    """Signals to the process above, to the own group, to itself; alarms; everything ignored."""
    body = """
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGCHLD", "SIGPIPE", "SIGALRM"])
def test_parent(name): os.kill(os.getppid(), getattr(signal, name)); time.sleep(0.05)
def test_group():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
def test_group_dies(): os.killpg(0, signal.SIGKILL)
def test_stops_parent(): os.kill(os.getppid(), signal.SIGSTOP)
def test_after(): pass
def test_alarm(): signal.signal(signal.SIGALRM, signal.SIG_DFL); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(5)
def test_handlers_go():
    faulthandler.disable(); faulthandler.cancel_dump_traceback_later()
    for number in signal.valid_signals():
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
def test_last(): assert 0
"""
    names = ("TERM", "INT", "HUP", "QUIT", "USR1", "CHLD", "PIPE", "ALRM")
    outcomes = {f"parent[SIG{name}]": "passed" for name in names}
    outcomes |= {"group": "passed", "group_dies": "crashed", "stops_parent": "passed", "after": "passed"}
    outcomes |= {"alarm": "crashed", "handlers_go": "passed", "last": "failed"}
    return _suite("test_signals", body, outcomes)


def stopped() -> HostileSuite:
    """Whoever is stopped hangs; one that stopped its supervisor hangs all the same."""
    body = """
def test_stops(): os.kill(os.getpid(), signal.SIGSTOP)
def test_between(): pass
def test_stops_parent_and_hangs(): os.kill(os.getppid(), signal.SIGSTOP); time.sleep(1000)
def test_last(): pass
"""
    outcomes = {
        "stops": "timeout",
        "between": "passed",
        "stops_parent_and_hangs": "timeout",
        "last": "passed",
    }
    return _suite("test_stop", body, outcomes, test_timeout=4.0)


def forks() -> HostileSuite:
    """Processes that come back from a test twice, or that end in its place."""
    body = """
import multiprocessing
def twice(n): return 2 * n
def forever(): time.sleep(1000)
def test_both_come_back(): os.fork()
def test_child_is_red():
    if os.fork() == 0: assert 0
def test_child_leaves():
    if os.fork() == 0: sys.exit(0)
def test_child_ends_the_session():
    if os.fork() == 0: pytest.exit("child")
def test_many():
    for _ in range(3): os.fork()
def test_parent_ends():
    if os.fork(): os._exit(0)
@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_pool(how):
    with multiprocessing.get_context(how).Pool(2) as pool: assert pool.map(twice, [1, 2]) == [2, 4]
def test_left_behind(): multiprocessing.get_context("spawn").Process(target=forever, daemon=True).start()
def test_red(): assert 0
def test_last(): pass
"""
    green = (
        "both_come_back",
        "child_is_red",
        "child_leaves",
        "child_ends_the_session",
        "many",
        "left_behind",
        "last",
    )
    outcomes = dict.fromkeys(green, "passed") | {
        f"pool[{how}]": "passed" for how in ("fork", "spawn", "forkserver")
    }
    return _suite("test_forks", body, outcomes | {"parent_ends": "crashed", "red": "failed"})


def streams_closed() -> HostileSuite:
    """Python's streams closed, replaced by what cannot write, or none: at most the test itself is red."""
    body = """
class Odd:
    def __getattr__(self, name): raise RuntimeError(name)
def test_closes(): sys.stdout.close()
def test_after(): print("said"); assert 0
def test_odd(): sys.stdout = sys.stderr = Odd()
def test_none(): sys.__stdout__ = sys.__stderr__ = sys.stdout = sys.stdin = None
def test_all_are_one(): null = os.open(os.devnull, os.O_WRONLY); [os.dup2(null, fd) for fd in range(3, 64)]
def test_red(): assert 0
def test_last(): pass
"""
    green = ("odd", "none", "all_are_one", "last")
    return _suite(
        "test_streams",
        body,
        dict.fromkeys(green, "passed") | dict.fromkeys(("closes", "after", "red"), "failed"),
    )


def sweepers() -> HostileSuite:
    """Tests that tidy up more than is theirs: the run's scratch, its record, its evidence, its repository."""
    body = """
def git(*words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
def test_commits():
    git("init", "-q"); (ROOT / "new.txt").write_text("x"); git("add", "-A", "."); git("commit", "-qm", "everything")
def test_cleans(): git("clean", "-fdxq")
def test_red_1(): assert 0
def test_stashes(): (ROOT / "new.txt").write_text("y"); git("stash", "-uq"); git("checkout", "-qb", "other")
def test_resets(): git("rm", "-rq", "--cached", "."); git("reset", "-q", "--hard", "HEAD"); git("checkout", "-q", "--orphan", "none")
def test_removes_records():
    for path in glob.glob(tempfile.gettempdir() + "/triage-*/work/*/record"): os.unlink(path)
    time.sleep(0.3)
def test_red_2(): time.sleep(0.1); assert 0
def test_links_evidence():
    victim = ROOT / "victim.txt"; victim.write_text("precious")
    for path in (ROOT / "reports").rglob("*"):
        if path.is_file(): path.unlink(); path.symlink_to(victim)
def test_empties_the_temporary_folder():
    for path in glob.glob(tempfile.gettempdir() + "/triage-*"): shutil.rmtree(path)
    time.sleep(0.3)
def test_red_3(): time.sleep(0.1); assert 0
def test_dies(): os.abort()
def test_forgets_git(): shutil.rmtree(ROOT / ".git"); shutil.rmtree(ROOT / "reports", ignore_errors=True)
def test_last(): pass
"""
    green = (
        "commits",
        "cleans",
        "stashes",
        "resets",
        "removes_records",
        "links_evidence",
        "empties_the_temporary_folder",
        "forgets_git",
        "last",
    )
    red = {f"red_{n}": "failed" for n in (1, 2, 3)}
    return _suite("test_sweep", body, {**dict.fromkeys(green, "passed"), **red, "dies": "crashed"})


def evil_exceptions() -> HostileSuite:
    """Exceptions whose text raises, leaves, lies or is endless; chains that are circles; ends of sessions."""
    body = """
class Leaves(Exception):
    def __str__(self): raise SystemExit(0)
class Interrupts(Exception):
    def __str__(self): raise KeyboardInterrupt
class Number(Exception):
    def __str__(self): return 7
class Text(str):
    def __len__(self): raise RuntimeError("len")
    def encode(self, *words): raise RuntimeError("encode")
    isascii = replace = encode
class Odd(Exception):
    def __str__(self): return Text("an odd text")
class Ends(Exception):
    def __str__(self): os._exit(0)
class Waits(Exception):
    def __str__(self): time.sleep(1000)
class Base(BaseException): pass
def test_leaves(): raise Leaves
def test_number(): raise Number
def test_odd(): raise Odd
def test_ends(): raise Ends
def test_waits(): raise Waits
def test_base(): raise Base("b")
def test_leaves_with_zero(): sys.exit(0)
def test_megabytes(): assert 0, "z" * (2 << 20)
def test_two_hundred():
    error = None
    for n in range(200):
        outer = ValueError(str(n)); outer.__cause__ = error; error = outer
    raise error
def test_own_cause(): error = ValueError("self"); error.__cause__ = error; raise error
def test_own_member():
    inner = ExceptionGroup("inner", [ValueError("a")]); outer = ExceptionGroup("outer", [inner]); inner.__cause__ = outer; raise outer
def test_deep_groups():
    error = ValueError("x")
    for _ in range(300): error = ExceptionGroup("g", [error])
    raise error
def test_wide_group(): raise ExceptionGroup("wide", [ValueError(n) for n in range(600)])
def test_notes(): error = ValueError("n"); error.__notes__ = [1, None, "x" * 10**5] * 10; raise error
def test_no_notes(): error = ValueError("n"); error.__notes__ = 7; raise error
def test_surrogates(): raise ValueError("\\ud800" * 1000)
def test_nine_hundred_frames():
    def down(n):
        if n: down(n - 1)
        else: raise ValueError("deep")
    down(900)
def test_odd_file(): exec(compile("raise ValueError('x')", "<st\\nrange\\x00 \\u202e>".replace("\\x00", ""), "exec"))
@pytest.fixture
def interrupts(): raise KeyboardInterrupt
@pytest.fixture
def interrupts_late():
    yield
    raise KeyboardInterrupt
@pytest.fixture
def ends_with_zero(): pytest.exit("enough", 0)
def test_interrupt_in_setup(interrupts): pass
def test_interrupt_in_teardown(interrupts_late): pass
def test_interrupt_from_a_thread(): import _thread; _thread.interrupt_main(); time.sleep(1)
def test_zero_in_setup(ends_with_zero): pass
def test_last(): pass
"""
    crashed = (
        "ends",
        "interrupt_in_setup",
        "interrupt_in_teardown",
        "interrupt_from_a_thread",
        "zero_in_setup",
    )
    failed = (
        "leaves", "number", "odd", "base", "leaves_with_zero", "megabytes", "two_hundred", "own_cause", "own_member",
        "deep_groups", "wide_group", "notes", "no_notes", "surrogates", "nine_hundred_frames", "odd_file",
    )  # fmt: skip
    outcomes = (
        dict.fromkeys(failed, "failed")
        | dict.fromkeys(crashed, "crashed")
        | {"waits": "timeout", "last": "passed"}
    )
    return _suite("test_evil", body, outcomes, test_timeout=5.0)
