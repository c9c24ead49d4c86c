"""Plants of the surroundings: variables, files, time, place, network, limits, history."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

PLANTS: tuple[Plant, ...] = (
    plant(
        "variable-set", "tests/test_v.py::test_url", "environment-variable", culprit="APP_URL",
        env={"APP_URL": "http://prod"},
        files={
            "app/__init__.py": """
                import os
                def url():
                    return os.environ.get("APP_URL", "http://localhost")
            """,
            "tests/test_v.py": """
                import app
                def test_url():
                    assert app.url() == "http://localhost"
            """,
        },
    ),
    plant(
        "variable-missing", "tests/test_v.py::test_mode", "environment-variable", culprit="ENGINE_MODE",
        files={
            "app/__init__.py": """
                import os
                MODES = {"exact": 1, "rough": 2}
                def mode():
                    return MODES[os.environ["ENGINE_MODE"]]
            """,
            "tests/test_v.py": """
                import app
                def test_mode():
                    assert app.mode() == 1
            """,
        },
    ),
    plant(
        "variable-flag-missing", "tests/test_v.py::test_feature", "environment-variable", culprit="FEATURE_X",
        files={
            "tests/test_v.py": """
                import os
                def test_feature():
                    assert os.getenv("FEATURE_X")
            """,
        },
    ),
    plant(
        "two-variables", "tests/test_v.py::test_both", "environment-variable",
        env={"SPEED": "high", "LEVEL": "deep"},
        files={
            "tests/test_v.py": """
                import os
                def test_both():
                    assert os.environ.get("SPEED") != "high" or os.environ.get("LEVEL") != "deep"
            """,
        },
    ),
    plant(
        "missing-golden", "tests/test_g.py::test_golden", "missing-file", culprit="golden.json",
        files={
            "tests/data/old/golden.json": '{"a": 1}',
            "tests/test_g.py": """
                import json, pathlib
                HERE = pathlib.Path(__file__).parent
                def test_golden():
                    assert json.loads((HERE / "data" / "golden.json").read_text()) == {"a": 1}
            """,
        },
    ),
    plant(
        "missing-deleted", "tests/test_g.py::test_golden", "missing-file", culprit="expected.csv",
        history=({"tests/expected.csv": "1,2,3\n", "tests/test_g.py": """
                def test_golden():
                    assert open("tests/expected.csv").read() == "1,2,3\\n"
            """},),
        files={
            "tests/test_g.py": """
                def test_golden():
                    assert open("tests/expected.csv").read() == "1,2,3\\n"
            """,
        },
    ),
    plant(
        "missing-folder", "tests/test_w.py::test_writes", "missing-file", culprit="out",
        files={
            "tests/test_w.py": """
                def test_writes():
                    with open("out/result.txt", "w") as f:
                        f.write("x")
            """,
        },
    ),
    plant(
        "missing-nowhere", "tests/test_g.py::test_golden", "missing-file", culprit="secret.bin",
        files={
            "tests/test_g.py": """
                def test_golden():
                    with open("tests/secret.bin", "rb") as f:
                        assert f.read() == b"1234"
            """,
        },
    ),
    plant(
        "relative-path", "tests/unit/test_p.py::test_config", "working-directory", "missing-file",
        culprit="config.ini",
        files={
            "tests/unit/config.ini": "[a]\nb=1\n",
            "tests/unit/test_p.py": """
                import configparser
                def test_config():
                    c = configparser.ConfigParser()
                    c.read_file(open("config.ini"))
                    assert c["a"]["b"] == "1"
            """,
        },
    ),
    plant(
        "expired", "tests/test_c.py::test_licence", "clock",
        files={
            "lic/__init__.py": """
                import datetime
                def valid():
                    return datetime.date.today() < datetime.date(2026, 6, 30)
            """,
            "tests/test_c.py": """
                import lic
                def test_licence():
                    assert lic.valid()
            """,
        },
    ),
    plant(
        "year-hard-coded", "tests/test_c.py::test_year", "clock",
        files={
            "tests/test_c.py": """
                from datetime import datetime
                def footer():
                    return f"(c) {datetime.now().year}"
                def test_year():
                    assert footer() == "(c) 2025"
            """,
        },
    ),
    plant(
        "time-zone", "tests/test_c.py::test_local", "clock", culprit="TZ",
        env={"TZ": "Asia/Tokyo"},
        files={
            "tests/test_c.py": """
                import datetime
                def test_local():
                    assert datetime.datetime.fromtimestamp(0).hour == 0
            """,
        },
    ),
    plant(
        "ascii-locale", "tests/test_l.py::test_read", "locale",
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        files={
            "tests/name.txt": "Zo\u00eb",
            "tests/test_l.py": """
                def test_read():
                    assert len(open("tests/name.txt").read()) == 3
            """,
        },
    ),
    plant(
        "offline", "tests/test_n.py::test_fetch", "network", culprit="example.invalid",
        files={
            "tests/test_n.py": """
                import urllib.request
                def test_fetch():
                    with urllib.request.urlopen("http://example.invalid/x", timeout=2) as r:
                        assert r.status == 200
            """,
        },
    ),
    plant(
        "service-down", "tests/test_n.py::test_db", "network", culprit="5439",
        files={
            "tests/test_n.py": """
                import socket
                def test_db():
                    s = socket.create_connection(("127.0.0.1", 5439), timeout=1)
                    s.close()
            """,
        },
    ),
    plant(
        "open-files", "tests/test_f.py::test_many", "resource",
        files={
            "tests/conftest.py": """
                import resource
                hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
                resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            """,
            "tests/test_f.py": """
                def test_many(tmp_path):
                    fs = [open(tmp_path / str(i), "w") for i in range(100)]
                    [f.close() for f in fs]
            """,
        },
    ),
    plant(
        "recursion", "tests/test_f.py::test_deep", "resource",
        files={
            "tests/test_f.py": """
                def depth(n):
                    return 0 if n == 0 else 1 + depth(n - 1)
                def test_deep():
                    assert depth(3000) == 3000
            """,
        },
    ),
    plant(
        "too-slow", "tests/test_s.py::test_slow", "timeout", settings="test-timeout = 2\n",
        files={
            "tests/test_s.py": """
                import time
                def test_slow():
                    time.sleep(4)
            """,
        },
    ),
    plant(
        "deadlock", "tests/test_s.py::test_lock", "timeout", "threads", settings="test-timeout = 2\n",
        culprit="test_s.py",
        files={
            "tests/test_s.py": """
                import threading
                def test_lock():
                    lock = threading.Lock()
                    lock.acquire()
                    lock.acquire()
                    assert True
            """,
        },
    ),
    plant(
        "segfault", "tests/test_x.py::test_crash", "crash", culprit="native/__init__.py",
        files={
            "native/__init__.py": """
                import ctypes
                def peek():
                    ctypes.string_at(0)
                    return 1
            """,
            "tests/test_x.py": """
                import native
                def test_crash():
                    assert native.peek() == 1
            """,
        },
    ),
    plant(
        "exit", "tests/test_x.py::test_exit", "crash", culprit="tests/test_x.py",
        files={
            "tests/test_x.py": """
                import os
                def test_exit():
                    os._exit(3)
            """,
        },
    ),
    plant(
        "bad-commit", "tests/test_k.py::test_add", "first-bad-commit",
        history=tuple(
            {"calc/__init__.py": f"VERSION = {n}\ndef add(a, b):\n    return a + b\n" if n < 6
             else f"VERSION = {n}\ndef add(a, b):\n    return a - b\n",
             "tests/test_k.py": "import calc\ndef test_add():\n    assert calc.add(2, 3) == 5\n"}
            for n in range(9)
        ),
        files={
            "calc/__init__.py": "VERSION = 9\ndef add(a, b):\n    return a - b\n",
            "tests/test_k.py": "import calc\ndef test_add():\n    assert calc.add(2, 3) == 5\n",
        },
    ),
    plant(
        "uncommitted", "tests/test_k.py::test_add", "first-bad-commit", culprit="calc/__init__.py",
        files={
            "calc/__init__.py": "def add(a, b):\n    return a + b\n",
            "tests/test_k.py": "import calc\ndef test_add():\n    assert calc.add(2, 3) == 5\n",
        },
        uncommitted={"calc/__init__.py": "def add(a, b):\n    return a * b\n"},
    ),
)  # fmt: skip
