"""The table of process state: what is reported can be restored, by the instrument and by a repair alike."""

from __future__ import annotations

import decimal
import json
import subprocess
import sys
import textwrap

import pytest

from triage.instruments import process_state
from triage.instruments.process_state_table import STATES, state_of
from triage.probe.edits.restore_state import restoration_of

pytestmark = pytest.mark.slow

READ_ELSEWHERE = {"attr:", "module:", "reload:", "file:", "tmp:"}
"""Families that the instrument searches for in modules and folders."""

LEAKS = {
    "cwd": "os.chdir('/')",
    "umask": "os.umask(0o077)",
    "env:MODE": "os.environ['MODE'] = 'slow'",
    "env:TZ": "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
    "time.tzname": "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
    "locale:LC_NUMERIC": "locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
    "signal:SIGUSR1": "signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "sys.path": "sys.path.insert(0, '/nowhere')",
    "sys.argv": "sys.argv.append('x')",
    "sys.recursionlimit": "sys.setrecursionlimit(5000)",
    "sys.switchinterval": "sys.setswitchinterval(0.5)",
    "sys.excepthook": "sys.excepthook = print",
    "int.max_str_digits": "sys.set_int_max_str_digits(700)",
    "warnings.filters": "warnings.simplefilter('error')",
    "random.state": "random.seed(4)",
    "decimal.context": "decimal.getcontext().prec = 3",
    "gc.enabled": "gc.disable()",
    "socket.timeout": "socket.setdefaulttimeout(2)",
    "tempfile.tempdir": "tempfile.tempdir = '/'",
    "threads": "thread = threading.Timer(60, print); thread.start()",
    "logging.disable": "logging.disable(50)",
    "logging.raiseExceptions": "logging.raiseExceptions = False",
    "logging:shop": "logging.getLogger('shop').setLevel(50)",
    "numpy.random": "numpy.random.seed(4)",
    "numpy.err": "numpy.seterr(all='raise')",
    "numpy.printoptions": "numpy.set_printoptions(precision=2)",
    "torch.default_dtype": "torch.set_default_dtype(torch.float64)",
    "torch.default_device": "torch.set_default_device('meta')",
    "torch.random": "torch.manual_seed(4)",
    "torch.threads": "torch.set_num_threads(torch.get_num_threads() + 1)",
    "torch.deterministic": "torch.use_deterministic_algorithms(True)",
    "torch.grad_enabled": "torch.set_grad_enabled(False)",
    "torch.anomaly": "torch.autograd.set_detect_anomaly(True)",
    "torch.matmul_precision": "torch.set_float32_matmul_precision('medium')",
}
"""For each key a statement that changes it; of a family one member."""

ROUND_TRIPS = """
    import contextlib, decimal, gc, json, locale, logging, os, pathlib, random, signal, socket, sys, tempfile
    import threading, time, warnings
    import numpy, torch
    from triage.instruments import process_state
    from triage.instruments.digest import digest
    from triage.instruments.process_state_table import state_of
    from triage.probe.edits.restore_state import restoration_of

    logging.getLogger("shop")
    os.environ.update(MODE="fast", TZ="UTC")

    def read(key):
        return digest(dict(process_state.present_values())[key])

    def by_instrument(key, leak):
        restore = process_state.save(key)
        exec(leak, globals())
        leaked = read(key)
        restore()
        return leaked

    def by_fixture(key, leak):
        restoration = restoration_of(key, "", "test_x.py")
        if restoration is None:
            return None
        names = {module: __import__(module) for module in restoration.imports}
        exec("\\n".join(restoration.before), names)
        with eval(restoration.context, names) if restoration.context else contextlib.nullcontext():
            exec(leak, globals())
            leaked = read(key)
        exec("\\n".join(restoration.after), names)
        return leaked

    found = {}
    for key, leak in json.loads(sys.argv[1]).items():
        for restore in (by_instrument, by_fixture):
            usual = read(key)
            leaked = restore(key, leak)
            found[f"{key} {restore.__name__}"] = (
                "not offered" if leaked is None else "not leaked" if leaked == usual
                else "restored" if read(key) == usual else "lost"
            )
    print(json.dumps({"trips": found, "keys": [key for key, _ in process_state.present_values()]}))
    os._exit(print(end="", flush=True) or 0)
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Every leak made and restored in a process of its own, and the keys that the instrument reads there."""
    folder = tmp_path_factory.mktemp("state")
    command = [sys.executable, "-c", textwrap.dedent(ROUND_TRIPS), json.dumps(LEAKS)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def row_key(name: str) -> str:
    """The key of the row that covers a name."""
    kind, colon, _ = name.partition(":")
    return kind + colon


def test_every_key_that_the_instrument_reads_can_be_restored_or_says_why_not(measured):
    for key in measured["keys"]:
        state = state_of(key)
        assert state is not None, key
        assert state.restore, key
        assert (restoration_of(key, "", "test_x.py") is None) == bool(state.no_fixture), key


def test_every_row_is_read_by_the_instrument(measured):
    read = {row_key(key) for key in measured["keys"]} | READ_ELSEWHERE
    assert {row_key(state.key) for state in STATES} == read


def test_every_row_has_a_leak_here():
    assert {row_key(key) for key in LEAKS} | READ_ELSEWHERE == {row_key(state.key) for state in STATES}
    assert len({state.key for state in STATES}) == len(STATES)


@pytest.mark.parametrize("key", LEAKS)
def test_what_leaks_is_restored_by_the_instrument_and_by_the_fixture(measured, key):
    assert measured["trips"][f"{key} by_instrument"] == "restored"
    expected = "not offered" if state_of(key).no_fixture else "restored"
    assert measured["trips"][f"{key} by_fixture"] == expected


def test_names_that_no_row_covers_are_unknown():
    assert state_of("nothing") is None
    assert state_of("nothing:at all") is None
    assert state_of("env:") is None


def test_flags_of_decimal_are_no_leak():
    """Any division that is rounded sets them: who divides would be named as the writer of the context."""

    def seen() -> object:
        return dict(process_state.present_values())["decimal.context"]

    with decimal.localcontext() as context:
        context.clear_flags()
        before = seen()
        assert decimal.Decimal(1) / 3
        assert context.flags[decimal.Inexact]
        assert seen() == before
        context.prec = 3
        assert seen() != before
