"""Further plants: the same kinds in other clothes."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_FILL = "".join(
    f"\n                def test_fill_{n}():\n                    assert {n} >= 0\n" for n in range(3)
)

PLANTS: tuple[Plant, ...] = (
    plant(
        "import-time-leak", "tests/test_a.py::test_clean", "order-dependent", culprit="tests/test_b.py",
        files={
            "tests/test_a.py": """
                import os
                def test_clean():
                    assert "IMPORTED_BY_B" not in os.environ
            """,
            "tests/test_b.py": """
                import os
                os.environ["IMPORTED_BY_B"] = "1"
                def test_b():
                    pass
            """,
        },
    ),
    plant(
        "class-attribute", "tests/test_z.py::TestAfter::test_default", "order-dependent",
        culprit="tests/test_a.py::TestBefore::test_tunes",
        files={
            "engine.py": """
                class Engine:
                    gear = 1
                    history = []
            """,
            "tests/test_a.py": """
                from engine import Engine
                class TestBefore:
                    def test_tunes(self):
                        Engine.gear = 5
                        assert Engine().gear == 5
                    def test_idle(self):
                        assert Engine
            """ + _FILL,
            "tests/test_z.py": """
                from engine import Engine
                class TestAfter:
                    def test_default(self):
                        assert Engine().gear == 1
            """,
        },
    ),
    plant(
        "cached-function", "tests/test_z.py::test_rate", "order-dependent", culprit="test_warms",
        files={
            "bank.py": """
                import functools
                RATES = {"eur": 1.0}
                @functools.lru_cache(maxsize=None)
                def rate(name):
                    return RATES.get(name, 0.0)
            """,
            "tests/test_a.py": """
                import bank
                def test_warms():
                    assert bank.rate("usd") == 0.0
            """ + _FILL,
            "tests/test_z.py": """
                import bank
                def test_rate(monkeypatch):
                    monkeypatch.setitem(bank.RATES, "usd", 2.0)
                    assert bank.rate("usd") == 2.0
            """,
        },
    ),
    plant(
        "logging-disabled", "tests/test_z.py::test_logs", "order-dependent", culprit="test_quiet",
        files={
            "tests/test_a.py": """
                import logging
                def test_quiet():
                    logging.disable(logging.CRITICAL)
            """ + _FILL,
            "tests/test_z.py": """
                import logging
                def test_logs(caplog):
                    logging.getLogger("app").error("seen")
                    assert "seen" in caplog.text
            """,
        },
    ),
    plant(
        "module-replaced", "tests/test_z.py::test_json", "order-dependent", culprit="test_stub",
        files={
            "tests/test_a.py": """
                import sys, types
                def test_stub():
                    fake = types.ModuleType("colorsys")
                    fake.rgb_to_hsv = lambda *a: None
                    sys.modules["colorsys"] = fake
            """ + _FILL,
            "tests/test_z.py": """
                def test_json():
                    import colorsys
                    assert colorsys.rgb_to_hsv(1, 1, 1) == (0.0, 0.0, 1)
            """,
        },
    ),
    plant(
        "cwd-in-fixture", "tests/test_z.py::test_there", "working-directory", culprit="test_in_folder",
        files={
            "tests/test_a.py": """
                import os, pytest
                @pytest.fixture
                def elsewhere(tmp_path):
                    os.chdir(tmp_path)
                    return tmp_path
                def test_in_folder(elsewhere):
                    assert not os.listdir(".")
            """ + _FILL,
            "tests/test_z.py": """
                import os
                def test_there():
                    assert os.path.exists("pyproject.toml")
            """,
        },
    ),
    plant(
        "needs-migration", "tests/test_b.py::test_query", "order-dependent", culprit="test_migrate",
        files={
            "db.py": """
                TABLES = set()
                def create(name):
                    TABLES.add(name)
                def query(name):
                    if name not in TABLES:
                        raise LookupError(f"no table {name}")
                    return []
            """,
            "tests/test_a.py": """
                import db
                def test_other():
                    pass
                def test_migrate():
                    db.create("users")
            """ + _FILL,
            "tests/test_b.py": """
                import db
                def test_query():
                    assert db.query("users") == []
            """,
        },
    ),
    plant(
        "timer-flaky", "tests/test_c.py::test_even", "clock", "flaky",
        files={"tests/test_c.py": """
            import time
            def test_even():
                assert int(time.time() * 1000) % 2 == 0
        """},
    ),
    plant(
        "uuid-flaky", "tests/test_c.py::test_id", "flaky", "seed",
        files={"tests/test_c.py": """
            import uuid
            def test_id():
                assert uuid.uuid4().hex[0] in "01234567"
        """},
    ),
    plant(
        "own-bad-seed", "tests/test_c.py::test_mean", "seed",
        files={"tests/test_c.py": """
            import random
            def test_mean():
                random.seed(2)
                assert random.random() < 0.95
        """},
    ),
    plant(
        "debug-flag", "tests/test_v.py::test_plain", "environment-variable", culprit="APP_DEBUG",
        env={"APP_DEBUG": "yes", "APP_NAME": "x", "APP_LEVEL": "3"},
        files={
            "app/__init__.py": "",
            "app/settings.py": """
                import os
                DEBUG = os.environ.get("APP_DEBUG", "no") == "yes"
                NAME = os.environ.get("APP_NAME")
                LEVEL = int(os.environ.get("APP_LEVEL", "1"))
            """,
            "tests/test_v.py": """
                from app import settings
                def render():
                    return "trace" if settings.DEBUG else "page"
                def test_plain():
                    assert render() == "page"
            """,
        },
    ),
    plant(
        "weekday", "tests/test_c.py::test_open", "clock",
        files={
            "shop.py": """
                import datetime
                def is_open():
                    return datetime.datetime.now().strftime("%A") == "Sunday"
            """,
            "tests/test_c.py": """
                import shop
                def test_open():
                    assert shop.is_open()
            """,
        },
    ),
    plant(
        "decimal-comma", "tests/test_l.py::test_upper", "locale", "environment-variable", culprit="LC_ALL",
        env={"LC_ALL": "C"},
        files={"tests/test_l.py": """
            import os
            def test_upper():
                assert "UTF-8" in os.environ.get("LC_ALL", "C.UTF-8")
        """},
    ),
    plant(
        "port-taken", "tests/test_p.py::test_serves", "resource",
        files={
            "tests/conftest.py": """
                import socket
                HELD = socket.socket()
                HELD.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                HELD.bind(("127.0.0.1", 0))
                HELD.listen()
                def pytest_configure(config):
                    config.held_port = HELD.getsockname()[1]
            """,
            "tests/test_p.py": """
                import socket
                def test_serves(request):
                    s = socket.socket()
                    s.bind(("127.0.0.1", request.config.held_port))
                    s.listen()
                    s.close()
            """,
        },
    ),
    plant(
        "few-cores", "tests/test_p.py::test_pool", "resource", "threads",
        files={"tests/test_p.py": """
            import os
            def workers():
                return max(1, os.cpu_count() // 4)
            def test_pool():
                assert workers() >= 3
        """},
    ),
    plant(
        "endless-loop", "tests/test_s.py::test_waits", "timeout", settings="test-timeout = 2\n",
        culprit="worker.py",
        files={
            "worker.py": """
                import time
                class Worker:
                    done = False
                    def wait(self):
                        while not self.done:
                            time.sleep(0.01)
                        return True
            """,
            "tests/test_s.py": """
                import worker
                def test_waits():
                    worker.Worker().wait()
                    assert True
            """,
        },
    ),
    plant(
        "killed", "tests/test_x.py::test_it", "crash", culprit="boom.py:3",
        files={
            "boom.py": "import os\ndef go():\n    os.kill(os.getpid(), 9)\n    return 1\n",
            "tests/test_x.py": "import boom\ndef test_it():\n    x = 1\n    boom.go()\n    assert x == 1\n",
        },
    ),
    plant(
        "bad-commit-among-docs", "tests/test_k.py::test_area", "first-bad-commit",
        history=(
            {"geo.py": "def area(w, h):\n    return w * h\n",
             "tests/test_k.py": "import geo\ndef test_area():\n    assert geo.area(2, 3) == 6\n"},
            {"geo.py": "def area(w, h):\n    return w * h\n", "README": "one",
             "tests/test_k.py": "import geo\ndef test_area():\n    assert geo.area(2, 3) == 6\n"},
            {"geo.py": "def area(w, h):\n    return w * (h + 1)\n", "README": "one",
             "tests/test_k.py": "import geo\ndef test_area():\n    assert geo.area(2, 3) == 6\n"},
        ),
        files={"geo.py": "def area(w, h):\n    return w * (h + 1)\n", "README": "two",
               "tests/test_k.py": "import geo\ndef test_area():\n    assert geo.area(2, 3) == 6\n"},
    ),
    plant(
        "not-on-the-path", "tests/test_i.py::test_uses", "environment-variable", "dependency", culprit="lib",
        files={
            "lib/gears.py": "def ratio():\n    return 2\n",
            "tests/test_i.py": "def test_uses():\n    import gears\n    assert gears.ratio() == 2\n",
        },
    ),
    plant(
        "no-such-package", "tests/test_i.py::test_uses", "dependency", culprit="zzz_not_a_package",
        files={"tests/test_i.py": "def test_uses():\n    import zzz_not_a_package\n"},
    ),
    plant(
        "no-such-fixture", "tests/test_i.py::test_uses", "test-defect",
        files={"tests/test_i.py": "def test_uses(databse):\n    assert databse\n"},
    ),
    plant(
        "misspelt", "tests/test_i.py::test_uses", "test-defect",
        files={"tests/test_i.py": "def test_uses():\n    total = 3\n    assert totl == 3\n"},
    ),
    plant(
        "int-overflow", "tests/test_t.py::test_it", "dtype", torch=True,
        files={"tests/test_t.py": """
            import numpy as np
            def test_it():
                x = np.array([2_000_000_000, 2_000_000_000], dtype=np.int32)
                assert int((x + x)[0]) == 4_000_000_000
        """},
    ),
)  # fmt: skip
