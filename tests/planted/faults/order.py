"""Plants of order, state and chance."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

_FILL = """
                def test_fill_{n}():
                    assert {n} + 1 == {m}
"""


def _filled(count: int) -> str:
    return "".join(_FILL.format(n=n, m=n + 1) for n in range(count))


PLANTS: tuple[Plant, ...] = (
    plant(
        "chdir", "tests/test_b.py::test_reads", "working-directory",
        culprit="tests/test_a.py::test_moves",
        files={
            "tests/data.txt": "hello",
            "tests/test_a.py": """
                import os
                def test_moves(tmp_path):
                    os.chdir(tmp_path)
                def test_innocent():
                    assert True
            """,
            "tests/test_b.py": """
                def test_first():
                    assert 1
                def test_reads():
                    assert open("tests/data.txt").read() == "hello"
            """,
        },
    ),
    plant(
        "environ-leak", "tests/test_z.py::test_mode", "order-dependent",
        culprit="tests/test_a.py::test_sets",
        files={
            "tests/test_a.py": """
                import os
                def test_sets():
                    os.environ["APP_MODE"] = "fast"
                    assert os.environ["APP_MODE"] == "fast"
            """ + _filled(6),
            "tests/test_z.py": """
                import os
                def test_mode():
                    assert os.environ.get("APP_MODE", "safe") == "safe"
            """,
        },
    ),
    plant(
        "global-list", "tests/test_z.py::test_empty", "order-dependent",
        culprit="tests/test_m.py::test_adds",
        files={
            "shop/__init__.py": "",
            "shop/cart.py": """
                ITEMS = []
                def add(x):
                    ITEMS.append(x)
            """,
            "tests/test_a.py": _filled(5),
            "tests/test_m.py": """
                from shop import cart
                def test_other():
                    assert cart.ITEMS is not None
                def test_adds():
                    cart.add(3)
                    assert 3 in cart.ITEMS
            """,
            "tests/test_z.py": """
                from shop.cart import ITEMS
                def test_empty():
                    assert ITEMS == []
            """,
        },
    ),
    plant(
        "joint-polluters", "tests/test_z.py::test_sum", "order-dependent",
        culprit="test_two",
        files={
            "tests/test_a.py": """
                import sys
                def test_one():
                    sys.triage_one = True
                def test_mid():
                    assert True
                def test_two():
                    sys.triage_two = True
            """ + _filled(4),
            "tests/test_z.py": """
                import sys
                def test_sum():
                    assert not (hasattr(sys, "triage_one") and hasattr(sys, "triage_two"))
            """,
        },
    ),
    plant(
        "state-setter", "tests/test_b.py::test_uses", "order-dependent",
        culprit="tests/test_a.py::test_login",
        files={
            "app/__init__.py": "SESSION = {}\n",
            "tests/test_a.py": """
                import app
                def test_login():
                    app.SESSION["user"] = "ann"
                    assert app.SESSION
            """ + _filled(3),
            "tests/test_b.py": """
                import app
                def test_uses():
                    assert app.SESSION["user"] == "ann"
            """,
        },
    ),
    plant(
        "monkeypatched-forever", "tests/test_z.py::test_real_time", "order-dependent",
        culprit="tests/test_a.py::test_fakes",
        files={
            "tests/test_a.py": """
                import time
                def test_fakes():
                    time.time = lambda: 0.0
                    assert time.time() == 0.0
            """ + _filled(3),
            "tests/test_z.py": """
                import time
                def test_real_time():
                    assert time.time() > 1000
            """,
        },
    ),
    plant(
        "warnings-filter", "tests/test_z.py::test_quiet", "order-dependent",
        culprit="tests/test_a.py::test_strict",
        files={
            "tests/test_a.py": """
                import os
                def test_strict():
                    os.environ["STRICT"] = "1"
                def test_else():
                    assert True
            """,
            "tests/test_z.py": """
                import os, decimal
                def test_quiet():
                    if os.environ.get("STRICT"):
                        raise RuntimeError("strict mode")
            """,
        },
    ),
    plant(
        "decimal-precision", "tests/test_z.py::test_third", "order-dependent",
        culprit="tests/test_a.py::test_rough",
        files={
            "tests/test_a.py": """
                import decimal
                def test_rough():
                    decimal.getcontext().prec = 3
                    assert str(decimal.Decimal(1) / 3) == "0.333"
            """ + _filled(2),
            "tests/test_z.py": """
                import decimal
                def test_third():
                    assert len(str(decimal.Decimal(1) / 3)) > 20
            """,
        },
    ),
    plant(
        "leftover-file", "tests/test_z.py::test_fresh", "order-dependent",
        culprit="tests/test_a.py::test_writes",
        files={
            "tests/test_a.py": """
                from pathlib import Path
                def test_writes():
                    Path("cache.db").write_text("stale")
                    assert Path("cache.db").exists()
            """ + _filled(3),
            "tests/test_z.py": """
                from pathlib import Path
                def test_fresh():
                    assert not Path("cache.db").exists()
            """,
        },
    ),
    plant(
        "random-unseeded", "tests/test_r.py::test_draw", "seed", "flaky",
        files={
            "tests/test_r.py": """
                import random
                def test_draw():
                    assert random.random() < 0.5
            """,
        },
    ),
    plant(
        "random-choice", "tests/test_r.py::test_pick", "seed", "flaky",
        files={
            "dice/__init__.py": """
                import random
                def roll():
                    return random.randint(1, 6)
            """,
            "tests/test_r.py": """
                import dice
                def test_pick():
                    assert dice.roll() != 3 and dice.roll() > 2
            """,
        },
    ),
    plant(
        "hash-order", "tests/test_h.py::test_first", "seed", "flaky",
        culprit="PYTHONHASHSEED",
        files={
            "tests/test_h.py": """
                def test_first():
                    names = {"alpha", "beta", "gamma", "delta"}
                    assert list(names)[0] in ("alpha", "beta")
            """,
        },
    ),
    plant(
        "entropy", "tests/test_e.py::test_token", "flaky",
        files={
            "tests/test_e.py": """
                import os
                def test_token():
                    assert os.urandom(1)[0] % 2 == 0
            """,
        },
    ),
    plant(
        "race", "tests/test_t.py::test_counter", "threads", "flaky",
        files={
            "tests/test_t.py": """
                import threading, time
                class Counter:
                    value = 0
                    def bump(self):
                        for _ in range(20):
                            seen = self.value
                            time.sleep(0.0005)
                            self.value = seen + 1
                def test_counter():
                    c = Counter()
                    ts = [threading.Thread(target=c.bump) for _ in range(4)]
                    [t.start() for t in ts]
                    [t.join() for t in ts]
                    assert c.value == 80
            """,
        },
    ),
)  # fmt: skip
