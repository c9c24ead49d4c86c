"""A cluster that an ordinary commit mended is closed by what the runs that show it red ask for."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.fixtures.projects import Project
from triage.campaign.check.renames import rename_faults
from triage.documents.experiment_check import check_experiments
from triage.evidence.folder import EvidenceFolder

pytestmark = pytest.mark.slow

PRODUCT = "LIMIT = 1\n\n\ndef half(value):\n    return value / 3\n"
TESTS = """\
import product


def test_raises_the_limit():
    product.LIMIT = 2


def test_keeps_the_limit():
    assert product.LIMIT == 1, "somebody changed the limit"


def test_half_of_two():
    check(2)


def test_half_of_four():
    check(4)


def test_half_of_six():
    check(6)


def check(value):
    assert product.half(value) * 2 == value, "a half is too small"
"""
FILE = "tests/test_product.py"
POLLUTING, MENDED = "    product.LIMIT = 2\n", "    assert product.LIMIT == 1\n"


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """One recorded run with two clusters: a victim of another test, and three tests of one bug."""
    made = Project(tmp_path_factory.mktemp("broken") / "project")
    made.root.mkdir()
    made.file("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["."]\n[tool.triage]\nchunks = 1\n')
    made.file(".gitignore", "/.triage/\n__pycache__/\n")
    made.file("product.py", PRODUCT).file(FILE, TESTS).commit()
    assert made.triage("run", "--stamp", "20260101T000000Z").code == 1
    made.commit()
    return made


@pytest.fixture
def project(broken, tmp_path):
    return Project(shutil.copytree(broken.root, tmp_path / "project", symlinks=True))


def _cluster(project, name):
    known = project.triage("clusters", "--json").json["clusters"]
    return next(c["id"] for c in known if f"{FILE}::{name}" in c["members"])


def _verify(project, subject):
    said = project.triage("verify", subject, "--json")
    assert said.out, said.err
    return said.code, said.json


def _answers(verification):
    return {result["name"]: (result["met"], result["said"]) for result in verification["results"]}


def test_a_commit_closes_what_it_mended_and_a_regression_opens_it_again(project, tmp_path):
    bug, victim = _cluster(project, "test_half_of_two"), _cluster(project, "test_keeps_the_limit")
    project.file("product.py", PRODUCT.replace("/ 3", "/ 2"))
    project.file(FILE, TESTS.replace(POLLUTING, MENDED)).commit()
    ratchet = project.triage("run", "--fail-on", "fixed-open")
    assert ratchet.code == 1
    assert f"triage verify {bug} closes it" in ratchet.out
    assert f"triage verify {victim} " in project.triage("next").out
    assert f"next: triage verify {bug} " in project.triage("status").out

    code, said = _verify(project, "triage")  # the campaign: all that can be closed
    assert code == 0
    by_cluster = {each["cluster"]: each for each in said["verifications"]}
    assert set(by_cluster) == {bug, victim}
    of_bug = by_cluster[bug]
    assert of_bug["resolved"]
    assert [(r["name"], r["runs"], r["passed"]) for r in of_bug["results"]] == [
        ("red-before", 0, 0), ("members", 0, 0), ("change", 0, 0), ("tests", 0, 0),
        ("alone", 4, 4), ("in-place", 4, 4), ("chunk", 1, 1), ("ledgers", 0, 0),
    ]  # fmt: skip
    assert _answers(of_bug)["change"][1] == f"changed since: product.py, {FILE}"
    assert "red in 20260101T000000Z" in (project.root / of_bug["folder"] / "verify.md").read_text()
    assert project.triage("check", "--json").json["problems"] == []
    assert project.triage("next").out.strip() == "nothing to do: every cluster is resolved"
    assert "[nothing-to-do]" in project.triage("verify", "triage").err
    assert project.triage("run", "--fail-on", "fixed-open").code == 0
    _forgeries_are_found(project.root / of_bug["folder"], tmp_path)

    project.file("product.py", PRODUCT)
    again = project.triage("run")
    assert again.code == 1
    assert f"{bug} regressed" in " ".join(again.out.split())
    assert f"triage probe {bug}" in project.triage("next").out


def _forgeries_are_found(folder, tmp_path):
    """What the document says of runs and failing runs is recomputed."""

    def found(name, change):
        copy = tmp_path / "copy"
        root = folder.parents[3]
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root / "reports", copy / "reports")
        path = copy / folder.relative_to(root) / name
        document = json.loads(path.read_bytes())
        change(document)
        path.write_text(json.dumps(document))
        return [problem for _, problem in check_experiments(path.parent)]

    assert found("verify.json", lambda document: None) == []

    def red_run_cited(document):
        alone = next(r for r in document["results"] if r["name"] == "alone")
        alone["evidence"] = alone["evidence"][:-1]

    def criterion_left_out(document):
        document["results"] = [r for r in document["results"] if r["name"] != "in-place"]

    def other_figures(document):
        document["failures"][0]["runs"] += 1

    def other_tree(document):
        document["changes"][0]["verdict"] = "same"

    assert "asks for 4 runs" in found("verify.json", red_run_cited)[0]
    assert "are not those of" in found("verify.json", criterion_left_out)[0]
    assert "fared otherwise" in found("criteria.json", other_figures)[0]
    assert "criterion change says" in found("criteria.json", other_tree)[0]


def test_a_victim_that_passes_alone_is_asked_in_its_place(project):
    victim = _cluster(project, "test_keeps_the_limit")
    project.file("product.py", PRODUCT.replace("/ 3", "/ 2")).commit()  # not what pollutes
    code, said = _verify(project, victim)
    answers = _answers(said)
    assert (code, said["unmet"]) == (1, ["in-place", "chunk"])
    assert answers["alone"] == (True, "every run passed")
    assert answers["in-place"][1].startswith(f"{FILE}::test_keeps_the_limit ended as failed")


def test_a_test_that_is_gone_renamed_or_skipped_has_not_passed(project):
    bug = _cluster(project, "test_half_of_two")
    text = TESTS.replace("def test_half_of_two():\n    check(2)\n\n\n", "")
    text = text.replace("test_half_of_four", "test_half_of_four_is_two")
    text = text.replace("def test_half_of_six():\n", "def test_half_of_six():\n    pytest.skip('later')\n")
    project.file("product.py", PRODUCT.replace("/ 3", "/ 2")).file(FILE, f"import pytest\n{text}").commit()
    code, said = _verify(project, bug)
    answers = _answers(said)
    assert (code, said["unmet"]) == (1, ["members", "tests", "alone", "in-place"])
    gone = answers["members"][1]
    assert gone.startswith(f"not in the suite any more: {FILE}::test_half_of_two;")
    assert f"triage split {bug}" in gone
    assert "skips" in answers["tests"][1]
    assert answers["alone"][1].startswith(f"{FILE}::test_half_of_six ended as skipped")
    assert project.triage("check", "--json").json["problems"] == []


def test_tests_are_followed_to_the_names_that_they_have_now(project):
    """The file was moved, and in it one test renamed: no run has told the journal of it."""
    bug = _cluster(project, "test_half_of_two")
    project.git("mv", FILE, "tests/test_halves.py")
    text = TESTS.replace("test_half_of_four", "test_four_is_twice_two")
    project.file("tests/test_halves.py", text).file("product.py", PRODUCT.replace("/ 3", "/ 2")).commit()
    code, said = _verify(project, bug)
    answers = _answers(said)
    assert (code, said["unmet"]) == (0, []), answers
    members = answers["members"][1]
    assert f"{FILE}::test_half_of_two is tests/test_halves.py::test_half_of_two (renamed in" in members
    renamed = f"{FILE}::test_half_of_four is tests/test_halves.py::test_four_is_twice_two (renamed: its body"
    assert renamed in members
    assert "no longer in the suite" not in json.dumps(said), "what ran beside them moved along"
    project.commit()
    assert project.triage("check", "--json").json["problems"] == []

    # a file that was there before is no new name of another one
    criteria = next((project.root / "reports").glob("*/phase_d/*/criteria.json"))
    told = json.loads(criteria.read_text())
    told["renamed"][0]["nodeid"] = "product.py::test_half_of_two"
    criteria.write_text(json.dumps(told))
    faults = list(rename_faults(project.root, EvidenceFolder(criteria.parent)))
    assert next(what for _, what in faults).endswith("and git does not show it")


def test_a_twin_that_was_there_before_is_no_new_name(project):
    bug = _cluster(project, "test_half_of_two")
    text = TESTS.replace("def test_half_of_two():\n    check(2)\n\n\n", "")
    text = text.replace("check(6)", "check(2)")
    project.file("product.py", PRODUCT.replace("/ 3", "/ 2")).file(FILE, text).commit()
    code, said = _verify(project, bug)
    assert code == 1
    assert "members" in said["unmet"]


def test_a_repair_may_lie_in_the_settings_alone(tmp_path):
    """The canonical environment is under version control; what `--env` gave to one run is asked as then."""
    made = Project(tmp_path / "project")
    made.root.mkdir()
    settings = '[tool.pytest.ini_options]\n[tool.triage]\nreruns = 0\n[tool.triage.env]\nRATE = "fast"\n'
    made.file("pyproject.toml", settings).file(".gitignore", "/.triage/\n")
    test = "import os\n\n\ndef test_it():\n    assert os.environ['RATE'] + os.environ['MODE'] == 'slowci'\n"
    made.file("test_env.py", test).commit()
    assert made.triage("run", "--env", "MODE=ci").code == 1
    made.commit()
    code, said = _verify(made, "C1")
    assert "change" in said["unmet"], "nothing was repaired"
    made.file("pyproject.toml", settings.replace("fast", "slow")).commit()
    code, said = _verify(made, "C1")
    assert (code, said["unmet"]) == (0, []), _answers(said)
    alone = next(result for result in said["results"] if result["name"] == "alone")
    assert "with MODE as then, with RATE as the settings have it now" in alone["text"]
    assert "MODE=ci" in alone["command"]
    assert "RATE=slow" in alone["command"]


def test_a_cluster_that_no_recorded_run_shows_red_is_refused(project):
    shutil.rmtree(project.root / "reports/triage/phase_a")
    said = project.triage("verify", "C1")
    assert said.code == 2
    assert "[not-designed]" in said.err


def test_the_failing_run_says_under_which_conditions_its_tests_are_asked(tmp_path):
    """Variables and pytest's arguments of then: without them the test passes, and nothing is mended."""
    project = Project(tmp_path / "project")
    project.root.mkdir()
    text = "import os\n\n\ndef test_it(pytestconfig):\n    name = pytestconfig.getini('junit_suite_name')\n"
    text += "    assert (os.environ.get('MODE'), name) != ('legacy', 'old')\n"
    project.file("pytest.ini", "[pytest]\n").file("test_a.py", text).commit()
    assert project.triage("run", "--env", "MODE=legacy", "--", "-o", "junit_suite_name=old").code == 1
    project.file("other.py", "").commit()
    code, said = _verify(project, "C1")
    assert (code, said["unmet"]) == (1, ["alone", "chunk"])
    (alone,) = [result for result in said["results"] if result["name"] == "alone"]
    assert alone["text"].endswith("with MODE as then")
    assert "MODE=legacy" in alone["command"]
    assert "-o junit_suite_name=old" in alone["command"]
