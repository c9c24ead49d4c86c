"""Decoys: they fail for no reason but their own code, whatever they look like."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

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
    _decoy("after-others", """
        STATE = []
        def test_before():
            STATE.append(1)
        def test_it():
            assert STATE == [2]
    """),
    _decoy("sleeps", """
        import time
        def test_it():
            time.sleep(0.01)
            assert False
    """),
    _decoy("many-variables", """
        import os
        def test_it():
            wanted = [os.environ.get(n) for n in ("A_VAR", "B_VAR", "C_VAR")]
            assert wanted == [1, 2, 3]
    """),
    _decoy("parametrized-all-bad", """
        import pytest
        @pytest.mark.parametrize("n", [1, 2])
        def test_other(n):
            assert n
        def test_it():
            assert {"a": 1} == {"a": 2}
    """),
    _decoy("writes-and-reads", """
        def test_it(tmp_path):
            (tmp_path / "x").write_text("a")
            assert (tmp_path / "x").read_text() == "b"
    """),
    _decoy("off-by-one", """
        import product
        def test_it():
            assert product.pages(10, 5) == 2
    """, **{"product.py": "def pages(n, size):\n    return n // size + 1\n"}),
    _decoy("sorted-wrong", """
        def test_it():
            names = {"b", "a"}
            assert sorted(names) == ["b", "a"]
    """),
    _decoy("subprocess-fine", """
        import subprocess, sys
        def test_it():
            out = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True).stdout
            assert out == "2\\n"
    """),
    _decoy("locale-asked", """
        import locale
        def test_it():
            assert locale.getpreferredencoding(False) == "EBCDIC"
    """),
    _decoy("product-key-error", """
        import product
        def test_it():
            assert product.price("pear") == 2
    """, "product-defect", "unknown", **{"product.py": "P = {'apple': 1}\ndef price(n):\n    return P[n]\n"}),
    _decoy("wrong-constant", """
        import pytest
        def circumference(r):
            return 2 * 3.0 * r
        def test_it():
            assert circumference(1) == pytest.approx(6.2832, rel=1e-3)
    """),
)  # fmt: skip
