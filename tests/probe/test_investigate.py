"""`triage probe` on projects made on the spot, in real processes."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.probe.conftest import Suite
from triage.cli.builtin_plugins import plugins
from triage.errors import VoidError
from triage.evidence import manifest

T = "tests/test_v.py::test_mode"
LEVER = {
    "app/__init__.py": "import os\ndef mode():\n    return os.environ.get('APP_MODE', 'safe')\n",
    "tests/test_v.py": """
        import app, pytest
        def test_mode():
            assert app.mode() == "safe"
        def test_fine():
            pass
        @pytest.mark.skip
        def test_skipped():
            assert False
    """,
}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """The lever, probed once: its answer, and the files that were there before."""
    project = Suite.grown(tmp_path_factory.mktemp("answered") / "project", LEVER, env={"APP_MODE": "fast"})
    files = [path for path in project.root.rglob("*") if path.is_file() and ".git" not in path.parts]
    project.before = {path: path.read_bytes() for path in files}
    project.code, project.report, _ = project.probe(T)
    return project


def test_the_answer_the_evidence_and_the_journal(answered):
    project, report = answered, answered.report
    assert project.code == 0
    assert report["subject"] == [T]
    assert report["reproduced"] is True
    cause = report["root_cause"]
    assert (cause["kind"], cause["culprits"][0]) == ("environment-variable", "APP_MODE")
    # the project's own settings say `fast`: the value may be right and the test wrong
    assert (cause["claim"], cause["confidence"]) == ("condition", "likely")
    assert cause["summary"].startswith("proven: the test depends on APP_MODE")
    assert cause["factor"] == {"kind": "env", "name": "APP_MODE", "from": "fast", "to": None}
    confirmed = [e for e in report["experiments"] if e["status"] == "confirmed" and e["p_value"]]
    assert confirmed[-1]["baseline"] == {"runs": 4, "failed": 4}
    assert confirmed[-1]["treated"] == {"runs": 4, "failed": 0}
    assert all((project.root / path).exists() for path in confirmed[-1]["evidence"])
    own, for_all = report["patches"]
    assert 'monkeypatch.delenv("APP_MODE", raising=False)' in own["after"]
    assert (for_all["path"], report["next"]) == ("tests/conftest.py", "triage run")
    lines = [json.loads(line) for line in (project.folder / "experiments.jsonl").read_text().splitlines()]
    predicted = next(n for n, line in enumerate(lines) if line["event"] == "predicted")
    assert all(line["event"] in ("look", "observed") for line in lines[:predicted]), "predictions come first"
    assert manifest.compare(project.folder) == ()
    assert "APP\\_MODE" in (project.folder / "summary.md").read_text()
    after = {path: path.read_bytes() for path in project.before}
    assert after == project.before, "the user's tree was touched"


def exit_code(command):
    return subprocess.run(command, shell=True, capture_output=True, check=False).returncode


def test_the_pasted_commands_do_what_the_experiments_did(answered):
    confirmed = {one["probe"]: one for one in answered.report["experiments"] if one["status"] == "confirmed"}
    assert exit_code(confirmed["repeat"]["command"]) == 1
    assert exit_code(confirmed["environment"]["command"]) == 0
    assert exit_code(confirmed["environment"]["baseline_command"]) == 1


VICTIM_FIRST = {
    "state.py": "LIMIT = 10\n",
    "tests/test_v.py": """
        import pytest, state
        def test_victim():
            assert state.LIMIT == 10
        @pytest.mark.parametrize("number", range(100))
        def test_with_a_rather_long_name_of_its_own(number):
            pass
        def test_polluter():
            state.LIMIT = 3
    """,
}


def test_an_order_of_many_tests_is_pasted_from_a_file_and_both_arms_can_be(suite):
    """The polluter stands behind its victim: only the recorded order has it before."""
    project = suite(VICTIM_FIRST)
    assert project.call("run", "--order", "reversed", "--reruns", "0") == 1
    code, report, _ = project.probe("tests/test_v.py::test_victim", "--probe", "repeat", "--probe", "order")
    assert code == 0
    assert report["root_cause"]["culprits"][0] == "tests/test_v.py::test_polluter"
    repeat, order = (
        next(one for one in report["experiments"] if one["probe"] == probe) for probe in ("repeat", "order")
    )
    assert len(repeat["command"]) < 1000
    assert exit_code(repeat["command"]) == 1, "a hundred tests before the victim"
    assert exit_code(order["baseline_command"]) == 1
    assert exit_code(order["command"]) == 0
    assert "monkeypatch" in report["patches"][0]["diff"]


def test_a_verdict_that_is_known_is_not_run_again(suite):
    project = suite(LEVER, env={"APP_MODE": "fast"})
    _, first, _ = project.probe(T, "--probe", "environment", "--stamp", "20260101T000000Z")
    _, second, _ = project.probe(T, "--probe", "environment", "--stamp", "20260101T000100Z")
    assert second["root_cause"] == first["root_cause"]
    assert second["runs"] <= first["runs"] - 8
    (project.root / "app" / "__init__.py").write_text(LEVER["app/__init__.py"] + "\nX = 1\n")
    _, third, _ = project.probe(T, "--probe", "environment", "--stamp", "20260101T000200Z")
    assert third["runs"] > second["runs"], "another code, another experiment"


@pytest.mark.parametrize(
    ("words", "code", "slug"),
    [
        (["tests/test_v.py::test_nothing"], 2, "no-such-test"),
        (["C7"], 2, "unknown-cluster"),
        ([T, "--budget", "0"], 2, "no-budget"),
        ([T, "--repeats", "0"], 2, "bad-count"),
        ([T, "--probe", "astrology"], 2, "no-such-probe"),
        ([T, "--factor", "nonsense"], 2, "bad-factor"),
        ([T, "--factor", "moon:phase=full"], 2, "bad-factor"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_leaves_nothing(suite, words, code, slug):
    project = suite(LEVER)
    got, report, message = project.probe(*words)
    assert (got, report) == (code, None)
    assert slug in message
    assert "\n" not in message
    assert not (project.root / "reports").exists()


@pytest.mark.parametrize("test", ["test_fine", "test_skipped"])
def test_what_does_not_fail_is_an_answer_of_its_own(suite, test):
    project = suite(LEVER)
    # with more time the one that passes would be hunted
    code, report, _ = project.probe(f"tests/test_v.py::{test}", "--budget", "4")
    assert code == 3
    assert report["reproduced"] is False
    assert report["root_cause"]["kind"] == "unknown"
    # a busy machine may not come so far in this time: then that is the answer
    assert report["claim"].startswith(("Not reproduced", "Passed", "The budget was spent"))


def test_a_suite_that_cannot_be_collected_says_why(suite):
    project = suite(
        {"tests/conftest.py": "def broken(:\n", "tests/test_v.py": "def test_mode():\n    pass\n"}
    )
    code, report, message = project.probe(T)
    assert (code, report) == (3, None)
    assert "SyntaxError" in message or "invalid syntax" in message


def test_a_file_that_does_not_collect_is_named(suite):
    project = suite(
        {
            "tests/test_v.py": "import nowhere_to_be_found\ndef test_mode():\n    pass\n",
            "tests/test_w.py": "def test_x(): pass\n",
        }
    )
    code, _, message = project.probe(T)
    assert code == 3
    assert "nowhere_to_be_found" in message


def test_a_file_that_does_not_collect_can_be_probed_itself(suite):
    project = suite(
        {"lib/gears.py": "N = 1\n", "tests/test_v.py": "import gears\ndef test_mode():\n    pass\n"}
    )
    code, report, _ = project.probe("tests/test_v.py", "--probe", "dependency")
    assert code == 0
    assert report["reproduced"] is True
    cause = report["root_cause"]
    assert (cause["confidence"], cause["factor"]["name"], cause["factor"]["to"]) == (
        "proven",
        "PYTHONPATH",
        "lib",
    )


def test_a_factor_that_does_not_exist_decides_nothing(suite):
    project = suite(LEVER, env={"APP_MODE": "fast"})
    code, report, _ = project.probe(T, "--probe", "user-factor", "--factor", "config:app.Config.power=3")
    assert code == 1
    assert report["experiments"][-1]["status"] in ("inconclusive", "refuted")
    assert report["root_cause"]["confidence"] == "unknown"


def test_the_budget_ends_it_with_what_was_found(suite):
    project = suite(LEVER, env={"APP_MODE": "fast"})
    # how far it comes depends on the machine; a probe that ends by itself takes seconds
    code, report, _ = project.probe(T, "--budget", "0.5")
    is_unknown = report["root_cause"]["confidence"] == "unknown"
    assert code == (3 if not report["reproduced"] else 1 if is_unknown else 0)
    said = [*report["notes"], report["claim"]]
    assert any("budget" in text for text in said)


def test_a_test_that_has_run_is_answered_without_a_collection(suite, monkeypatch):
    """As where the budget is spent while the suite is collected."""

    def too_late(*_: object, **__: object) -> None:
        raise VoidError("budget-spent", "the budget was spent", "give more")

    monkeypatch.setattr("triage.probe.investigate.collect_suite", too_late)
    project = suite(LEVER, env={"APP_MODE": "fast"})
    code, report, _ = project.probe(T, "--probe", "repeat")
    assert (code, report["reproduced"], report["subject"]) == (1, True, [T])
    # nothing has run of what is no single test
    assert project.probe("tests/test_v.py")[0] == 3


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in the test", "in the import"])
def test_the_budget_ends_what_hangs(suite, where):
    """Whatever it does about signals; the evidence says what is known, or the error why nothing is."""
    deaf = "import signal, time\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\n"
    files = {
        "in the test": {"tests/test_it.py": f"{deaf}def test_it():\n    time.sleep(3600)\n"},
        "in the import": {"tests/test_it.py": f"{deaf}time.sleep(3600)\ndef test_it(): pass\n"},
    }
    project = suite(files[where])
    code, report, said = project.probe("tests/test_it.py::test_it", "--budget", "8")
    assert code in (1, 3)
    told = [*report["notes"], report["claim"]] if report else [said]
    assert any("budget was spent" in text for text in told)


def test_a_strangers_probe_is_found_by_its_entry_point(suite, tmp_path, monkeypatch, request):
    # a process looks for plugins once: tests before and behind this one share it
    plugins.cache_clear()
    request.addfinalizer(plugins.cache_clear)
    project = suite(LEVER, env={"APP_MODE": "fast"})
    site = tmp_path / "site"
    info = site / "moon_probe-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moon-probe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[triage]\nmoon = moon_probe\n")
    (site / "moon_probe.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(site)
    code, report, said = project.probe(T, "--probe", "moon")
    assert code == 0, said
    assert report["experiments"][-1]["probe"] == "moon"
    assert report["root_cause"]["claim"] == "condition"


STRANGER = """
from triage.plugins import hookimpl
from triage.model.experiment import Factor, RootCause, Status
from triage.probe.api import Finding, test
from triage.cli.builtin_plugins import plugins
from triage.errors import VoidError
from triage.lab.protocol import Experiment


class Moon:
    name = "moon"

    def likelihood(self, case):
        return 0.5

    def investigate(self, case):
        experiment = Experiment(
            probe=self.name, factor=Factor(kind="env", name="APP_MODE", to="safe"), prediction="it passes",
            baseline=case.base, treated=case.base.plus(env={"APP_MODE": "safe"}), watch=(case.nodeid,),
        )
        (trial,) = yield from test(experiment)
        if trial.result.status is not Status.CONFIRMED:
            return Finding(excluded="not the moon")
        return Finding(cause=RootCause(kind="environment-variable", summary="the moon", confidence="proven"))


@hookimpl
def triage_probes():
    return [Moon()]
"""
