"""Decoys: they fail for no reason but their own code, whatever they look like."""

from __future__ import annotations

from triage.testing.zoo import Plant, plant

_HONEST = ("unknown", "product-defect", "test-defect")


def _decoy(name: str, body: str, *kinds: str, **files: str) -> Plant:
    return plant(
        name, "tests/test_d.py::test_it", *(kinds or _HONEST), decoy=True,
        files={"tests/test_d.py": body, **files},
    )  # fmt: skip


PLANTS: tuple[Plant, ...] = (
    _decoy("wrong-sum", """
        def test_it():
            assert 2 + 2 == 5
    """),
    _decoy("reads-the-environment", """
        import os
        def test_it():
            home = os.environ.get("HOME", "/")
            assert len(home) < 0
    """),
    _decoy("asks-the-time", """
        import datetime
        def test_it():
            now = datetime.datetime.now()
            assert now.year > 0 and 1 == 2
    """),
    _decoy("draws-and-ignores", """
        import random
        def test_it():
            random.seed(4)
            x = random.random()
            assert x > 2
    """),
    _decoy("opens-what-is-there", """
        def test_it():
            assert open("tests/test_d.py").read() == ""
    """),
    _decoy("wrong-by-far", """
        import pytest
        def test_it():
            assert 3.0 == pytest.approx(2.0)
    """),
    _decoy("type-error", """
        def test_it():
            assert len(5) == 1
    """),
    _decoy("starts-threads", """
        import threading
        def test_it():
            t = threading.Thread(target=lambda: None)
            t.start(); t.join()
            assert t.is_alive()
    """),
    _decoy("product-raises", """
        import thing
        def test_it():
            assert thing.f(0) == 1
    """, "product-defect", "unknown", **{"thing.py": "def f(x):\n    return 1 // x\n"}),
    _decoy("looks-for-a-file-and-copes", """
        import os
        def test_it():
            extra = os.path.exists("tests/extra.cfg")
            assert not extra and 1 > 2
    """),
)  # fmt: skip
