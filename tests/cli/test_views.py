"""Every view shows the newest run, whatever became of it: an older green one never hides it."""

from __future__ import annotations

import shutil

import pytest

from triage.documents.html_app.embed import find_data_element, read_data
from triage.evidence.folder import EvidenceFolder

GREEN = "20260101T000000Z"
NEWER = "20260102T000000Z"
TESTS = "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_a(n):\n    pass\n"
NOT_CONCLUDED = (
    "results.json",
    "failures.json",
    "clusters.json",
    "summary.json",
    "summary.md",
    "manifest.json",
)


@pytest.fixture(scope="module")
def green(tmp_path_factory, make_project):
    """A project whose only run is green."""
    project = make_project(tmp_path_factory.mktemp("views"))
    project.file("pytest.ini", "[pytest]\n").file("test_a.py", TESTS)
    assert project.triage("run", "--stamp", GREEN).code == 0
    return project


@pytest.fixture
def void(green):
    """The same with a newer run that could not collect."""
    green.file("conftest.py", "raise RuntimeError('no licence')\n")
    assert green.triage("run", "--stamp", NEWER).code == 3
    yield green
    (green.root / "conftest.py").unlink()
    shutil.rmtree(folder_of(green, NEWER))


@pytest.fixture
def killed(green):
    """The same with a newer run that was killed in its middle, as its folder is then."""
    source, target = folder_of(green, GREEN), folder_of(green, NEWER)
    shutil.copytree(source, target)
    for name in NOT_CONCLUDED:
        (target / name).unlink()
        (target / f"{name}.claims.json").unlink(missing_ok=True)
    lines = (target / "events.jsonl").read_bytes().splitlines(keepends=True)
    half = [number for number, line in enumerate(lines) if b'"finish"' in line or b'"ran"' in line][2]
    (target / "events.jsonl").write_bytes(b"".join(lines[: half + 1]) + lines[half + 1][:20])
    yield green
    shutil.rmtree(target)


def folder_of(project, stamp):
    return project.root / "reports" / "triage" / "phase_a" / stamp


def shown_by_all_views(project):
    """What each view says of the newest run."""
    views = [("status",), ("next",), ("results",), ("clusters",), ("report",)]
    page = project.root / "page.html"
    assert project.triage("report", "--html", str(page), "--junit", "j.xml").code == 0
    texts = {words[0]: project.triage(*words).out for words in views}
    return texts | {"html": page.read_text(), "junit": (project.root / "j.xml").read_text()}


def assert_shows_the_newest_alone(shown):
    """No view takes the older run for the newest; the page has it in the history, as a run before."""
    page = shown["html"]
    element = find_data_element(page)
    assert element is not None
    evidence = read_data(element)["evidence"]
    assert (evidence["run"]["stamp"], evidence["run"]["verdict"]) == (NEWER, "void")
    assert [run["stamp"] for run in evidence["history"]] == [GREEN, NEWER]
    others = {view: text for view, text in shown.items() if view != "html"}
    assert GREEN not in "".join((*others.values(), page.replace(element, "")))


def test_a_void_run_is_what_every_view_shows(void):
    shown = shown_by_all_views(void)
    for view in ("status", "results", "clusters"):
        assert "VOID: " in shown[view].splitlines()[0], view
    assert "is VOID" in shown["report"]
    assert "nothing to do" not in shown["next"]
    assert "VOID: nothing can be concluded" in shown["html"]
    assert "void: " in shown["junit"]
    assert void.triage("results").code == 3
    assert void.triage("status", "--json").json["latest"]["stamp"] == NEWER
    assert_shows_the_newest_alone(shown)


def test_what_a_killed_run_has_recorded_is_shown_as_incomplete(killed):
    said = killed.triage("results", "--json")
    assert said.code == 3
    assert said.json["counts"]["collected"] == 6
    assert said.json["counts"]["passed"] == 3
    assert said.json["counts"]["not_run"] == 3
    assert said.json["complete"] is False
    assert said.json["void"] == "it was cut short: 3 of 6 planned tests have an outcome"
    assert f"next: triage run --resume {NEWER}" in killed.triage("results").out
    assert killed.triage("next", "--json").json["steps"][0]["command"] == f"triage run --resume {NEWER}"
    before = sorted(folder_of(killed, NEWER).rglob("*"))
    shown = shown_by_all_views(killed)
    assert "3 of 6" in shown["report"]
    assert_shows_the_newest_alone(shown)
    assert sorted(folder_of(killed, NEWER).rglob("*")) == before, "a view writes nothing into it"


def test_a_first_run_that_was_killed_at_once_is_no_reason_to_say_that_there_is_none(green):
    folder = EvidenceFolder.create(green.root, "triage", "a", NEWER)
    said = green.triage("results")
    assert said.code == 3
    assert said.out.startswith("VOID: it was cut short: nothing is known of its tests yet")
    shutil.rmtree(folder.path)


def test_a_probe_goes_on_from_the_newest_run_that_has_answered(killed):
    said = killed.triage("explain", "C1")
    assert (said.code, "unknown-cluster" in said.err) == (2, True)
    said = killed.triage("probe", "test_a.py::nothing")
    assert f"{NEWER} is VOID" in said.err
    assert f"going on from {GREEN}" in said.err
