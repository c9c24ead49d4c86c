"""Each treatment changes its one factor, and idle changes nothing."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

T = "test_it.py::test_it"

CASES = {
    "seed": (
        {"seed": 5},
        """
            import random
            def test_it():
                a = random.random(); random.seed(5)
                assert a == random.random()
        """,
    ),
    "clock": (
        {"at": 1000000000.0},
        """
            import time
            from datetime import datetime, date
            def test_it():
                assert time.time() < 1_000_000_060
                assert datetime.now().year == 2001 and date.today().year == 2001
                assert isinstance(datetime.now(), datetime)
        """,
    ),
    "cwd": (
        {"to": "sub"},
        """
            import os
            def test_it():
                assert os.path.exists('inside.txt')
        """,
    ),
    "limits": (
        {"nofile": "hard", "frozen": True},
        """
            import resource
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            def test_it(tmp_path):
                held = [open(tmp_path / str(n), 'w') for n in range(60)]
                assert len(held) == 60
        """,
    ),
    "network": (
        {"answers": True},
        """
            import urllib.request
            def test_it():
                with urllib.request.urlopen('http://nowhere.invalid/', timeout=5) as r:
                    assert r.status == 200
        """,
    ),
    "ports": (
        {"free": True},
        """
            import socket
            def test_it():
                a = socket.socket(); a.bind(('127.0.0.1', 0)); a.listen()
                b = socket.socket(); b.bind(a.getsockname())
                assert b.getsockname() != a.getsockname()
        """,
    ),
    "threads": (
        {"serial": True},
        """
            import threading, time
            def test_it():
                order = []
                def slow():
                    time.sleep(0.1); order.append('slow')
                t = threading.Thread(target=slow); t.start(); order.append('main'); t.join()
                assert order == ['slow', 'main']
        """,
    ),
    "machine": (
        {"cores": 77},
        """
            import os
            def test_it():
                assert os.cpu_count() == 77
        """,
    ),
    "temporary": (
        {"name": "with a"},
        """
            import os, tempfile
            def test_it(tmp_path):
                assert ' ' in tempfile.gettempdir() and os.listdir(tempfile.gettempdir())
                assert str(tmp_path).startswith(os.path.realpath(tempfile.gettempdir()))
        """,
    ),
    "namespaces": (
        {"backwards": True},
        """
            first = second = 1
            def test_it():
                names = list(globals())
                assert names.index('second') < names.index('first')
        """,
    ),
    "terminal": (
        {"is": True},
        """
            import os, sys
            def test_it():
                assert sys.stdout.isatty() and os.isatty(0) and os.get_terminal_size().columns == 80
        """,
    ),
    "disk": (
        {"seconds": 0.05},
        """
            import time
            def test_it(tmp_path):
                began = time.monotonic()
                (tmp_path / 'x').write_text('x')
                assert time.monotonic() - began >= 0.05
        """,
    ),
    "beside": (
        {"on": True},
        """
            import os
            FOUND = []
            def setup_function():
                FOUND.append(os.path.exists('of-the-first'))
                open('of-the-first', 'w').close()
            def test_it():
                assert FOUND == [True]
        """,
    ),
    "tolerance": (
        {"factor": 100.0},
        """
            import math, pytest
            from pytest import approx
            def test_it():
                assert 1.00001 == approx(1.0)
                assert math.isclose(1.00000005, 1.0)
                assert 1.00001 == pytest.approx(1.0)
        """,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_treated_passes_and_idle_fails(observe, name):
    told, source = CASES[name]
    files = {"test_it.py": source, "sub/inside.txt": ""}
    assert observe(files, T, **{name: {}}).red(T)
    treated = observe(files, T, **{name: told})
    assert treated.passed(T), treated.failures


def test_a_file_runs_twice_whoever_selects_its_tests(observe):
    files = {
        "test_it.py": """
            DONE = set()
            def test_a():
                assert len(DONE) < 2
                DONE.add('a')
            def test_it():
                DONE.add('it')
        """
    }
    both = ("test_it.py::test_a", T)
    assert observe(files, *both, twice={"files": True}).red(both[0])
    assert observe(files, *both, twice={"on": True}).passed(*both)


def test_restoring_a_place_heals_the_victim(observe):
    files = {
        "shop.py": "ITEMS = []\nOPTIONS = {'a': 1}\n",
        "test_it.py": """
            import os, shop
            def test_a(tmp_path):
                shop.ITEMS.append(1); shop.OPTIONS = {}; os.chdir(tmp_path); os.environ["LEAK"] = "1"
            def test_it():
                assert shop.ITEMS == [] and shop.OPTIONS == {"a": 1}
                assert os.path.exists("shop.py") and "LEAK" not in os.environ
        """,
    }
    both = ("test_it.py::test_a", T)
    places = ["cwd", "env:LEAK", "attr:shop.ITEMS", "attr:shop.OPTIONS"]
    assert observe(files, *both, state={"restore": [], "before": T}).red(T)
    for left_out in places:
        kept = [place for place in places if place != left_out]
        assert observe(files, *both, state={"restore": kept, "before": T}).red(T), left_out
    assert observe(files, *both, state={"restore": places, "before": T}).passed(T)


def test_snapshots_do_not_tell_values_of_variables(observe):
    files = {"test_it.py": "def test_it():\n    pass\n"}
    seen = observe(files, T, state={"watch": [T]}, env={"API_TOKEN": "hunter2-very-secret"})
    assert "hunter2" not in str(seen.measured)
    assert "env:API_TOKEN" in seen.lines("state", "found")[0]["places"]


def test_usage_names_what_the_test_touches(observe):
    files = {
        "test_it.py": """
            import os, random, time, datetime, threading
            def test_it():
                os.environ.get("WANTED"); random.random(); datetime.datetime.now(); time.sleep(0)
                threading.Thread(target=int).start()
                assert os.path.exists("nowhere.txt")
        """
    }
    used = {(line["what"], line["name"]) for line in observe(files, T, usage={}).lines("usage", "use")}
    assert {("variable", "WANTED"), ("random", "random.random"), ("file", "nowhere.txt")} <= used
    assert {"clock", "sleep", "threads"} <= {what for what, _ in used}


def test_what_a_library_reads_while_it_is_imported_is_not_the_tests_own(observe):
    files = {
        "site-packages/noisy.py": """
            import os
            AT_IMPORT = os.environ.get("NOISY_AT_IMPORT")
            def ask():
                return os.environ.get("NOISY_WHEN_CALLED")
        """,
        "settings.py": "import os\nMODE = os.environ.get('OWN_MODE')\n",
        "test_it.py": """
            import sys
            sys.path[:0] = [".", "site-packages"]
            import noisy, settings
            def test_it():
                assert noisy.ask() is None
        """,
    }
    lines = observe(files, T, usage={}).lines("usage", "use")
    names = {line["name"] for line in lines if line["what"] == "variable"}
    assert {"OWN_MODE", "NOISY_WHEN_CALLED"} <= names
    assert "NOISY_AT_IMPORT" not in names


def test_the_address_of_a_connection_is_told_although_its_functions_are_too(observe):
    files = {
        "client.py": """
            import http.client
            def ping(host):
                http.client.HTTPConnection(host, timeout=1).request("GET", "/")
        """,
        "test_it.py": """
            import sys
            sys.path.insert(0, ".")
            import client
            def test_it():
                client.ping("api.example.invalid")
        """,
    }
    lines = observe(files, T, usage={}).lines("usage", "use")
    assert any("api.example.invalid" in str(line.get("address")) for line in lines)


def test_denormals_are_flushed_where_the_processor_can(observe):
    files = {
        "test_it.py": """
            import pytest
            import torch
            def test_it():
                if not torch.set_flush_denormal(False):
                    pytest.skip("this processor cannot")
            def test_small():
                assert (torch.full((4,), 1e-40) * 1).sum() > 0
        """
    }
    it, small = T, "test_it.py::test_small"
    assert observe(files, small).passed(small)
    can = observe(files, it).passed(it)
    assert observe(files, small, numerics={"denormals": "flushed"}).red(small) is can
