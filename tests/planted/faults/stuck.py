"""Plants that stand still or die: locks, threads, children, pipes, sockets, loops, aborts."""

from __future__ import annotations

from typing import Any

from tests.planted.faults.api import Plant, plant

_HONEST = ("unknown", "product-defect", "test-defect")


def _stuck(name: str, culprit: str, body: str, kinds: Any = ("timeout",), **files: str) -> Plant:
    return plant(
        name, "tests/test_s.py::test_it", *kinds, culprit=culprit, settings="test-timeout = 3\n",
        files={"tests/test_s.py": body, **files},
    )  # fmt: skip


PLANTS: tuple[Plant, ...] = (
    _stuck("lock-order", "bank.py", """
        import threading, bank
        def test_it():
            a, b = bank.Account(5), bank.Account(5)
            one = threading.Thread(target=bank.move, args=(a, b, 1))
            two = threading.Thread(target=bank.move, args=(b, a, 1))
            one.start(); two.start()
            one.join(); two.join()
            assert a.sum + b.sum == 10
    """, ("timeout", "threads"), **{"bank.py": """
        import threading, time
        class Account:
            def __init__(self, sum):
                self.sum, self.lock = sum, threading.Lock()
        def move(source, target, amount):
            with source.lock:
                time.sleep(0.2)
                with target.lock:
                    source.sum -= amount
                    target.sum += amount
    """}),
    _stuck("join-never", "pool.py", """
        import pool
        def test_it():
            worker = pool.start()
            worker.join()
    """, **{"pool.py": """
        import threading
        STOP = threading.Event()
        def start():
            thread = threading.Thread(target=STOP.wait, name="sweeper", daemon=True)
            thread.start()
            return thread
    """}),
    _stuck("child-waits-for-input", "shellout.py", """
        import shellout
        def test_it():
            assert shellout.ask() == 0
    """, **{"shellout.py": """
        import subprocess, sys
        def ask():
            child = subprocess.Popen([sys.executable, "-c", "input('name? ')"], stdin=subprocess.PIPE)
            return child.wait()
    """}),
    _stuck("pipe-full", "shellout.py", """
        import shellout
        def test_it():
            assert shellout.report() == 0
    """, **{"shellout.py": """
        import subprocess, sys
        def report():
            child = subprocess.Popen([sys.executable, "-c", "print('x' * 1_000_000)"], stdout=subprocess.PIPE)
            return child.wait()
    """}),
    _stuck("queue-empty", "mail.py", """
        import mail
        def test_it():
            assert mail.Box().next() is None
    """, **{"mail.py": """
        import queue
        class Box:
            def __init__(self):
                self.items = queue.Queue()
            def next(self):
                return self.items.get()
    """}),
    _stuck("nobody-connects", "server.py", """
        import server
        def test_it():
            assert server.serve_one()
    """, **{"server.py": """
        import socket
        def serve_one():
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                s.listen()
                peer, _ = s.accept()
                return peer
    """}),
    _stuck("spins", "solver.py", """
        import solver
        def test_it():
            assert solver.root(8) == 3
    """, **{"solver.py": """
        def root(n):
            guess = 0
            while guess * guess != n:
                guess -= 1
            return guess
    """}),
    _stuck("event-never-set", "flow.py", """
        import asyncio, flow
        def test_it():
            assert asyncio.run(flow.finished())
    """, **{"flow.py": """
        import asyncio
        async def finished():
            done = asyncio.Event()
            await done.wait()
            return True
    """}),
    _stuck("slow-but-moving", "tests/test_s.py", """
        import time
        def test_it():
            total = 0
            for n in range(35):
                time.sleep(0.1)
                total += n
            assert total == 595
    """),
    plant(
        "abort-at-import", "tests/test_x.py", "crash", culprit="driver.py",
        files={
            "driver.py": "import os\nHANDLE = os.abort()\n",
            "tests/test_x.py": "import driver\ndef test_it():\n    assert driver\n",
        },
    ),
    plant(
        "thread-dies", "tests/test_x.py::test_it", "crash", culprit="native.py",
        files={
            "native.py": """
                import ctypes, threading
                def poke():
                    ctypes.memset(8, 0, 4)
                def start():
                    thread = threading.Thread(target=poke)
                    thread.start()
                    thread.join()
                    return True
            """,
            "tests/test_x.py": "import native\ndef test_it():\n    assert native.start()\n",
        },
    ),
    plant(
        "decoy-says-timeout", "tests/test_s.py::test_it", *_HONEST, "timeout", decoy=True,
        files={"tests/test_s.py": """
            def wait(seconds):
                raise TimeoutError(f"timed out after {seconds} s")
            def test_it():
                assert wait(3)
        """},
    ),
    plant(
        "decoy-says-segfault", "tests/test_s.py::test_it", *_HONEST, decoy=True,
        files={"tests/test_s.py": """
            def test_it():
                code = -11
                assert code == 0, "Fatal Python error: Segmentation fault"
        """},
    ),
)  # fmt: skip
