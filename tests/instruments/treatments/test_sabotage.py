"""Planted breaks: a test that checks gradients notices them, one that does not is found out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

SUITE = """\
import unittest
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def scale():
    return torch.tensor(3.0)


@pytest.fixture(params=[1.0, 2.0])
def start(request):
    return request.param


def leaves(value=2.0):
    return {name: torch.tensor(value, requires_grad=True) for name in ("first", "second")}


def test_strict(scale):
    made = leaves()
    (made["first"] * made["second"] * scale).backward()
    assert made["first"].grad.item() == 6.0
    assert made["second"].grad.item() == 6.0


def test_checks_one_leaf_alone(scale, start):
    made = leaves(start)
    (made["first"] * made["second"] * scale).backward()
    assert made["first"].grad.item() != 0.0


def test_never_looks():
    made = leaves()
    loss = made["first"] * made["second"]
    if loss.requires_grad:
        loss.backward()
    assert loss.item() == 4.0


def test_functional():
    x = torch.tensor(2.0, requires_grad=True)
    y = torch.tensor(5.0, requires_grad=True)
    one, other = torch.autograd.grad(x * y, (x, y))
    assert (one.item(), other.item()) == (5.0, 2.0)


def test_gradcheck():
    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: v * v, (x,))


def test_without_gradients():
    assert (HERE / "data.txt").read_text() == "7"


class TestUnit(unittest.TestCase):
    def test_unit(self):
        x = torch.tensor(2.0, requires_grad=True)
        (x * x).backward()
        self.assertEqual(x.grad.item(), 4.0)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[str, dict, list]:
    """The suite run once with both instruments: output, outcomes by test and break, files read.

    With one thread, so that tests without fixtures branch.
    """
    root = tmp_path_factory.mktemp("sabotage")
    (root / "test_it.py").write_text(SUITE)
    (root / "data.txt").write_text("7")
    (root / "pytest.ini").write_text("[pytest]\n")
    config = root / "instrument.json"
    config.write_text(json.dumps({"out": str(root), "sabotage": {"seconds": 60}}))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "triage.instruments.treatments.sabotage",
            "-p",
            "triage.instruments.meters.reads",
        ],
        cwd=root,
        env={**os.environ, "TRIAGE_INSTRUMENT": str(config), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    outcomes: dict = defaultdict(dict)
    for line in _lines(root / "sabotage.jsonl"):
        name = line["nodeid"].partition("::")[2]
        outcomes[name][line["mode"]] = (line["outcome"], line["calls"])
        if line["branched"]:
            outcomes["branched"][name, line["mode"]] = line["outcome"]
    return done.stdout, outcomes, [line["path"] for line in _lines(root / "reads.jsonl")]


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_ordinary_run_is_untouched(ran):
    assert "8 passed" in ran[0]


@pytest.mark.parametrize("name", ["test_strict", "test_functional"])
def test_a_strict_test_notices_every_break(ran, name):
    found = ran[1][name]
    assert {"output", "zero"} < found.keys()
    assert len(found) == 4
    assert {outcome for outcome, _ in found.values()} == {"failed"}
    assert all(calls for _, calls in found.values())


@pytest.mark.parametrize("name", ["test_gradcheck", "TestUnit::test_unit"])
def test_one_leaf_gives_two_breaks(ran, name):
    assert {mode: outcome for mode, (outcome, _) in ran[1][name].items()} == {
        "output": "failed",
        "zero": "failed",
    }


@pytest.mark.parametrize("name", ["test_checks_one_leaf_alone[1.0]", "test_checks_one_leaf_alone[2.0]"])
def test_a_test_that_looks_at_one_leaf_misses_the_other(ran, name):
    found = {mode: outcome for mode, (outcome, _) in ran[1][name].items()}
    assert found == {"output": "failed", "zero": "failed", "leaf:first": "failed", "leaf:second": "passed"}


def test_a_test_that_never_looks_is_found_out(ran):
    found = {mode: outcome for mode, (outcome, _) in ran[1]["test_never_looks"].items()}
    assert found["zero"] == found["leaf:first"] == found["leaf:second"] == "passed"


def test_breaks_of_leaves_branch_off_one_run_where_no_fixture_is_torn_down_for_each(ran):
    assert ran[1]["branched"] == {
        ("test_never_looks", "leaf:first"): "passed",
        ("test_never_looks", "leaf:second"): "passed",
        ("test_functional", "leaf:x"): "failed",
        ("test_functional", "leaf:y"): "failed",
    }


def test_where_nothing_is_differentiated_nothing_is_broken(ran):
    assert {calls for _, calls in ran[1]["test_without_gradients"].values()} == {0}


def test_data_files_are_seen_and_code_is_not(ran):
    assert ran[2] == ["data.txt"]
