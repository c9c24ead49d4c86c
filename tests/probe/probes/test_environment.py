"""Where values of variables, missing files and second causes are looked for."""

from __future__ import annotations

import subprocess

import pytest

from triage.probe.api import Finding
from triage.probe.file_candidates import makers, odd_files
from triage.probe.probes.environment import Environment
from triage.probe.probes.files import Files
from triage.probe.probes.interaction import Interaction
from triage.probe.registry import RankedProbe
from triage.probe.variable_values import values_for, variables_in
from triage.process.git import Repository
from triage.process.git_history import recoverable_texts
from triage.process.scratch import Scratch
from triage.testing.probes import case_of, conforms, seen

T = "tests/test_z.py::test_it"
READER = "import os\ndef mode():\n    return os.environ.get('APP_MODE', 'slow')\n"


def case_with(world=lambda setup: seen(T, False), texts=None, **more):
    texts = {"app.py": READER, "tests/test_z.py": "import app\ndef test_it():\n    pass\n", **(texts or {})}
    return case_of(T, world, files=tuple(texts), source=texts.get, **more)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".github/workflows/ci.yml", "env:\n  APP_MODE: s3cret-word\n"),
        ("tox.ini", "setenv =\n    APP_MODE = s3cret-word\n"),
        ("Dockerfile", "ENV APP_MODE s3cret-word\n"),
        ("README.md", "Run `APP_MODE=s3cret-word pytest`.\n"),
        ("docs/use.rst", "export APP_MODE='s3cret-word'\n"),
        (".env", 'APP_MODE="s3cret-word"\n'),
        ("conftest.py", "def pytest_configure():\n    os.environ['APP_MODE'] = 's3cret-word'\n"),
        (
            "tests/test_other.py",
            "def test(monkeypatch):\n    monkeypatch.setenv('APP_MODE', 's3cret-word')\n",
        ),
        ("noxfile.py", "session.run('pytest', env={'APP_MODE': 's3cret-word'})\n"),
        ("app.py", "import os\nif os.getenv('APP_MODE') == 's3cret-word':\n    pass\n"),
        ("app.py", "import os\nvalue = os.environ.get('APP_MODE', '')\nok = value == 's3cret-word'\n"),
    ],
)
def test_a_value_is_found_where_the_project_says_it(path, text):
    case = case_with(texts={path: text})
    assert "s3cret-word" in values_for(case, "APP_MODE", ["app.py:3"])[:3]


def test_another_variable_with_a_longer_name_gives_no_value():
    case = case_with(texts={"tox.ini": "MY_APP_MODE=one\nAPP_MODE_X=two\n"})
    assert {"one", "two"}.isdisjoint(values_for(case, "APP_MODE", ["app.py:3"]))


def test_a_secret_is_not_taken_from_the_settings_of_one_machine():
    texts = {".env": "API_TOKEN=abcdefgh1234\n", ".env.example": "API_TOKEN=change-me\n"}
    values = values_for(case_with(texts=texts), "API_TOKEN", ["app.py:3"])
    assert "change-me" in values
    assert "abcdefgh1234" not in values


def test_variables_that_were_never_read_because_one_was_missing_are_known():
    text = "import os\nready = os.environ.get('A_ON') and os.environ['B_ON'] and os.getenv('C_ON')\n"
    case = case_with(texts={"app.py": text})
    assert [name for name, _ in variables_in(case)] == ["A_ON", "B_ON", "C_ON"]


def test_two_variables_that_are_both_needed_are_found_together_and_none_alone():
    text = (
        "import os\n"
        "def ready():\n"
        "    return os.environ.get('A_SWITCH') == 'on' and os.environ.get('B_LEVEL') == 'full'\n"
    )

    def world(setup):
        return seen(T, setup.env.get("A_SWITCH") == "on" and setup.env.get("B_LEVEL") == "full")

    case = case_with(world, {"app.py": text})
    alone = conforms(RankedProbe(Environment), case, world).finding
    assert alone.cause is None
    facts = {"environment": Finding(excluded="-", facts=alone.facts)}
    found = conforms(RankedProbe(Interaction), case_with(world, {"app.py": text}, facts=facts), world).finding
    assert set(found.cause.culprits) >= {"A_SWITCH", "B_LEVEL"}
    assert "two causes" in found.cause.summary


def test_where_either_of_two_changes_is_enough_there_is_no_interaction_of_them():
    def world(setup):
        return seen(T, setup.env.get("A_SWITCH") == "on" or setup.env.get("B_LEVEL") == "full")

    text = "import os\nX = os.environ.get('A_SWITCH') == 'on' or os.environ.get('B_LEVEL') == 'full'\n"
    found = conforms(RankedProbe(Environment), case_with(world, {"app.py": text}), world).finding
    assert found.cause.factor.name in ("A_SWITCH", "B_LEVEL")


@pytest.mark.parametrize(
    ("raw", "oddity"),
    [
        (b"a\r\nb\r\n", "CRLF"),
        (b"\xef\xbb\xbfa\n", "byte order mark"),
        ("Zo\xeb".encode("latin-1"), "encoding"),
    ],
)
def test_a_data_file_in_an_unusual_form_is_rewritten(raw, oddity):
    def world(setup):
        return seen(T, "data/g.txt" in setup.edits)

    test = "def test_it():\n    assert open('data/g.txt')\n"
    texts = {"tests/test_z.py": test, "data/g.txt": "?"}
    case = case_with(world, texts, facts={"bytes": {"data/g.txt": raw}})
    (odd,) = odd_files(case)
    assert (odd.path, oddity in odd.oddity) == ("data/g.txt", True)
    assert conforms(RankedProbe(Files), case, world).finding.cause.culprits == ("data/g.txt",)


def test_only_scripts_that_make_the_file_and_reach_nowhere_are_run():
    texts = {
        "tools/make_golden.py": "open('golden.txt', 'w').write('x')\n",
        "tools/make_and_push.py": "import requests\nopen('golden.txt', 'w').write('x')\n",
        "tools/gen_other.py": "open('other.txt', 'w').write('x')\n",
        "tests/test_make.py": "open('golden.txt', 'w').write('x')\n",
        "app/server.py": "open('golden.txt', 'w').write('x')\n",
    }
    assert makers(case_with(texts=texts), "tests/golden.txt") == ["tools/make_golden.py"]


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()

    def git(*words):
        identity = ("-c", "user.email=t@example.org", "-c", "user.name=T")
        subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (root / "a").write_text("1")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    return root, git


def test_a_file_is_found_on_another_branch_in_the_stash_and_where_it_was_deleted_or_moved(project):
    root, git = project
    git("checkout", "-q", "-b", "data")
    (root / "branch.txt").write_text("on a branch")
    git("add", "-A")
    git("commit", "-q", "-m", "data")
    git("checkout", "-q", "main")
    (root / "stash.txt").write_text("in the stash")
    git("add", "-A")
    git("stash")
    (root / "old").mkdir()
    (root / "old/moved.txt").write_text("moved")
    (root / "deleted.txt").write_text("deleted")
    git("add", "-A")
    git("commit", "-q", "-m", "more")
    (root / "deleted.txt").unlink()
    git("commit", "-q", "-a", "-m", "less")
    repository = Repository.find(root)
    for path, text in (
        ("branch.txt", "on a branch"),
        ("stash.txt", "in the stash"),
        ("deleted.txt", "deleted"),
        ("new/moved.txt", "moved"),
    ):
        assert text in [found for _, found in recoverable_texts(repository, path)], path
    assert recoverable_texts(repository, "never.txt") == ()


def test_a_link_that_leads_nowhere_outside_can_be_replaced(project, tmp_path):
    root, _ = project
    (root / "golden.txt").symlink_to("/nonexistent/elsewhere/golden.txt")
    with Scratch(root, tmp_path / "room") as scratch:
        scratch.prepare(None)
        tree = scratch.tree(0, None, {"golden.txt": "x"})
        assert (tree / "golden.txt").read_text() == "x"
        assert not (tree / "golden.txt").is_symlink()
