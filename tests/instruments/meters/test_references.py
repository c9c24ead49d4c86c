"""The meter of references names what the code of each test names, whoever runs it."""

from __future__ import annotations

from triage.hunt.readers import Readers

FILES = {
    "shop.py": """
        import functools, threading

        MODE, RATES, BOX, SOURCE = "plain", {}, [], ["a"]

        def mode():
            return MODE

        def in_thread():
            thread = threading.Thread(target=lambda: BOX)
            thread.start()
            thread.join()

        @functools.lru_cache
        def load():
            return tuple(SOURCE)
    """,
    "test_a.py": """
        import os, pytest, shop

        @pytest.fixture(scope="module")
        def client():
            return dict(shop.RATES)

        def test_mode():
            assert shop.mode() == "plain"

        def test_thread():
            shop.in_thread()

        def test_first(client):
            shop.load()

        def test_second(client):
            shop.load()

        def test_text(monkeypatch):
            monkeypatch.setattr("shop.MODE", "fancy")

        def test_variable():
            assert os.environ.get("A") is None

        def test_nothing():
            assert 1 + 1 == 2
    """,
}


def test_what_each_test_may_read(observe):
    seen = observe(FILES, "test_a.py", references={"seconds": 30})
    readers = Readers.of(list(seen.lines("references")), ["time"])

    def read(name):
        reads = readers.reads_of(f"test_a.py::test_{name}")
        keys = ("attr:shop.MODE", "attr:shop.RATES", "attr:shop.BOX", "attr:shop.SOURCE", "env:A")
        return {key.rpartition(".")[2] for key in keys if reads.has(key, readers.libraries)}

    assert read("mode") == {"MODE"}
    assert "BOX" in read("thread")
    assert read("first") >= {"RATES", "SOURCE"}
    assert read("second") >= {"RATES", "SOURCE"}  # both were made for the test before it
    assert "MODE" in read("text")
    assert "env:A" in read("variable")
    assert read("nothing") == set()


def test_where_somebody_else_traces_nothing_is_known(observe):
    files = {
        "test_b.py": """
            import sys

            def test_traces():
                sys.settrace(lambda *_: None)

            def test_behind():
                sys.settrace(None)

            def test_free():
                assert True
        """
    }
    seen = observe(files, "test_b.py", references={"seconds": 30})
    readers = Readers.of(list(seen.lines("references")))
    if sys_monitoring():
        return
    assert readers.reads_of("test_b.py::test_traces").has("attr:shop.MODE")
    assert readers.reads_of("test_b.py::test_behind").has("attr:shop.MODE")
    assert not readers.reads_of("test_b.py::test_free").has("attr:shop.MODE")


def sys_monitoring():
    import sys

    return sys.version_info >= (3, 12)
