"""The meter `holds`: what a test takes hold of that another process could hold too."""

from __future__ import annotations

FILES = {
    "app.py": """
        import os, pathlib, socket, sqlite3, tempfile
        def everything(tmp_path):
            pathlib.Path("state/out.txt").write_text("x")
            os.mkdir(os.path.join(tempfile.gettempdir(), "locks"))
            (tmp_path / "own.txt").write_text("x")
            sqlite3.connect(":memory:").close()
            sqlite3.connect("state/rows.db").close()
            with socket.socket() as fixed, socket.socket() as free:
                fixed.bind(("127.0.0.1", 48917))
                free.bind(("127.0.0.1", 0))
            open("app.py").close()
            open("state/keep").close()
            assert not os.path.exists("state/done") and not pathlib.Path("state/lock").is_file()
            assert os.access("state", os.R_OK) and os.stat in os.supports_dir_fd
    """,
    "state/keep": "",
    "test_a.py": """
        import app
        def test_it(tmp_path):
            app.everything(tmp_path)
        def test_calm(tmp_path):
            (tmp_path / "x").write_text("x")
    """,
}


def test_files_and_addresses_are_named_alike_in_every_process(observe, tmp_path):
    (tmp_path / "short").mkdir()
    run = observe(FILES, "test_a.py", env={"TMPDIR": str(tmp_path / "short")}, holds={})
    lines = run.lines("holds", "hold")
    assert [line["name"] for line in lines] == [
        "the file state/out.txt",
        "the file $TMPDIR/locks",
        "the file state/rows.db",
        "the address 127.0.0.1:48917",
    ]
    assert {line["nodeid"] for line in lines} == {"test_a.py::test_it"}
    assert lines[0]["where"] == "app.py:4"
    # libraries look at folders above the suite's, some of them in one environment and not in another
    read = [line["name"] for line in run.lines("holds", "read") if line["name"].startswith("the file state")]
    assert read == ["the file state/keep", "the file state/done", "the file state/lock", "the file state"]
    assert run.outcome("test_a.py::test_it").value == "passed"
