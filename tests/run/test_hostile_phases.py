"""Phases, plugins that raise, tests that meddle."""

# ruff: noqa: E501 - the long lines are texts of suites
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.planted.hostile import phases
from tests.planted.hostile.api import HostileSuite
from triage.errors import UsageError, VoidError
from triage.model.run import RunRecord

pytestmark = pytest.mark.slow

Survive = Callable[..., RunRecord]


def test_every_phase(survive: Survive, isolation: str) -> None:
    record = survive(phases.every_phase(), isolation=isolation)
    failures = {r.nodeid.rpartition("::test_")[2]: r.failures for r in record.results}
    assert [f.phase.value for f in failures["call_and_teardown"]] == ["call", "teardown"]
    assert [f.phase.value for f in failures["setup_and_teardown"]] == ["setup", "teardown"]
    assert [(r.type, r.relation) for r in failures["cause"][0].chain] == [
        ("RuntimeError", "raised"),
        ("KeyError", "cause"),
    ]
    assert [r.relation for r in failures["context"][0].chain] == ["raised", "context"]
    assert [[r.type for r in failure.chain] for failure in failures["group"]] == [
        ["ValueError"],
        ["KeyError"],
    ]
    assert len(failures["circle"][0].chain) == 2
    assert len(failures["deep"][0].chain[0].frames) <= 120
    assert failures["xpass_strict"][0].message.startswith("[XPASS(strict)]")


def test_meddlers_harm_neither_others_nor_the_evidence(
    survive: Survive, isolation: str, evidence: Callable[[], Path], tmp_path: Path
) -> None:
    record = survive(phases.meddlers(), isolation=isolation)
    present = {path.name for path in evidence().rglob("*") if path.is_file()}
    assert present >= {
        "commands.txt", "env.json", "preflight.json", "plan.json", "events.jsonl", "results.json", "pytest.log",
        "report.json", "junit.xml", "exit.json",
    }  # fmt: skip
    assert any("written again" in note for note in record.notes)
    assert (tmp_path / "suite" / "plans" / "intruder.txt").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_chunk_leaves_does_not_reach_the_next(survive: Survive, isolation: str, workers: int) -> None:
    survive(phases.leavings(), isolation=isolation, chunks=5, workers=workers)


@pytest.mark.parametrize("hook", ["logreport", "protocol", "makereport"])
def test_a_plugin_that_raises_costs_one_test_at_most(survive: Survive, isolation: str, hook: str) -> None:
    survive(phases.raising_plugin(hook), isolation=isolation)


def test_shouldstop_and_maxfail_do_not_lose_tests(survive: Survive) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = -x --lf --stepwise\n",
        "test_s.py": "def test_1(request): request.session.shouldstop = 'enough'\ndef test_2(): assert 0\n"
        "def test_3(): pass\n",
    }
    expected = {"test_s.py::test_1": "passed", "test_s.py::test_2": "failed", "test_s.py::test_3": "passed"}
    record = survive(HostileSuite(files, expected))
    assert any("-x/--maxfail switched off" in note for note in record.notes)


@pytest.mark.parametrize(
    ("files", "selectors", "error", "slug"),
    [
        ({"conftest.py": "1 / 0\n", "test_a.py": "def test_a(): pass\n"}, (), VoidError, "collection-failed"),
        ({"conftest.py": "def f(:\n", "test_a.py": "def test_a(): pass\n"}, (), VoidError, "collection-failed"),
        ({"test_a.py": "def test_a(): pass\n"}, ("no_such.py",), UsageError, "pytest-refuses"),
        ({"test_a.py": "def test_a(): pass\n"}, ("test_a.py::test_b",), UsageError, "pytest-refuses"),
        ({"pytest.ini": "[pytest]\naddopts = --no-such-option\n"}, (), UsageError, "pytest-refuses"),
        ({"conftest.py": "import os\ndef pytest_configure(): os.abort()\n"}, (), VoidError, "collection-failed"),
        (
            {"conftest.py": "def pytest_collection_modifyitems(): 1 / 0\n", "test_a.py": "def test_a(): pass\n"},
            (), VoidError, "collection-failed",
        ),
        (
            {"conftest.py": "import pytest\ndef pytest_sessionstart(): pytest.exit('no', 9)\n"},
            (), VoidError, "collection-failed",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_collected_is_one_clear_error(  # noqa: PLR0917
    tmp_path: Path,
    run_here: Callable[..., RunRecord],
    files: dict[str, str],
    selectors: tuple[str, ...],
    error: type[Exception],
    slug: str,
) -> None:
    HostileSuite(files, {}).write(tmp_path / "suite")
    with pytest.raises(error) as caught:
        run_here(selectors=selectors)
    assert f"[{slug}]" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("args", [(), ("-k", "nothing_has_this_name")])
def test_no_tests_and_all_deselected_are_void(
    tmp_path: Path, run_here: Callable[..., RunRecord], args: tuple[str, ...], isolation: str
) -> None:
    files = {"readme.txt": ""} if not args else {"test_a.py": "def test_a(): pass\n"}
    HostileSuite(files, {}).write(tmp_path / "suite")
    record = run_here(pytest_args=args, isolation=isolation)
    deselected = "no test was planned: the only test was deselected"
    assert record.void == (deselected if args else "no tests were collected")
    assert not record.complete


@pytest.mark.parametrize("how", phases.SILENT)
def test_silence_is_no_pass(tmp_path: Path, run_here: Callable[..., RunRecord], how: str) -> None:
    suite = phases.silent(how)
    suite.write(tmp_path / "suite")
    record = run_here()
    assert {r.nodeid: r.outcome.value for r in record.results} == dict(suite.expected)
    assert record.void is not None
    assert "None" not in record.void, "the reason is said"


def test_a_session_that_ends_and_stays_is_the_tests_crash(survive: Survive, isolation: str) -> None:
    record = survive(phases.cut_then_hang(), isolation=isolation)
    ends = next(r for r in record.results if r.outcome == "crashed")
    assert (ends.signal, ends.exit_code) == (None, None), "what the harness did to it is no sign of the test"
    assert "KeyboardInterrupt" in (ends.note or "")


@pytest.mark.slow
def test_what_is_left_of_a_module_has_its_fixtures(survive: Survive, isolation: str) -> None:
    record = survive(phases.deaths_between_fixtures(), isolation=isolation, workers=2, chunks=2)
    hung = next(r for r in record.results if r.outcome == "timeout")
    assert hung.failures[0].phase == "teardown"
