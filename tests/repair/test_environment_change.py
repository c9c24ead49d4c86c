"""A cluster that another environment mended is closed by that, where it can be named; and by nothing else."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.fixtures.projects import Project
from triage.evidence.folder import EvidenceFolder
from triage.model.experiment import Factor
from triage.model.outcome import Outcome
from triage.model.recorded_criteria import (
    EnvironmentChange,
    RecordedCriteria,
    RecordedFailure,
    TreeChange,
)
from triage.recorder.installed import installed_versions
from triage.repair.asked import without_runs
from triage.repair.environment_change import environment_change

STAMP = "20260101T000000Z"
MODE = Factor(kind="env", name="APP_MODE", from_=None, to="ci")


def install(site, version, code):
    """A distribution as pip leaves it."""
    for old in site.glob("rates*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    info = site / f"rates-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: rates\nVersion: {version}\n")
    (site / "rates.py").write_text(code)


@pytest.mark.slow
def test_another_version_of_a_package_closes_a_cluster(tmp_path, monkeypatch):
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # both versions are written in one second
    install(site, "2.0", "def rate(): return 2\n")
    project = Project(tmp_path / "project")
    project.root.mkdir()
    project.file("test_rates.py", "import rates\n\n\ndef test_rate():\n    assert rates.rate() == 1\n")
    project.file(".gitignore", "/.triage/\n__pycache__/\n").commit()
    assert project.triage("run").code == 1

    install(site, "1.0", "def rate(): return 1\n")
    verified = project.triage("verify", "C1", "--json")
    assert verified.code == 0, verified.err
    said = {result["name"]: result["said"] for result in verified.json["results"]}
    assert "only the environment is another: rates 2.0 then, 1.0 now" in said["change"]
    assert "no file of the project asks for that" in said["change"]
    assert project.triage("check").code == 0, "the answer follows from what is written down"


@pytest.fixture
def run_folder(tmp_path):
    folder = EvidenceFolder(tmp_path / STAMP)
    folder.path.mkdir()
    document = {"packages": installed_versions(), "interpreter": {}}
    (folder.path / "preflight.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(
    ("factor", "variables", "differs"),
    [
        (MODE, {"APP_MODE": "ci"}, ("APP_MODE unset then, 'ci' now",)),
        (MODE, {"APP_MODE": "other"}, ()),
        (MODE, {}, ()),
        (None, {"APP_MODE": "ci"}, ()),
        (Factor(kind="env", name="APP_MODE", from_="x", to=None), {}, ("APP_MODE 'x' then, unset now",)),
        (
            Factor(kind="env", name="DB_PASSWORD", from_=None, to="hunter2"),
            {"DB_PASSWORD": "hunter2"},
            ("DB_PASSWORD unset then, set to a secret now",),
        ),
        (Factor(kind="cwd", name="APP_MODE", from_=None, to="ci"), {"APP_MODE": "ci"}, ()),
    ],
)
def test_a_variable_counts_where_a_probe_has_shown_what_it_decides(run_folder, factor, variables, differs):
    assert environment_change(run_folder, None, variables, factor).differs == differs


def test_an_imported_run_knows_of_no_environment(tmp_path):
    assert environment_change(EvidenceFolder(tmp_path), None, {}, None).differs == ()


def criteria_with(differs, *, failed=4, verdict="same"):
    change = without_runs("change", "")
    failure = RecordedFailure(
        nodeid="t.py::a", recorded_as="t.py::a", run="r", stamp=STAMP,
        outcome=Outcome.FAILED, runs=4, failed=failed,
    )  # fmt: skip
    made = RecordedCriteria(
        stamp=STAMP, campaign="c", folder="f", cluster="C1", title="t", subject=("t.py::a",),
        failures=(failure,), criteria=(change,),
        changes=(TreeChange(stamp=STAMP, then="a", now="a", verdict=verdict, files=("x.py",)),),
        environments=(EnvironmentChange(stamp=STAMP, differs=differs),),
    )  # fmt: skip
    return made.answer(change)


def test_without_any_change_passes_are_no_repair():
    assert criteria_with(()) == (False, f"nothing was changed since {STAMP}: its passes are no repair")


def test_a_failure_by_chance_is_not_mended_by_another_package():
    met, said = criteria_with(("numpy 1 then, 2 now",), failed=2)
    assert not met
    assert "t.py::a failed by chance" in said


def test_a_change_of_the_tree_is_named_first():
    assert criteria_with(("numpy 1 then, 2 now",), verdict="changed") == (True, "changed since: x.py")
