"""What is kept of the base: its commit for a run that is resumed, one document for shards, a cache."""

from __future__ import annotations

import pytest

from triage.base.cache import BaseCache
from triage.base.document import AskedTest, BaseDocument, join_documents, read_target, write_target
from triage.base.observed import Observed
from triage.base.target import Target
from triage.evidence.folder import EvidenceFolder
from triage.model.base_commit import BaseRun, BaseVerdict
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

P, F = Outcome.PASSED, Outcome.FAILED
GREEN = Observed(together=(P, P, P))
BASE = BaseRun(ref="main", commit="a" * 40, chosen="main as named", tried=1)


@pytest.fixture
def folder(tmp_path):
    return EvidenceFolder.create(tmp_path, "t", "a", "20260101T000000Z")


def test_a_run_that_was_cut_short_is_judged_against_the_same_commit(folder):
    assert read_target(folder.path) is None
    target = Target("auto", "a" * 40, "merge base with main")
    write_target(folder, target)
    assert read_target(folder.path) == target


def document(*nodeids):
    tests = tuple(
        AskedTest(
            nodeid=nodeid,
            verdict=BaseVerdict.BROKEN,
            reason="passed 3 of 3 times on the base",
            is_present=True,
            head_form=GREEN,
            base_form=None,
            on_record=None,
            missing=None,
        )
        for nodeid in nodeids
    )
    return BaseDocument(stamp="s", head=None, base=BASE, changed_tests=(), tests=tests)


def test_documents_of_shards_become_one(folder, tmp_path):
    sources = [tmp_path / f"shard_{number}" for number in (1, 2, 3)]
    for source, nodeids in zip(sources, (["t.py", "t.py::a"], [], ["t.py", "t.py::b"]), strict=True):
        (source / "base").mkdir(parents=True)
        if nodeids:
            (source / "base" / "base.json").write_text(document(*nodeids).model_dump_json())
    record = RunRecord(stamp="s", campaign="t", root="/r", complete=True, base=BASE)
    join_documents(sources, folder, record)
    joined = BaseDocument.model_validate_json((folder.path / "base" / "base.json").read_bytes())
    assert {test.nodeid for test in joined.tests} == {"t.py", "t.py::a", "t.py::b"}


class TestCache:
    def test_settled_outcomes_are_kept_with_their_run(self, tmp_path):
        """What was red and green on a commit is flaky there, however often it is asked again."""
        cache = BaseCache(tmp_path, "a" * 40, "tests", "environment")
        flaky = Observed(together=(P, F))
        cache.keep({"t::a": GREEN, "t::b": None, "t::c": Observed(together=(P,)), "t::d": flaky}, "STAMP")
        again = BaseCache(tmp_path, "a" * 40, "tests", "environment")
        assert again.get("t::a", None) == GREEN.model_copy(update={"cached_from": "STAMP"})
        assert again.get("t::b", None) is None
        assert again.get("t::c", None) is None
        assert again.get("t::d", None) == flaky.model_copy(update={"cached_from": "STAMP"})

    def test_another_commit_test_or_environment_is_another_cache(self, tmp_path):
        BaseCache(tmp_path, "a" * 40, "tests", "environment").keep({"t::a": GREEN}, "STAMP")
        for key in (("b" * 40, "tests", "environment"), ("a" * 40, "other", "environment")):
            assert BaseCache(tmp_path, *key).get("t::a", None) is None
        assert BaseCache(tmp_path, "a" * 40, "tests", "other").get("t::a", None) is None

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 1, "tests": {"t::a": {"no": 1}}}'])
    def test_a_damaged_file_is_as_none(self, tmp_path, text):
        BaseCache(tmp_path, "a" * 40, "x").keep({"t::a": GREEN}, "STAMP")
        (path,) = (tmp_path / ".triage" / "base").iterdir()
        path.write_text(text)
        assert BaseCache(tmp_path, "a" * 40, "x").get("t::a", None) is None

    def test_a_place_that_cannot_be_written_is_no_error(self, tmp_path):
        (tmp_path / ".triage").write_text("a file in its place")
        cache = BaseCache(tmp_path, "a" * 40, "x")
        cache.keep({"t::a": GREEN}, "STAMP")
        assert cache.get("t::a", None) is None
