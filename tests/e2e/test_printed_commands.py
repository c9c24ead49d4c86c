"""Every command that triage prints can be pasted: it is collected from all surfaces, and run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.projects import Project

pytestmark = pytest.mark.slow

PRODUCT = "LIMIT = 1\n\n\ndef half(value):\n    return value / 3\n"
TESTS = """\
import pytest
import product


NAMES = ["a b", "it's", 'say "x"', "it's `a` \\"b\\"", "[1]", "$HOME", "a;b", "-x", "`ls`"]


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert product.half(len(name)) * 2 == len(name), "a half is too small"


def test_raises_the_limit():
    product.LIMIT = 2


def test_keeps_the_limit():
    assert product.LIMIT == 1, "somebody changed the limit"
"""
NODEID = "tests/test_product.py::test_names[a b]"
QUOTED = 'tests/test_product.py::test_names[it\'s `a` "b"]'
"""Each quote that a shell knows: every command that names it still is one command."""
VICTIM = "tests/test_product.py::test_keeps_the_limit"
FIX = """\
--- a/product.py
+++ b/product.py
@@ -2,4 +2,4 @@
 
 
 def half(value):
-    return value / 3
+    return value / 2
"""  # noqa: W293 - an empty line of a patch begins with a space
_PROGRAMS = ("triage ", "env ", "python ", "pytest ", "cd ")
_MARKED = re.compile(
    r"""
      (?<!`) (?P<fence> `+ )
      (?P<span> (?: triage | env | python | pytest | cd ) [ ] [^\n]+? )
      (?P=fence) (?!`)
    | '(?P<quoted> triage [ ] [^'\n]+ )'
    | ^next: [ ] (?P<next> triage [ ] .+ ) $
    """,
    re.MULTILINE | re.VERBOSE,
)
"""Commands in text: between back quotes or quotes, or as the next step."""
_FIELDS = ("next", "command", "baseline_command", "rerun")
"""Fields of documents that hold a command."""
_TEMPLATE = re.compile(r"\b(?:NODEID|STAMP|DATE|TEXT|NAME|PATCH|DIR|REF|SECONDS|TITLE|WHO)\b|\.\.\.|<")
"""Says that whoever pastes it has to put something in."""
BAD = {2, 4}
"""A usage error, and a bug of triage."""


def commands_in(text):
    """Commands that a text marks as such; a remark behind `#` is none of them."""
    matches = _MARKED.finditer(text)
    found = [match["span"] or match["quoted"] or match["next"] for match in matches]
    return {command.partition("   #")[0].strip() for command in found}


def commands_of(document):
    """Commands in the fields of a JSON document."""
    if isinstance(document, list):
        return set().union(*map(commands_of, document))
    if not isinstance(document, dict):
        return set()
    told = [document[name] for name in _FIELDS if isinstance(document.get(name), str)]
    own = {command for command in told if command.startswith(_PROGRAMS)}
    return own.union(*map(commands_in, told), *map(commands_of, document.values()))


def printed(project, subjects=(), wrong=()):
    """Every command that views, documents and errors print in the present state."""
    asked = [("next",), ("status",), ("clusters",), ("results",), ("flaky",), ("doctor",), ("check",)]
    asked += [(verb, subject) for subject in subjects for verb in ("show", "explain") if "::" not in subject]
    asked += [("show", subject) for subject in subjects]
    found = set()
    for words in asked:
        said = project.triage(*words)
        assert said.code != 4, (words, said.err)
        found |= commands_in(said.out) | commands_in(said.err)
        told = project.triage(*words, "--json").out
        found |= commands_of(json.loads(told)) if told.strip() else set()
    for words in wrong:
        said = project.triage(*words)
        assert said.code in {2, 3}, (words, said)
        found |= commands_in(said.err)
    for pattern in ("reports/*.md", "reports/*/*/*/*.md", "plans/*.md", "plans/*/*.md"):
        for path in project.root.glob(pattern):
            found |= commands_in(path.read_text())
    return {command for command in found if command and not _TEMPLATE.search(command)}


class Pasted:
    """Runs commands, each once, in a copy of the project in the state that printed it."""

    def __init__(self, folder):
        self.folder, self.done, self.bad = folder, set(), []

    def leave_out(self, command):
        """Do not run a command that the test runs in the project itself, to go on from there."""
        self.done.add(command)

    def run(self, project, commands):
        for command in sorted(commands):
            name = command.replace(str(project.root), "")
            if name in self.done:
                continue
            self.done.add(name)
            copy = Project(shutil.copytree(project.root, self.folder / str(len(self.done)), symlinks=True))
            code, said = self._paste(copy, command.replace(str(project.root), str(copy.root)))
            if code in BAD:
                self.bad.append((command, code, said))

    def _paste(self, copy, command):
        words = shlex.split(command)
        if words[0] == "triage":
            said = copy.triage(*words[1:])
            return said.code, said.err
        # pytest: 1 is red, which the command may be there to show; 4 and 5 are no such test
        done = subprocess.run(command, shell=True, cwd=copy.root, capture_output=True, text=True, check=False)
        return (done.returncode if done.returncode in {0, 1} else 2), done.stdout + done.stderr


@pytest.fixture
def project(project, monkeypatch):
    # a probe that is only started: what it prints when it has time is asked of one that has
    monkeypatch.setenv("TRIAGE_BUDGET", "0.5")
    monkeypatch.setenv("TRIAGE_REPEATS", "2")
    project.file("pytest.ini", "[pytest]\npythonpath = .\n").file(".gitignore", "/.triage/\n__pycache__/\n")
    project.file("pyproject.toml", "[tool.triage]\nchunks = 1\n").file("YOUR.patch", FIX)
    return project.file("product.py", PRODUCT).file("tests/test_product.py", TESTS).commit()


@pytest.fixture
def pasted(tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    made = Pasted(folder)
    yield made
    assert not made.bad, "\n".join(map(str, made.bad))


def test_what_is_printed_before_anything_is_in_the_journal(project, pasted):
    pasted.run(project, printed(project, wrong=[("show", "C1"), ("probe", QUOTED[:-3])]))
    assert project.triage("run", "--no-ledgers", "--no-history").code == 1
    wrong = [("probe", "C1"), ("verify", "C1"), ("show", "C99")]
    pasted.run(project, printed(project, subjects=["C1", QUOTED], wrong=wrong))
    assert len(pasted.done) > 5, sorted(pasted.done)


def test_what_is_printed_from_red_to_resolved(project, pasted):
    assert project.triage("run").code == 1
    known = project.triage("clusters", "--json").json["clusters"]
    half = next(each["id"] for each in known if NODEID in each["members"])
    victim = next(each["id"] for each in known if VICTIM in each["members"])
    wrong = [("design", half), ("show", "C99"), ("explain", half, "tests/x.py::y"), ("probe", "C99")]
    pasted.run(project, printed(project, subjects=[half, victim, NODEID, VICTIM], wrong=wrong))

    probed = project.triage("probe", victim, "--budget", "600", "--probe", "order", "--json")
    assert probed.code == 0, probed.err
    commands = printed(project, subjects=[victim]) | commands_of(probed.json)
    assert f"triage design {victim}" in commands
    pasted.leave_out(f"triage design {victim}")
    pasted.run(project, commands)

    designed = project.triage("design", victim, "--json")
    assert designed.code == 0, designed.err
    pasted.run(project, printed(project, subjects=[victim]) | commands_of(designed.json))

    project.file("product.py", PRODUCT.replace("/ 3", "/ 2")).commit()
    project.triage("run")
    pasted.leave_out(f"triage verify {half}")
    pasted.run(project, printed(project, subjects=[half, victim], wrong=[("verify", "C99")]))
    plan = (project.root / "plans/fix_plan.md").read_text()
    steps = {step["cluster"]: step["command"] for step in project.triage("next", "--json").json["steps"]}
    assert steps[half] == f"triage verify {half}", "the run calls it fixed"
    for cluster, command in steps.items():
        assert command in plan, "the ledger names the same command"
        assert project.triage("show", cluster, "--json").json["next"] == command

    assert project.triage("verify", half).code == 0
    pasted.run(project, printed(project, subjects=[half], wrong=[("probe", half), ("design", half)]))
    assert len(pasted.done) > 12, sorted(pasted.done)


FLAKY = """\
import pathlib

COUNTER = pathlib.Path({counter!r})


def test_fails_every_other_time():
    count = int(COUNTER.read_text()) if COUNTER.exists() else 0
    COUNTER.write_text(str(count + 1))
    assert count % 2 == 1, "the service did not answer"


def test_first():
    assert 1 + 1 == 3, "one and one"


def test_second():
    assert 2 + 2 == 5, "two and two"
"""


def test_what_is_printed_of_flaky_quarantined_merged_and_resolved_clusters(project, pasted, tmp_path):
    project.file("tests/test_product.py", FLAKY.format(counter=str(tmp_path / "counter"))).commit()
    assert project.triage("run").code == 1
    known = project.triage("clusters", "--json").json["clusters"]
    flaky = next(each["id"] for each in known if each["state_in_run"] == "flaky")
    first, second = (each["id"] for each in known if each["state_in_run"] != "flaky")
    pasted.run(
        project, printed(project, subjects=[flaky, "tests/test_product.py::test_fails_every_other_time"])
    )

    in_a_month = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    until = ["--until", in_a_month, "--owner", "ann", "--reason", "the service is slow"]
    assert project.triage("quarantine", flaky, *until).code == 0
    assert project.triage("merge", first, second).code == 0
    pasted.run(project, printed(project, subjects=[flaky, first, second], wrong=[("verify", "C99")]))

    project.triage("run")  # red and quarantined, or green by chance: both are states of a known cluster
    pasted.run(project, printed(project, subjects=[flaky, first]))
    steps = project.triage("next", "--json").json["steps"]
    assert steps, "there is always something to do where a cluster is open"
    for step in steps:
        words = shlex.split(step["command"])
        assert words[:1] == ["triage"], step
        shown = project.triage("show", step["cluster"], "--json").json
        assert shown["next"] == step["command"], "one step, wherever it is told"
    text = FLAKY.format(counter=str(tmp_path / "counter")).replace("== 3", "== 2").replace("== 5", "== 4")
    project.file("tests/test_product.py", text).commit()
    project.triage("run")
    pasted.run(project, printed(project, subjects=[flaky, first]))
    assert len(pasted.done) > 8, sorted(pasted.done)
