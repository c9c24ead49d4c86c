"""Each treatment changes its one factor, and idle changes nothing."""

from __future__ import annotations

import pytest

T = "test_it.py::test_it"

CASES = {
    "seed": ({"seed": 5}, "import random\ndef test_it():\n    a = random.random(); random.seed(5)\n    assert a == random.random()\n"),
    "clock": (
        {"at": 1_000_000_000.0},
        "import time\nfrom datetime import datetime, date\ndef test_it():\n    assert time.time() < 1_000_000_060\n"
        "    assert datetime.now().year == 2001 and date.today().year == 2001\n    assert isinstance(datetime.now(), datetime)\n",
    ),
    "cwd": ({"to": "sub"}, "import os\ndef test_it():\n    assert os.path.exists('inside.txt')\n"),
    "limits": (
        {"nofile": "hard", "frozen": True},
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "def test_it(tmp_path):\n    held = [open(tmp_path / str(n), 'w') for n in range(60)]\n    assert len(held) == 60\n",
    ),
    "network": (
        {"answers": True},
        "import urllib.request\ndef test_it():\n    with urllib.request.urlopen('http://nowhere.invalid/', timeout=5) as r:\n"
        "        assert r.status == 200\n",
    ),
    "ports": (
        {"free": True},
        "import socket\ndef test_it():\n    a = socket.socket(); a.bind(('127.0.0.1', 0)); a.listen()\n"
        "    b = socket.socket(); b.bind(a.getsockname())\n    assert b.getsockname() != a.getsockname()\n",
    ),
    "threads": (
        {"serial": True},
        "import threading, time\ndef test_it():\n    order = []\n    def slow():\n        time.sleep(0.1); order.append('slow')\n"
        "    t = threading.Thread(target=slow); t.start(); order.append('main'); t.join()\n    assert order == ['slow', 'main']\n",
    ),
    "machine": ({"cores": 77}, "import os\ndef test_it():\n    assert os.cpu_count() == 77\n"),
    "tolerance": (
        {"factor": 100.0},
        "import math, pytest\nfrom pytest import approx\ndef test_it():\n    assert 1.00001 == approx(1.0)\n"
        "    assert math.isclose(1.00000005, 1.0)\n    assert 1.00001 == pytest.approx(1.0)\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_treated_passes_and_idle_fails(observe, name):
    told, source = CASES[name]
    files = {"test_it.py": source, "sub/inside.txt": ""}
    assert observe(files, T, **{name: {}}).red(T)
    treated = observe(files, T, **{name: told})
    assert treated.passed(T), treated.failures


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
