"""A run in shards is the same run; missing and double shards are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.looks import LookBuilder
from tests.planted.hostile.api import HostileSuite
from triage.documents.rerun_check import check_reruns
from triage.errors import UsageError
from triage.evidence.folder import EvidenceFolder
from triage.model.look import LookDocument
from triage.model.run import RunRecord
from triage.run.shards import gather, joined, shard_folders

pytestmark = pytest.mark.slow


@pytest.fixture
def shards(tmp_path: Path, run_here: Callable[..., RunRecord]) -> list[RunRecord]:
    files = {
        f"test_{n}.py": f"import os\ndef test_a(): assert {n} != 2\ndef test_b(): {n} == 3 and os.abort()\n"
        for n in range(7)
    }
    HostileSuite(files | {"test_x.py": "import nothing_like_it\n"}, {}).write(tmp_path / "suite")
    return [run_here(shard=(n, 3), stamp=f"2026010{n}T000000Z", reruns=1) for n in (1, 2, 3)]


def test_joined_shards_are_the_one_run(
    shards: list[RunRecord], run_here: Callable[..., RunRecord], tmp_path: Path
) -> None:
    whole = run_here(workers=3, stamp="20260109T000000Z", reruns=1)
    one = joined(shards, stamp="s", campaign="t")
    assert one.complete
    assert one.counts == whole.counts
    assert {(r.nodeid, r.outcome) for r in one.results} == {(r.nodeid, r.outcome) for r in whole.results}
    assert [e.nodeid for e in one.collect_errors] == [e.nodeid for e in whole.collect_errors]
    reports = tmp_path / "suite" / "reports" / "t" / "phase_a"
    folder = EvidenceFolder.create(tmp_path / "suite", "joined", "a", "20260110T000000Z")
    sources = [path for path in shard_folders(reports)[0] if path.name < "20260109"]
    for number, source in enumerate(sources[:2]):
        traced_run(number, source / "look")
    record = gather(sources, folder)
    assert record.counts == whole.counts
    assert record.plan is not None
    assert {p.name for p in (folder.path / "chunks").iterdir()} == {c.name for c in record.plan.chunks}
    assert sum(result.reruns is not None for result in record.results) == 2
    assert list(check_reruns(folder.path / "reruns", record)) == []
    look = LookDocument.model_validate_json((folder.path / "look" / "look.json").read_bytes())
    ran = {test.nodeid: [str(look.functions[n]) for n in test.functions] for test in look.tests}
    assert ran == {
        "t.py::red0": ["shop.py:net", "shop.py:own0"],
        "t.py::red1": ["shop.py:own1", "shop.py:net"],
    }
    assert [look.functions[n].name for n in look.of("t.py::red1").failure.suspects] == ["net"]


def traced_run(number: int, folder: Path) -> None:
    """The look of one shard, whose functions have numbers of their own."""
    look = LookBuilder()
    functions = ["shop.py:net", f"shop.py:own{number}"]
    if number:
        functions.reverse()
    look.red(f"t.py::red{number}", {name: [1] for name in functions}, calls=["shop.py:net"])
    folder.mkdir(exist_ok=True)
    (folder / "look.json").write_text(look.document().model_dump_json())


def test_a_damaged_look_of_a_shard_is_said(shards: list[RunRecord], tmp_path: Path) -> None:
    reports = tmp_path / "suite" / "reports" / "t" / "phase_a"
    sources = shard_folders(reports)[0]
    traced_run(0, sources[0] / "look")
    (sources[0] / "look" / "look.json").write_text("{")
    folder = EvidenceFolder.create(tmp_path / "suite", "joined", "a", "20260110T000000Z")
    with pytest.raises(UsageError, match="of a shard is damaged"):
        gather(sources, folder)


def test_a_missing_shard_is_void_and_its_tests_are_listed(shards: list[RunRecord]) -> None:
    one = joined([shards[0], shards[2]], stamp="s", campaign="t")
    assert one.void == "missing shards: 2/3"
    assert not one.complete
    assert one.counts.collected == 14
    assert one.counts.not_run == shards[1].counts.collected
    assert one.counts.adds_up


def test_what_does_not_belong_together_is_refused(
    shards: list[RunRecord], run_here: Callable[..., RunRecord]
) -> None:
    with pytest.raises(UsageError, match="double-shard"):
        joined([*shards, shards[1]], stamp="s", campaign="t")
    with pytest.raises(UsageError, match="not-a-shard"):
        joined([run_here(stamp="20260111T000000Z")], stamp="s", campaign="t")
    with pytest.raises(UsageError, match="different-plans"):
        joined(
            [shards[0], run_here(shard=(2, 3), chunks=7, stamp="20260112T000000Z")], stamp="s", campaign="t"
        )
