"""Leaks taken back by edits of the polluter: real tests, leaking and mended, in one real pytest each."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from triage.probe.edits.restore_state import restored

PRODUCT = """
import collections, contextvars, functools
FLAGS = {"fast": False}
NAMES = ["a"]
SEEN = set()
LIMIT = 3
class Registry:
    entries = 0
    def __init__(self): self.open = True
REGISTRY = Registry()
@functools.lru_cache
def setting(): return FLAGS["fast"]
QUEUE = collections.deque([1])
USER = contextvars.ContextVar("user", default="nobody")
def use(): NAMES.append("b")
def mark(): SEEN.add("x")
"""

CACHE = "<functools._lru_cache_wrapper object at 0x>"
CONTEXT = "<ContextVar name='user' default='nobody' at 0x> with 'nobody'"
OBJECT = "<shop.Registry object at 0x>"
LEAKS = {
    "cwd": ("cwd", "'/x'", "os.chdir(tempfile.gettempdir())", "os.path.exists('shop.py')"),
    "cwd_by_helper": ("cwd", "'/x'", "helper()", "os.path.exists('shop.py')"),
    "env": ("env:MODE", "", "os.environ['MODE'] = 'slow'", "'MODE' not in os.environ"),
    "env_gone": ("env:KEPT", "set", "os.environ.pop('KEPT')", "os.environ['KEPT'] == '1'"),
    "env_del": ("env:KEPT2", "set", "del os.environ['KEPT2']", "os.environ['KEPT2'] == '1'"),
    "env_update": ("env:MODE2", "", "os.environ.update(MODE2='x')", "'MODE2' not in os.environ"),
    "attribute": ("attr:shop.LIMIT", "3", "shop.LIMIT = 9", "shop.LIMIT == 3"),
    "by_setattr": ("attr:shop.LIMIT", "3", "setattr(shop, 'LIMIT', 9)", "shop.LIMIT == 3"),
    "class_attribute": (
        "attr:shop.Registry.entries",
        "0",
        "shop.Registry.entries = 5",
        "shop.Registry.entries == 0",
    ),
    "list": ("attr:shop.NAMES", "['a']", "shop.use()", "shop.NAMES == ['a']"),
    "deque": ("attr:shop.QUEUE", "deque([1])", "shop.QUEUE.append(2)", "list(shop.QUEUE) == [1]"),
    "set": ("attr:shop.SEEN", "set()", "shop.mark()", "not shop.SEEN"),
    "dict": ("attr:shop.FLAGS", "{'fast': False}", "shop.FLAGS['fast'] = True", "not shop.FLAGS['fast']"),
    "object": ("attr:shop.REGISTRY", OBJECT, "shop.REGISTRY.open = False", "shop.REGISTRY.open"),
    "cache": ("attr:shop.setting", CACHE, "shop.setting()", "shop.setting.cache_info().currsize == 0"),
    "context": ("attr:shop.USER", CONTEXT, "shop.USER.set('ann')", "shop.USER.get() == 'nobody'"),
    "own_global": ("attr:test_own_global.STATE", "1", "globals()['STATE'] = 2", "STATE == 1"),
    "stub": ("module:left", "absent", "sys.modules['left'] = shop", "'left' not in sys.modules"),
    "path": ("sys.path", "[]", "sys.path.insert(0, '/nowhere')", "'/nowhere' not in sys.path"),
    "path_end": ("sys.path", "[]", "sys.path.append('/nowhere')", "'/nowhere' not in sys.path"),
    "decimal": ("decimal.context", "", "decimal.getcontext().prec = 3", "decimal.getcontext().prec == 28"),
    "random": ("random.state", "", "random.seed(4)", "random.getstate() != FOUR"),
    "recursion": (
        "sys.recursionlimit",
        "1000",
        "sys.setrecursionlimit(5000)",
        "sys.getrecursionlimit() != 5000",
    ),
    "umask": ("umask", "18", "os.umask(0o077)", "os.umask(0o022) == 0o022"),
    "signal": (
        "signal:SIGUSR1",
        "",
        "signal.signal(usr1, signal.SIG_IGN)",
        "signal.getsignal(usr1) != signal.SIG_IGN",
    ),
    "logging": ("logging:shop", "(0, False, True, [])", "LOG.setLevel(50)", "LOG.level == 0"),
    "disabled": ("logging.disable", "0", "logging.disable(50)", "logging.root.manager.disable == 0"),
    "locale": (
        "locale:LC_NUMERIC",
        "'C'",
        "locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
        "locale.setlocale(locale.LC_NUMERIC) == 'C'",
    ),
    "file": ("file:left.txt", "absent", "open('left.txt', 'w').close()", "not os.path.exists('left.txt')"),
    "timeout": (
        "socket.timeout",
        "None",
        "socket.setdefaulttimeout(2)",
        "socket.getdefaulttimeout() is None",
    ),
    "numpy": ("numpy.err", "{}", "numpy.seterr(all='raise')", "numpy.geterr()['over'] == 'warn'"),
    "zone": ("env:TZ", "", "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "time.timezone == 0"),
}
IMPORTS = """import decimal, locale, logging, os, random, signal, socket, sys, tempfile, time, warnings
import numpy
import shop

STATE = 1
LOG = logging.getLogger('shop')
FOUR = random.Random(4).getstate()
usr1 = signal.SIGUSR1

def helper():
    os.chdir(tempfile.gettempdir())

"""
OPTIONS = ("-q", "-rA", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", ".")
METHODS = {"env", "list", "decimal"}


def test_file(name: str) -> tuple[str, str]:
    _, _, act, check = LEAKS[name]
    if name in METHODS:
        leaks, victim = (
            f"def test_leaks(self):\n        {act}\n",
            f"def test_victim(self):\n        assert {check}\n",
        )
        return f"{IMPORTS}class TestIt:\n    {leaks}\n    {victim}", "TestIt::test_leaks"
    return (
        IMPORTS + f"\ndef test_leaks():\n    {act}\n\n\ndef test_victim():\n    assert {check}\n",
        "test_leaks",
    )


test_file.__test__ = False


def outcomes(folder):
    """Victims that passed and polluters that did not; a file at a time, for one leak hides another."""
    env = {**os.environ, "KEPT": "1", "KEPT2": "1", "TZ": "UTC", "PYTHONPATH": str(folder)}
    env.pop("TRIAGE_INSTRUMENT", None)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.findall(
        r"^(PASSED|FAILED|ERROR) test_(\w+)\.py::(?:TestIt::)?test_(\w+)", run.stdout, re.MULTILINE
    )
    assert found, run.stdout + run.stderr
    return {(name, which): outcome for outcome, name, which in found}


@pytest.mark.slow
def test_every_edit_takes_its_leak_back(tmp_path):
    (tmp_path / "shop.py").write_text(PRODUCT)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    styles = {}
    for name, (place, usual, _, _) in LEAKS.items():
        source, test = test_file(name)
        path = f"test_{name}.py"
        edits = list(restored(source, f"{path}::{test}[1]", [place], [usual], ["shop.py", path]))
        assert edits, name
        styles[name] = edits
        (tmp_path / path).write_text(source)
    assert set(outcomes(tmp_path).items()) == {
        ((name, which), outcome)
        for name in LEAKS
        for which, outcome in (("leaks", "PASSED"), ("victim", "FAILED"))
    }
    for choice in (0, -1):
        for name, edits in styles.items():
            (tmp_path / f"test_{name}.py").write_text(edits[choice][1])
        wrong = {key: outcome for key, outcome in outcomes(tmp_path).items() if outcome != "PASSED"}
        assert wrong == {}, choice
    tidy = {name for name, edits in styles.items() if "monkeypatch" in edits[0][1]}
    assert tidy == {"cwd", "env", "env_gone", "env_del", "dict", "stub", "path"} | {
        "attribute",
        "by_setattr",
        "class_attribute",
    }


def test_a_testcase_gets_a_fixture_and_no_argument():
    source = (
        "import os, unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        os.chdir('/')\n"
    )
    (edit,) = restored(source, "t.py::T::test_a", ["cwd"], ["'/x'"])
    assert '@pytest.mark.usefixtures("restored_working_directory")\n    def test_a(self):' in edit[1]
    assert "import pytest" in edit[1]


def test_a_second_test_uses_the_same_fixture():
    source = "import os\n\ndef test_a():\n    os.umask(0)\n\ndef test_b():\n    os.umask(0)\n"
    (first,) = restored(source, "t.py::test_a", ["umask"], ["18"])
    (second,) = restored(first[1], "t.py::test_b", ["umask"], ["18"])
    assert re.findall(r"def (restored\w*)\(\)", second[1]) == ["restored_umask"]
    compile(second[1], "t.py", "exec")


def test_several_places_share_one_fixture():
    source = "def test_a():\n    pass\n"
    (edit,) = restored(source, "t.py::test_a", ["cwd", "warnings.filters", "env:A"], ["", "", ""])
    assert re.findall(r"(before_\d) =|(yield)", edit[1]) == [
        ("before_1", ""),
        ("before_3", ""),
        ("", "yield"),
    ]
    compile(edit[1], "t.py", "exec")


@pytest.mark.parametrize(
    ("source", "nodeid", "places"),
    [
        ("def test_a(:\n", "t.py::test_a", ["cwd"]),
        ("def test_a(): pass\n", "t.py::test_b", ["cwd"]),
        ("def test_a(): pass\n", "t.py::test_a", ["threads"]),
        ("def test_a(): pass\n", "t.py::test_a", ["attr:m.a b"]),
        ("\0", "t.py::test_a", ["cwd"]),
        ("def test_a(): pass\n", "t.py", ["cwd"]),
    ],
)
def test_what_cannot_be_edited_gives_nothing(source, nodeid, places):
    assert list(restored(source, nodeid, places, [""] * len(places))) == []
