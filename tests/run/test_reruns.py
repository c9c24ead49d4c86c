"""Red tests are run again at the end of a run: what is steady, what needs others, what is chance."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.lab import PATIENCE, Lab
from triage.documents.rerun_check import check_reruns
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Run = Callable[..., RunRecord]
SUITE = """
import os, pathlib, time

state = []

def times(name):
    "How often this test has run, this time included: the count outlives the process."
    path = pathlib.Path(os.environ["COUNTS"], name)
    path.open("a").write("x")
    return path.stat().st_size

def test_first_in_its_process():
    assert times("first") > 1

def test_polluter():
    state.append("left behind")

def test_steady():
    assert times("steady") == 0

def test_victim():
    times("victim")
    assert not state

def test_green_again():
    assert times("again") > 1

def test_dies_once():
    if times("dies") == 1:
        os.abort()

def test_passes():
    pass

def test_green_at_the_third_try():  # the last one: reruns of others in their place do not count for it
    assert times("third") > 2
"""
NODEID = "test_m.py::test_"


def _write(tmp_path: Path, text: str = SUITE) -> dict[str, str]:
    suite, counts = tmp_path / "suite", tmp_path / "counts"
    suite.mkdir()
    counts.mkdir()
    (suite / "test_m.py").write_text(text)
    return {"COUNTS": str(counts), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def test_what_reruns_say_of_each_red_test(tmp_path: Path, run_here: Run, evidence: Callable[[], Path]):
    env = _write(tmp_path)
    record = run_here(env=env, reruns=2, rerun_budget=600.0)
    found = {result.nodeid.removeprefix(NODEID): result for result in record.results}

    assert {name: result.outcome.value for name, result in found.items()} == {
        "first_in_its_process": "flaky", "polluter": "passed", "steady": "failed", "victim": "failed",
        "green_again": "flaky", "green_at_the_third_try": "flaky", "dies_once": "flaky", "passes": "passed",
    }  # fmt: skip
    assert record.complete
    assert record.counts.flaky == 4
    assert record.counts.adds_up

    figures = {name: result.reruns for name, result in found.items() if result.reruns}
    assert (figures["steady"].runs, figures["steady"].failed) == (2, 2)
    assert (figures["green_again"].runs, figures["green_again"].in_place) == (2, "passed")
    assert figures["first_in_its_process"].runs == 1, "alone is its place"
    assert (figures["victim"].hint, figures["victim"].alone) == ("needs-others", "passed")
    assert figures["victim"].in_place == "failed", "the polluter ran before it again"
    assert figures["green_at_the_third_try"].failed == 1
    assert found["green_again"].failures, "what was seen stays known"

    document = json.loads((evidence() / "reruns" / "reruns.json").read_bytes())
    rows = {row["nodeid"].removeprefix(NODEID): row for row in document["tests"]}
    assert rows["victim"]["runs"][1]["behind"] == 3
    lines = [json.loads(line) for line in (evidence() / "reruns" / "events.jsonl").read_bytes().splitlines()]
    processes = {run["chunk"] for row in rows.values() for run in row["runs"]}
    assert {line["chunk"] for line in lines} == processes
    assert all((evidence() / "reruns" / f"{process}.log").is_file() for process in processes)

    assert list(check_reruns(evidence() / "reruns", record)) == []
    _tamper(evidence() / "reruns", record)


@pytest.mark.parametrize(
    ("deaths", "hint", "in_place"),
    [((2, 4), "needs-others", "failed"), ((2, 99), "undecided", None)],
)
def test_a_victim_behind_a_test_that_ends_the_process(tmp_path: Path, run_here: Run, deaths, hint, in_place):
    """It is run in its place until that test lets it; where it never does, nobody knows."""
    first, last = deaths
    dies = f"""
def test_dies():
    if {first} <= times("dies") <= {last}:
        os.abort()
"""
    text = (
        SUITE.partition("def test_first_in_its_process")[0]
        + dies
        + """
def test_polluter():
    state.append("left behind")

def test_victim():
    assert not state
"""
    )
    record = run_here(env=_write(tmp_path, text), reruns=2, rerun_budget=600.0)
    found = {result.nodeid.removeprefix(NODEID): result for result in record.results}
    assert {name: result.outcome.value for name, result in found.items()} == {
        "dies": "passed", "polluter": "passed", "victim": "failed",
    }  # fmt: skip
    reruns = found["victim"].reruns
    assert (reruns.alone, reruns.hint, reruns.in_place) == ("passed", hint, in_place)
    said = "red tests that gave no outcome when run again: 1"
    assert (said in record.notes) is (in_place is None)


def _tamper(folder: Path, record: RunRecord) -> None:
    """Each lie about a rerun is found."""
    green = [
        result.model_copy(update={"outcome": "flaky"}) if result.nodeid == NODEID + "steady" else result
        for result in record.results
    ]
    lie = record.model_copy(update={"results": tuple(green)})
    assert "steady is failed by its runs" in dict(check_reruns(folder, lie))["reruns.json"]

    document = (folder / "reruns.json").read_text()
    (folder / "reruns.json").write_text(document.replace('"outcome": "failed"', '"outcome": "passed"'))
    problems = [problem for _, problem in check_reruns(folder, record)]
    assert any("steady is passed in chunk_" in problem for problem in problems)
    (folder / "reruns.json").write_text(document)
    (folder / "events.jsonl").unlink()
    assert list(check_reruns(folder, record)) == [("events.jsonl", "is missing")]


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"reruns": 0}, None),
        ({"reruns": 2, "rerun_budget": 1e-9}, "red tests not run again to the end, for want of time: 6"),
    ],
)
def test_no_reruns(tmp_path: Path, run_here: Run, options, note):
    record = run_here(env=_write(tmp_path), **options)
    assert record.counts.flaky == 0
    assert not any(result.reruns for result in record.results)
    assert [text for text in record.notes if "again" in text] == ([note] if note else [])


def test_no_reruns_where_much_of_the_suite_is_red(tmp_path: Path, run_here: Run):
    text = """
import pytest
@pytest.mark.parametrize("n", range(11))
def test_m(n):
    assert False
"""
    record = run_here(env=_write(tmp_path, text), reruns=2)
    assert record.notes == ("11 of 11 tests are red: none of them was run again",)


@pytest.mark.slow
def test_a_hang_is_run_again_once_where_its_limit_fits_the_budget(tmp_path: Path, run_here: Run):
    text = """
import os, pathlib, time
def test_hangs_once():
    path = pathlib.Path(os.environ["COUNTS"], "hang")
    if not path.exists():
        path.touch()
        time.sleep(3600)

def test_hangs():
    time.sleep(3600)
"""
    options = {"env": _write(tmp_path, text), "reruns": 2, "limits": {"test_timeout": 1.0}}
    record = run_here(**options, rerun_budget=0.5)
    assert [(result.outcome, result.reruns) for result in record.results] == [("timeout", None)] * 2
    (tmp_path / "counts" / "hang").unlink()
    once, always = run_here(**options, rerun_budget=600.0).results
    assert (once.outcome, once.reruns.runs) == ("flaky", 1)
    assert (always.outcome, always.reruns.runs) == ("timeout", 1)


@pytest.mark.slow
def test_a_run_that_is_stopped_in_its_reruns_makes_them_when_it_is_resumed(tmp_path: Path, lab: Lab):
    text = f"""
import pathlib, time
def test_red_then_slow_then_green():
    path = pathlib.Path({str(lab.ran)!r})
    path.write_text(path.read_text() + "run\\n")
    times = len(path.read_text().split())
    if times == 2:
        time.sleep(3600)
    assert times > 2
"""
    (lab.root / "test_m.py").write_text(text)
    options = ("reruns=1", "rerun_budget=600.0")
    process = lab.start(*options)
    lab.wait_for(2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    record = lab.finish("resume", *options)
    (result,) = record["results"]
    assert (result["outcome"], result["reruns"]["runs"]) == ("flaky", 1)
    assert lab.ran.read_text().split() == ["run"] * 3


def test_what_another_chunk_held_is_told_from_chance(tmp_path: Path, run_here: Run):
    """Two chunks at once want one port: one of them is refused, and is green with nothing beside it."""
    text = """
import pathlib, os, socket, time

def test_serves():
    with socket.socket() as server:
        server.bind(("127.0.0.1", int(os.environ["PORT"])))
        server.listen()
        # until the other chunk has asked for it, or long after it should have
        mark = pathlib.Path(os.environ["COUNTS"], "asked")
        for _ in range(200):
            if mark.exists():
                break
            time.sleep(0.05)

def test_asks():
    mark = pathlib.Path(os.environ["COUNTS"], "asked")
    try:
        for _ in range(200):
            with socket.socket() as server:
                server.bind(("127.0.0.1", int(os.environ["PORT"])))
            if mark.exists():
                break
            time.sleep(0.05)
    finally:
        mark.touch()
"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = _write(tmp_path, text) | {"PORT": port}
    record = run_here(env=env, reruns=2, rerun_budget=600.0, workers=2, chunks=2)
    refused = [result for result in record.results if result.reruns is not None]
    assert [(r.outcome, r.reruns.hint, r.reruns.failed) for r in refused] == [("flaky", "beside-others", 0)]
