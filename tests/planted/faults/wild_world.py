"""Chance, time and variables in packages of usual shapes."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

PLANTS: tuple[Plant, ...] = (
    plant(
        "shuffle-in-package", "tests/test_deal.py::TestDeal::test_first_card", "seed", "flaky",
        culprit="deck.py",
        files={
            "src/cards/__init__.py": "",
            "src/cards/deck.py": """
                import random
                class Deck:
                    def __init__(self):
                        self.cards = list(range(8))
                        random.shuffle(self.cards)
            """,
            "tests/conftest.py": """
                import sys
                sys.path.insert(0, 'src')
            """,
            "tests/test_deal.py": """
                from cards.deck import Deck
                class TestDeal:
                    def test_first_card(self):
                        assert Deck().cards[0] < 4
            """,
        },
    ),
    plant(
        "default-rng", "tests/test_r.py::test_mean", "seed", "flaky",
        files={
            "sim.py": """
                import numpy as np
                RNG = np.random.default_rng()
                def run(n):
                    return RNG.normal(size=n).mean()
            """,
            "tests/test_r.py": """
                import sim
                def test_mean():
                    assert abs(sim.run(20)) < 0.15
            """,
        },
    ),
    plant(
        "set-order-join", "tests/test_h.py::test_csv", "seed", "flaky", culprit="PYTHONHASHSEED",
        files={
            "tags.py": """
                def line(tags):
                    return ",".join({t.lower() for t in tags})
            """,
            "tests/test_h.py": """
                import tags
                def test_csv():
                    assert tags.line(["Red", "Blue", "Green"]).startswith(("red", "blue"))
            """,
        },
    ),
    plant(
        "racy-append", "tests/test_q.py::test_order", "threads", "flaky",
        files={
            "pool.py": """
                import threading, time
                def gather(jobs):
                    out = []
                    def work(n):
                        time.sleep(0.001 if n % 2 else 0.0011)
                        out.append(n)
                    ts = [threading.Thread(target=work, args=(n,)) for n in jobs]
                    [t.start() for t in ts]
                    [t.join() for t in ts]
                    return out
            """,
            "tests/test_q.py": """
                import pool
                def test_order():
                    assert pool.gather([1, 2, 3]) == [1, 2, 3]
            """,
        },
    ),
    plant(
        "new-year", "tests/test_age.py::test_age", "clock", culprit="people.py",
        files={
            "people.py": """
                from datetime import date
                def age(born):
                    return date.today().year - born.year
            """,
            "tests/test_age.py": """
                from datetime import date
                import people
                def test_age():
                    assert people.age(date(2000, 1, 1)) == 25
            """,
        },
    ),
    plant(
        "token-expired", "tests/test_auth.py::test_token", "clock",
        files={
            "auth.py": """
                import time
                TOKEN = {"sub": "ann", "exp": 1767225600}
                def check(token):
                    if token["exp"] < time.time():
                        raise PermissionError("token expired")
                    return token["sub"]
            """,
            "tests/test_auth.py": """
                import auth
                def test_token():
                    assert auth.check(auth.TOKEN) == "ann"
            """,
        },
    ),
    plant(
        "dst-gap", "tests/test_d.py::test_day_length", "clock", culprit="TZ", env={"TZ": "Europe/Berlin"},
        files={
            "days.py": """
                import time
                def seconds(y, m, d):
                    a = time.mktime((y, m, d, 0, 0, 0, 0, 0, -1))
                    b = time.mktime((y, m, d + 1, 0, 0, 0, 0, 0, -1))
                    return b - a
            """,
            "tests/test_d.py": """
                import days
                def test_day_length():
                    assert days.seconds(2025, 3, 30) == 86400
            """,
        },
    ),
    plant(
        "home-config", "tests/test_c.py::test_no_config", "environment-variable", culprit="HOME",
        env={"HOME": "tests/home"},
        files={
            "tests/home/.apprc": """
                verbose
            """,
            "app.py": """
                from pathlib import Path
                def config():
                    path = Path("~/.apprc").expanduser()
                    return path.read_text().strip() if path.exists() else "quiet"
            """,
            "tests/test_c.py": """
                import app
                def test_no_config():
                    assert app.config() == "quiet"
            """,
        },
    ),
    plant(
        "narrow-terminal", "tests/test_w.py::test_table", "environment-variable", culprit="COLUMNS",
        env={"COLUMNS": "30"},
        files={
            "table.py": """
                import shutil
                def row(text):
                    width = shutil.get_terminal_size().columns
                    return text if len(text) <= width else text[: width - 1] + "~"
            """,
            "tests/test_w.py": """
                import table
                def test_table():
                    assert table.row("x" * 60) == "x" * 60
            """,
        },
    ),
)  # fmt: skip
