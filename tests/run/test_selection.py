"""What pytest is told to look at for a selection of tests, by really running it."""

from __future__ import annotations

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.cli.context import real_world
from triage.model.outcome import Outcome
from triage.model.run import Selection
from triage.process.local import LocalExecutor
from triage.run.selection import run_selection


def run(root, folder, selection):
    world = real_world()
    executor = LocalExecutor(world=world)
    result = run_selection(selection, env={}, python=None, folder=folder, executor=executor, world=world)
    executor.close()
    return {each.nodeid: each.outcome for each in result.results}


def test_groups_of_one_selection_see_nothing_of_each_other(tmp_path):
    root = tmp_path / "suite"
    root.mkdir()
    (root / "test_it.py").write_text(
        "import os\n\nDONE = []\n\n"
        "def test_fills(): DONE.append(1)\n\n"
        "def test_dies(): os._exit(1)\n\n"
        "def test_behind(): assert DONE\n\n"
        "def test_before(): assert not DONE\n"
    )
    fills, dies, behind, before = (
        f"test_it.py::test_{name}" for name in ("fills", "dies", "behind", "before")
    )
    outcomes = run(
        root,
        tmp_path / "run",
        Selection(
            root=str(root),
            nodeids=(fills, dies, behind, before),
            env=NO_FOREIGN_PLUGINS,
            groups=((fills, behind), (dies,), (before,)),
        ),
    )
    passed = Outcome.PASSED
    assert outcomes == {fills: passed, dies: Outcome.CRASHED, behind: passed, before: passed}
    assert (tmp_path / "run" / "events.jsonl").read_text().count('"e":"collected"') == 1


def test_a_file_whose_name_pytest_does_not_take_is_run_all_the_same(tmp_path):
    root = tmp_path / "suite"
    (root / "odd").mkdir(parents=True)
    (root / "odd" / "test_a [x].py").write_text("def test_one(): pass\n\ndef test_two(): assert 0\n")
    (root / "odd" / "test_b.py").write_text("def test_other(): assert 0\n")
    (root / "test_c.py").write_text("def test_plain(): pass\n")
    nodeids = ("odd/test_a [x].py::test_two", "test_c.py::test_plain")
    outcomes = run(root, tmp_path / "run", Selection(root=str(root), nodeids=nodeids, env=NO_FOREIGN_PLUGINS))
    assert outcomes == dict(zip(nodeids, (Outcome.FAILED, Outcome.PASSED), strict=True))
