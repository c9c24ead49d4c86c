"""What a product runs is recorded alike by `sys.settrace` and `sys.monitoring`; nothing is disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from triage.instruments.executed import Executed
from triage.instruments.product_files import is_test_file
from triage.model.failure import is_test

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "instruments" / "executed_script.py"
NEWER = sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python"))
"""Interpreters with `sys.monitoring`, where the machine has them: the script needs no package."""


@pytest.fixture(scope="module", params=[Path(sys.executable), *NEWER], ids=lambda python: python.parts[-3])
def recorded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    command = [str(request.param), str(SCRIPT), str(folder)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return json.loads(printed)


def test_functions_and_lines_come_in_order_of_first_execution(recorded):
    box = Executed.from_json(recorded["box"])
    assert [function.name for function in box.functions] == ["Box.total", "items", "double"]
    assert {function.path for function in box.functions} == {"shop.py"}, "the test's own file does not count"
    assert [line for _, line in box.lines] == [21, 7, 8, 2, 4]
    assert (box.function_count, box.line_count, box.trouble) == (3, 5, None)
    assert Executed.from_json(box.as_json()) == box


def test_a_second_test_of_the_process_is_recorded_from_the_start(recorded):
    assert [line for _, line in recorded["again"]["lines"]] == [2, 4]
    assert [line for _, line in recorded["other line"]["lines"]] == [2, 3]


def test_threads_are_followed(recorded):
    assert [name for _, name, _ in recorded["thread"]["functions"]] == ["double"]


def test_the_record_is_bounded(recorded):
    details = [recorded[name]["detail"] for name in ("box", "functions", "few", "fewer")]
    assert details == ["lines", "functions", "functions", "counts"]
    assert not recorded["few"]["lines"]
    assert len(recorded["few"]["functions"]) == 3
    assert not recorded["fewer"]["functions"]
    assert recorded["fewer"]["function_count"] == 3


def test_a_listener_hears_of_returns_and_of_exceptions(recorded):
    assert recorded["calls"] == [["in", 0], ["in", 1], ["raised", 1], ["out", 0, None]]


def test_a_tracer_of_somebody_else_stays(recorded):
    assert recorded["kept"]
    assert recorded["kept too"]
    alone = recorded["debugger"]
    # `sys.monitoring` goes side by side with it; `sys.settrace` cannot, and says so
    assert alone["functions"] or "traces already" in alone["trouble"]


@pytest.mark.parametrize(
    "path",
    [
        "a.py",
        "test_a.py",
        "a_test.py",
        "a_tests.py",
        "tests.py",
        "conftest.py",
        "tests/help.py",
        "src/testing.py",
    ],
)
def test_the_product_is_told_from_tests_as_in_the_model(path):
    assert is_test_file(path) == is_test(path)
