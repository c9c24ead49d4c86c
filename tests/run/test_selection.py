"""What pytest is told to look at for a selection of tests, by really running it."""

from __future__ import annotations

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.cli.context import real_world
from triage.model.outcome import Outcome
from triage.model.run import Selection
from triage.process.local import LocalExecutor
from triage.run.selection import run_selection


def test_a_file_whose_name_pytest_does_not_take_is_run_all_the_same(tmp_path):
    root = tmp_path / "suite"
    (root / "odd").mkdir(parents=True)
    (root / "odd" / "test_a [x].py").write_text("def test_one(): pass\n\ndef test_two(): assert 0\n")
    (root / "odd" / "test_b.py").write_text("def test_other(): assert 0\n")
    (root / "test_c.py").write_text("def test_plain(): pass\n")
    nodeids = ("odd/test_a [x].py::test_two", "test_c.py::test_plain")
    world = real_world()
    executor = LocalExecutor(world=world)
    result = run_selection(
        Selection(root=str(root), nodeids=nodeids, env=NO_FOREIGN_PLUGINS),
        env={},
        python=None,
        folder=tmp_path / "run",
        executor=executor,
        world=world,
    )
    executor.close()
    outcomes = {each.nodeid: each.outcome for each in result.results}
    assert outcomes == dict(zip(nodeids, (Outcome.FAILED, Outcome.PASSED), strict=True))
