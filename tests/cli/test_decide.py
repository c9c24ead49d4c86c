"""People and bad input at the command line: every command takes an alias, every refusal is one line and
leaves the journal as it was, five ways of not failing are five states.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from triage.cli.app import group
from triage.cluster.registry import ClusterRegistry
from triage.errors import TriageError
from triage.evidence.journal import Journal
from triage.model.cluster import ClusterStatus
from triage.model.journal import RunRecorded, StatusChanged

FAILED = (
    "<testcase classname='tests.test_{name}' name='test_{name}'><failure message='{message}'>"
    "tests/test_{name}.py:3: \n_ _ _ _\n\n    def go():\n&gt;       raise {message}\n"
    "E       {message}\n\nsrc/{name}.py:9: {kind}</failure></testcase>"
)
PASSED = "<testcase classname='tests.test_{name}' name='test_{name}'/>"
SKIPPED = (
    "<testcase classname='tests.test_{name}' name='test_{name}'><skipped message='not today'/></testcase>"
)


class Project:
    """Reports in, answers out, in this process."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, 0
        (root / "pytest.ini").write_text("[pytest]\n")

    def do(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, what was said on standard error or the error in one line."""
        asked = ["--root", str(self.root), *words]
        result = CliRunner().invoke(group, asked, standalone_mode=False)
        if isinstance(result.exception, TriageError):
            return int(result.exception.exit_code), result.stdout, str(result.exception)
        if result.exception is not None:
            raise result.exception
        return int(result.return_value or 0), result.stdout, result.stderr

    def json(self, *words: str) -> Any:
        code, out, said = self.do(*words, "--json")
        assert code in (0, 1), said
        return json.loads(out)

    def run(self, **tests: str) -> None:
        """A run with `name="KeyError"`, "passed" or "skipped" for each test."""
        shapes = {"passed": PASSED, "skipped": SKIPPED}
        cases = (
            shapes.get(what, FAILED).format(name=name, kind=what.partition(":")[0], message=what)
            for name, what in tests.items()
        )
        self.runs += 1
        (self.root / "report.xml").write_text(f"<testsuite name='pytest'>{''.join(cases)}</testsuite>")
        code, _, said = self.do("import", "report.xml", "--stamp", f"20261124T06{self.runs:02}00Z")
        assert code in (0, 1), said

    @property
    def journal(self) -> Path:
        return self.root / "plans" / "journal.jsonl"

    def resolve(self, cluster: str) -> None:
        journal = Journal(self.journal)
        registry = ClusterRegistry.of(journal.read())
        factory = registry.event_factory("2026-11-24T07:00:00Z", "triage verify")
        journal.append(
            [factory.make(StatusChanged, cluster=cluster, status=ClusterStatus.RESOLVED, reason="met")]
        )

    def clusters(self) -> dict[str, dict[str, Any]]:
        return {found["id"]: found for found in self.json("clusters", "--all")["clusters"]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_five_states_that_are_not_failing(project: Project) -> None:
    kinds = dict(zip("abcdefg", ("KeyError: 1", "OSError: 2", "TypeError: 3", "IndexError: 4", "EOFError: 5",
                                 "LookupError: 6", "BufferError: 7"), strict=True))  # fmt: skip
    project.run(**kinds)
    names = {found["members"][0][len("tests/test_")]: name for name, found in project.clusters().items()}
    assert len(names) == 7
    project.resolve(names["e"])
    project.resolve(names["f"])
    project.run(
        a="passed", b="skipped", d="SystemError: another reason", e="passed", f=kinds["f"], g=kinds["g"]
    )
    found = project.clusters()
    states = {test: (found[name]["status"], found[name]["state_in_run"]) for test, name in names.items()}
    assert states == {
        "a": ("open", "fixed"),
        "b": ("open", "skipped"),
        "c": ("open", "not_collected"),
        "d": ("open", "not_run"),
        "e": ("resolved", "fixed"),
        "f": ("open", "regressed"),
        "g": ("open", "known"),
    }
    first, second = "20261124T060100Z", "20261124T060200Z"
    assert project.json("show", names["g"])["last_seen"] == second, "seen again without news"
    assert {test: found[name]["last_seen"] for test, name in names.items()} == {
        **dict.fromkeys("abcde", first), **dict.fromkeys("fg", second),
    }  # fmt: skip
    project.run(a="passed")
    assert project.clusters()[names["g"]]["last_seen"] == second, "seen without news, then absent"
    assert {found["first_seen"] for name, found in project.clusters().items() if name in names.values()} == {
        first
    }


@pytest.fixture
def merged(project: Project) -> Project:
    """C1 to C6 of a to f; C1 and C2 are part of C3, which is part of C4."""
    kinds = ("KeyError: 1", "OSError: 2", "TypeError: 3", "IndexError: 4", "EOFError: 5", "LookupError: 6")
    project.run(**dict(zip("abcdef", kinds, strict=True)))
    for into, part in (("C3", "C1"), ("C1", "C2"), ("C4", "C2")):
        assert project.do("merge", into, part)[0] == 0
    return project


def test_a_chain_of_merges_is_one_cluster_under_all_its_names(merged: Project) -> None:
    assert {name: found["status"] for name, found in merged.clusters().items()} == {
        "C1": "merged", "C2": "merged", "C3": "merged", "C4": "open", "C5": "open", "C6": "open",
    }  # fmt: skip
    assert merged.clusters()["C4"]["aliases"] == ["C1", "C2", "C3"]
    for alias in ("C1", "C2", "C3", "C4"):
        assert merged.json("show", alias)["id"] == "C4"
        assert merged.json("explain", alias)["cluster"] == "C4"
        said = merged.json("explain", alias, "tests/test_a.py::test_a")
        assert said["verdict"]["member"] is True
        assert merged.json("assign", alias, "--owner", f"owner of {alias}")["id"] == "C4"
        assert merged.json("rename", alias, f"as {alias}")["title"] == f"as {alias}"
    for command in (("probe",), ("design",), ("verify",)):
        code, _, said = merged.do(*command, "C1")
        assert "no cluster C1" not in said, command
        assert code in (0, 1, 2, 3)
    assert merged.do("split", "C1", "--apart-from", "C5")[0] == 0


def test_a_split_of_a_merge_and_a_merge_of_a_split(merged: Project) -> None:
    said = merged.json("split", "C2", "tests/test_a.py::test_a", "tests/test_b.py::test_b")
    assert (said["cluster"], said["new"]) == ("C4", "C7")
    again = merged.json("split", "C7", "tests/test_b.py::test_b")
    assert again["new"] == "C8"
    assert merged.do("merge", "C5", "C8")[0] == 0
    kinds = ("KeyError: 1", "OSError: 2", "TypeError: 3", "IndexError: 4", "EOFError: 5", "LookupError: 6")
    merged.run(**dict(zip("abcdef", kinds, strict=True)))
    found = {name: c["members"] for name, c in merged.clusters().items() if c["status"] != "merged"}
    assert found == {
        "C4": ["tests/test_c.py::test_c", "tests/test_d.py::test_d"],
        "C5": ["tests/test_b.py::test_b", "tests/test_e.py::test_e"],
        "C6": ["tests/test_f.py::test_f"],
        "C7": ["tests/test_a.py::test_a"],
    }
    assert merged.json("show", "C8")["id"] == "C5"
    assert merged.json("show", "C1")["id"] == "C4", "an alias stays what it was"


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("merge", "C3", "C4"), "part of C3 already"),
    (("merge", "C4", "C1"), "part of C4 already"),
    (("merge", "C2", "C3"), "part of C2 already"),
    (("merge", "C5", "C6", "C5"), "part of C5 already"),
    (("merge", "C5", "C6", "C6"), "part of C5 already"),
    (("merge", "C5", "C99"), "there is no cluster C99"),
    (("merge", "C99", "C5"), "there is no cluster C99"),
    (("merge", "c5", "C6"), "there is no cluster c5"),
    (("merge", "C05", "C6"), "there is no cluster C05"),
    (("merge", "C5"), "at least two"),
    (("split", "C99", "x"), "there is no cluster C99"),
    (("split", "C4", "tests/test_f.py::test_f"), "no member of C4"),
    (("split", "C5", "tests/test_e.py::test_e"), "keep none"),
    (("split", "C5"), "no test is named"),
    (("split", "C4", "--apart-from", "C1"), "are one cluster"),
    (("split", "C4", "--apart-from", "C99"), "there is no cluster C99"),
    (("split", "C4", "tests/test_a.py::test_a", "--title", "a\n" * 200), "empty or longer"),
    (("assign", "C99", "--owner", "ada"), "there is no cluster C99"),
    (("assign", "C4", "--owner", "\t"), "empty"),
    (("rename", "C99", "x"), "there is no cluster C99"),
    (("rename", "C4", "x" * 201), "longer than 200"),
    (("show", "C99"), "there is no cluster C99"),
    (("explain", "C99"), "there is no cluster C99"),
    (("explain", "C4", "tests/test_z.py::test_z"), "did not fail"),
    (("design", "C99"), "C99"),
    (("verify", "C99"), "C99"),
    (("import", "nowhere.xml"), "does not exist"),
    (("import", "pytest.ini"), "no test report"),
    (("clusters", "20200101T000000Z"), "20200101T000000Z"),
    (("clusters", "--rules", "nothing.toml"), "nothing.toml"),
]


def test_what_makes_no_sense_is_one_line_and_the_journal_stays(merged: Project) -> None:
    before = merged.journal.read_bytes()
    for words, says in REFUSED:
        code, _, said = merged.do(*words)
        assert code == 2, words
        assert says in said, words
        assert "\n" not in said, words
        assert merged.journal.read_bytes() == before, words


BAD_RULES = {
    "[[rule": "end of an array",
    "[[rule]]\nname = 'a'\nmesage = 'x'\nexamples = [{}]": "mesage",
    "[[rule]]\nname = 'a'\nmessage = '(a+)+$'\nexamples = [{message = 'aaa!'}]": "its own example",
    "[[rule]]\nname = 'a'\nexception = '*'\nexamples = [{}]": "matches everything",
    "[[rule]]\nname = 'a'\ntest = '*::*'\nexamples = [{test = 'a::b'}]": "matches everything",
    "[[rule]]\nname = 'a'\ncluster = 'C99'\nmessage = 'x'\nexamples = [{message = 'x'}]": "names C99",
    "\x00\x01": "cluster_rules.toml",
}


@pytest.mark.parametrize(("text", "says"), BAD_RULES.items())
def test_a_bad_rule_file_stops_each_command_before_it_does_anything(
    merged: Project, text: str, says: str
) -> None:
    rules = merged.root / "plans" / "cluster_rules.toml"
    rules.write_text(text)
    before = {path: path.read_bytes() for path in merged.root.rglob("*") if path.is_file()}
    for words in (
        ("run",),
        ("import", "report.xml", "--stamp", "20261124T090000Z"),
        ("clusters", "--rules", str(rules)),
    ):
        code, _, said = merged.do(*words)
        assert code == 2, words
        assert says in said, words
        assert "\n" not in said, words
    now = {path: path.read_bytes() for path in merged.root.rglob("*") if path.is_file()}
    assert {path for path in now if now[path] != before.get(path)} <= {
        merged.root / ".triage" / "decision.lock"
    }


def test_a_rule_of_people_holds_until_it_expires(merged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = merged.root / "plans" / "cluster_rules.toml"
    text = "[[rule]]\nname='ends'\nexception=['EOFError', 'LookupError']\nexpires=2026-11-30\n"
    rules.write_text(text + "examples=[{exception='EOFError'}]\n")
    monkeypatch.setenv("TRIAGE_NOW", "2026-11-25T06:00:00Z")
    code, out, _ = merged.do("clusters", "--rules", str(rules))
    assert code == 0
    assert "C5 -> C7  tests/test_e.py::test_e  (rule 'ends')" in out
    assert "2 of the failures of 20261124T060100Z would move" in out
    merged.run(e="EOFError: 5", f="LookupError: 6")
    assert merged.clusters()["C7"]["members"] == ["tests/test_e.py::test_e", "tests/test_f.py::test_f"]
    monkeypatch.setenv("TRIAGE_NOW", "2026-12-01T06:00:00Z")
    assert "expired: rule 'ends'" in merged.do("clusters", "--rules", str(rules))[1]
    merged.run(e="EOFError: 5", f="LookupError: 6")
    found = merged.clusters()
    assert (found["C5"]["state_in_run"], found["C6"]["state_in_run"]) == ("known", "known")


def test_the_same_report_twice_says_nothing_new(project: Project) -> None:
    tests: dict[str, str] = {"a": "KeyError: 1", "b": "OSError: 2", "c": "passed"}
    project.run(**tests)
    before = project.journal.read_bytes()
    project.run(**tests)
    assert project.journal.read_bytes() == before
    project.run(**tests, d="EOFError: 3")
    events = Journal(project.journal).read()
    sealed = [event.stamp for event in events if isinstance(event, RunRecorded)]
    assert len(sealed) == 3, "the seal of a run that said nothing comes with that of the next one"
    assert project.do("check")[0] == 0
