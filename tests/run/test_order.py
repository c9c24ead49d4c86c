"""`--order`: a sequence of one process, from a file, reversed, shuffled, or as a plugin shuffles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.projects import WITH_FOREIGN_PLUGINS
from triage.errors import UsageError
from triage.model.run import Suite
from triage.run.grouping import Item
from triage.run.order import Order, listed_ids, order_of_arguments, parse_order, shuffled
from triage.run.plan import plan

ITEMS = [Item(f"{file}.py::{name}", f"{file}.py") for file in "abc" for name in ("one", "two", "three")]


def ordered(order, listed=(), **suite):
    made = plan(ITEMS, Suite(root="/", workers=4, order=order, **suite), {}, None, listed)
    return {chunk.name: list(chunk.nodeids) for chunk in made.chunks}


def test_an_order_is_a_sequence_of_one_process_however_many_workers_there_are():
    assert ordered("reversed") == {"chunk_01": [item.nodeid for item in reversed(ITEMS)]}


def test_chunks_that_are_asked_for_are_parts_of_the_sequence():
    parts = ordered("reversed", chunks=2)
    assert list(parts) == ["chunk_01", "chunk_02"]
    assert [*parts["chunk_01"], *parts["chunk_02"]] == [item.nodeid for item in reversed(ITEMS)]


def test_a_file_names_tests_and_files_and_the_rest_runs_by_itself():
    found = ordered("order.txt", ["c.py::two", "a.py", "c.py::one"])
    assert found["chunk_01"] == ["c.py::two", "a.py::one", "a.py::two", "a.py::three", "c.py::one"]
    assert found["chunk_rest"] == ["b.py::one", "b.py::two", "b.py::three", "c.py::three"]


def test_a_test_that_is_gone_is_said():
    with pytest.raises(UsageError, match=r"the order x.txt names 'a.py::gone'"):
        ordered("x.txt", ["a.py::gone"])


def test_a_test_that_is_named_twice_is_refused_with_the_command_that_runs_it_twice():
    with pytest.raises(UsageError, match="twice, and a run gives each test one outcome") as refused:
        ordered("x.txt", ["a.py", "c.py::two", "c.py::two"])
    assert "`triage probe c.py::two`" in str(refused.value)


def test_a_seed_gives_one_order_with_the_tests_of_a_file_together():
    (order,) = ordered("random:7").values()
    assert [order] == list(ordered("random:7").values())
    assert order != [item.nodeid for item in ITEMS]
    files = [nodeid.partition("::")[0] for nodeid in order]
    assert files == sorted(files, key=files.index)
    assert shuffled(["a", "b", "a"], 3) == [1, 2, 0], "the same on every version of Python"


@pytest.mark.parametrize(
    "text", ["random:", "random:x", "randomly:-1", "random-order:1.5", "random:9" + 30 * "9"]
)
def test_a_seed_is_a_number(text):
    with pytest.raises(UsageError, match="seed"):
        parse_order(text)


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        (["--randomly-seed=12"], "randomly:12"),
        (["-x", "--randomly-seed", "012"], "randomly:12"),
        (["--random-order-seed=5", "-q"], "random-order:5"),
        (["--randomly-seed=12", "--randomly-dont-reorganize"], None),
        (["--randomly-seed=last"], None),
        (["--randomly-seed"], None),
        (["-k", "randomly"], None),
    ],
)
def test_the_seed_of_a_plugin_on_the_command_line_is_an_order(arguments, order):
    assert order_of_arguments(arguments) == order


def test_an_order_file_is_lines_or_json():
    assert listed_ids("# of the job\n\n a.py::x \nb.py\n") == ["a.py::x", "b.py"]
    assert listed_ids('["a.py::x[1]"]') == ["a.py::x[1]"]
    assert listed_ids("[x]") == ["[x]"], "an id may begin with a bracket"
    with pytest.raises(UsageError, match="names no test"):
        listed_ids("# nothing\n")
    assert parse_order("orders/red.txt") == Order(path="orders/red.txt")


SUITE = """
def test_a(): globals()["told"] = 1
def test_b(): assert "told" not in globals()
"""
SHUFFLER = """
import random
def pytest_addoption(parser):
    parser.addoption("--randomly-seed", dest="randomly_seed", type=int, default=0)
    parser.addoption("--no-reorganize", dest="randomly_reorganize", action="store_false", default=True)
def pytest_collection_modifyitems(config, items):
    if config.option.randomly_reorganize:
        items.sort(key=lambda item: item.name, reverse=config.option.randomly_seed % 2 == 1)
"""


@pytest.fixture
def suite(tmp_path):
    """A suite whose second test fails behind the first, and a shuffler that calls itself pytest-randomly."""
    root = tmp_path / "suite"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.triage]\nreruns = 0\n[tool.pytest.ini_options]\n")
    (root / "test_it.py").write_text(SUITE)
    info = tmp_path / "site" / "pytest_randomly-9.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-randomly\nVersion: 9.0\n")
    (info / "entry_points.txt").write_text("[pytest11]\nrandomly = standing_in_for_randomly\n")
    (info.parent / "standing_in_for_randomly.py").write_text(SHUFFLER)
    return root


def outcomes(root: Path, *words: str, site: bool = True) -> tuple[str, str]:
    """Last words of `triage run`, and which tests ran in which order."""
    environ = {**os.environ, **WITH_FOREIGN_PLUGINS, "PYTHONPATH": str(root.parent / "site") if site else ""}
    command = [sys.executable, "-m", "triage", "--root", str(root), "run", "--no-history", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    return done.stdout + done.stderr, str(done.returncode)


@pytest.mark.slow
def test_what_a_plugin_makes_of_its_seed_is_the_order_of_the_run(suite):
    said, code = outcomes(suite, "--", "--randomly-seed=1")
    assert code == "0", said
    said, code = outcomes(suite, "--order", "randomly:2")
    assert code == "1", said
    said, code = outcomes(suite, "--order", "random-order:2", site=False)
    assert code == "2", said
    assert "needs pytest-random-order" in said
