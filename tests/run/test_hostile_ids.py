"""Ids of every kind keep their outcome, alone and among 20,000."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.hostile import ids
from tests.planted.hostile.api import HostileSuite
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Survive = Callable[..., RunRecord]


def test_odd_parameter_ids(tmp_path: Path, run_here: Callable[..., RunRecord], isolation: str) -> None:
    ids.odd_parameters().write(tmp_path / "suite")
    record = run_here(isolation=isolation)
    assert record.complete
    outcomes = [result.outcome.value for result in record.results]
    assert outcomes == ["failed" if n % 7 == 3 else "passed" for n in range(len(ids.ODD_IDS))]
    assert len({result.nodeid for result in record.results}) == len(outcomes)
    record.model_dump_json().encode("utf-8")


def test_odd_file_names(survive: Survive, isolation: str) -> None:
    survive(ids.odd_files(), isolation=isolation, chunks=3)


def test_doctest_unittest_subtests_and_custom_items(
    tmp_path: Path, run_here: Callable[..., RunRecord], isolation: str
) -> None:
    suite = ids.other_makers()
    suite.write(tmp_path / "suite")
    record = run_here(isolation=isolation)
    same = [r.outcome.value for r in record.results if r.nodeid == ids.SAME_LINES]
    assert same == ["passed", "failed", "passed"]
    others = {r.nodeid: r.outcome.value for r in record.results if r.nodeid != ids.SAME_LINES}
    assert others == dict(suite.expected)
    subtests = {r.nodeid: [f.subtest for f in r.failures] for r in record.results if r.failures}
    assert subtests["test_subs.py::test_two_of_three"] == ["part i=0", "part i=2"]
    assert subtests["test_unit.py::T::test_sub"] == ["i=1"]


@pytest.mark.slow
def test_thousands_of_ids_of_which_two_crash(tmp_path: Path, run_here: Callable[..., RunRecord]) -> None:
    text = (
        "import os, pytest\n@pytest.mark.parametrize('n', range(6000), ids=lambda n: f'{n}-' + 'x' * 60)\n"
        "def test_many(n):\n    if n in (1500, 4500): os.abort()\n    assert n != 5999\n"
    )
    HostileSuite({"test_many.py": text}, {}).write(tmp_path / "suite")
    record = run_here(workers=2)
    assert (record.counts.passed, record.counts.failed, record.counts.crashed) == (5997, 1, 2)
    crashed = [r.nodeid.split("[")[1].split("-")[0] for r in record.results if r.outcome == "crashed"]
    assert crashed == ["1500", "4500"]
