"""A patch is written with the project's own formatter, else in the style of each file that it changes."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from triage.lab.patch_style import in_project_style
from triage.lab.patches import patch_of_files
from triage.process.formatters import formatters_of
from triage.text.source_style import BYTE_ORDER_MARK

RUFF_SINGLE = "[tool.ruff]\nline-length = 64\n[tool.ruff.format]\nquote-style = 'single'\n"
FORMATTED = "import os\n\n\ndef home():\n    return os.environ['HOME']\n"
EDITED = (
    "import json\nimport os\n\n\ndef home():\n"
    '    return json.loads(os.environ.get("HOME_AS_JSON_TEXT", os.environ["HOME"]))\n'
)
UNFORMATTED = "import os\ndef home() :\n    return os.environ[ 'HOME' ]\n"


def styled(root, before, after, path="home.py", **more):
    """The edit of one file as it is patched in this project: the text, and what git makes of the diff."""
    file = root / path
    if before is not None:
        file.write_bytes(before.encode())
    # probes read and edit texts without carriage returns and marks
    plain = before.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n") if before is not None else None
    (patch,) = in_project_style(root, [patch_of_files({path: (plain, after)}, "t", **more)], None)
    subprocess.run(["git", "apply"], input=patch.diff.encode(), cwd=root, check=True)
    written = file.read_bytes().decode()
    assert written == patch.after
    return written


@pytest.fixture(params=["pyproject.toml", "ruff.toml", ".pre-commit-config.yaml"])
def ruff_project(request, tmp_path):
    text = {
        "pyproject.toml": RUFF_SINGLE,
        "ruff.toml": RUFF_SINGLE.replace("[tool.ruff]\n", "").replace("tool.ruff.", ""),
        ".pre-commit-config.yaml": "- hooks:\n  - id: ruff-format\n    args: ['--line-length=64']\n",
    }[request.param]
    (tmp_path / request.param).write_text(text)
    return tmp_path


def test_a_formatted_file_stays_formatted(ruff_project):
    single = (ruff_project / ".pre-commit-config.yaml").exists() is False
    before = FORMATTED if single else FORMATTED.replace("'", '"')
    written = styled(ruff_project, before, EDITED)
    expected = EDITED.splitlines()[:-1]
    expected += ["    return json.loads("]
    expected += ['        os.environ.get("HOME_AS_JSON_TEXT", os.environ["HOME"])', "    )", ""]
    text = "\n".join(expected)
    assert written == (text.replace('"', "'") if single else text)
    assert not list(ruff_project.glob(".*cache*")), "a formatter leaves nothing in the tree"


def test_a_file_that_was_not_formatted_is_not_formatted_now(ruff_project):
    after = UNFORMATTED.replace("'HOME' ]", "'HOME' ] or \"/\"")
    assert styled(ruff_project, UNFORMATTED, after) == after.replace('"/"', "'/'")


def test_imports_are_sorted_where_they_were(ruff_project):
    after = FORMATTED.replace("import os\n", "import os\nimport json\n")
    assert "import json\nimport os\n" in styled(ruff_project, FORMATTED, after)
    mixed = "import sys\n" + FORMATTED
    after = mixed.replace("import os\n", "import os\nimport json\n")
    assert "import sys\nimport os\nimport json\n" in styled(ruff_project, mixed, after)


def test_a_new_file_is_written_by_the_formatter(tmp_path):
    (tmp_path / "pyproject.toml").write_text(RUFF_SINGLE)
    assert styled(tmp_path, None, 'import sys\nimport os\nx = "a"\n') == "import os\nimport sys\n\nx = 'a'\n"


def test_a_new_file_is_written_like_those_beside_it(tmp_path):
    (tmp_path / "other.py").write_text("def f():\n\treturn 'a'\n")
    assert styled(tmp_path, None, 'def g():\n    return "b"\n') == "def g():\n\treturn 'b'\n"


def test_without_a_formatter_quotes_are_those_of_the_file(tmp_path):
    assert "'HOME_AS_JSON_TEXT'" in styled(tmp_path, FORMATTED, EDITED)


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: BYTE_ORDER_MARK + text,
        lambda text: text.rstrip("\n"),
    ],
    ids=["crlf", "mark", "no last end"],
)
def test_ends_of_lines_and_marks_stay(tmp_path, disguise):
    after = "import sys\n" + FORMATTED
    assert styled(tmp_path, disguise(FORMATTED), disguise(after).removeprefix(BYTE_ORDER_MARK)) == disguise(
        after
    )


def test_an_edit_of_ends_of_lines_changes_nothing_else(tmp_path):
    assert styled(tmp_path, "a\r\nb\r\n", "a\nb\n", path="data.txt", is_verbatim=True) == "a\nb\n"


def test_what_git_has_is_not_written_anew(tmp_path):
    after = FORMATTED + 'x = "as it was"\n'
    assert styled(tmp_path, FORMATTED, after, is_verbatim=True) == after


def test_several_files_are_one_patch(tmp_path):
    (tmp_path / "a.py").write_bytes(b"x = 'a'\r\n")
    texts = {"a.py": ("x = 'a'\n", "x = 'b'\n"), "gone.txt": ("a\n", None)}
    (tmp_path / "gone.txt").write_text("a\n")
    (patch,) = in_project_style(tmp_path, [patch_of_files(texts, "t")], None)
    assert patch.edits == {"a.py": "x = 'b'\r\n", "gone.txt": None}
    assert "edits" not in patch.model_dump(), "the diff has them"


@pytest.mark.parametrize(
    ("name", "text", "programs"),
    [
        ("pyproject.toml", "[tool.black]\nline-length = 79\n", ["black"]),
        ("setup.cfg", "[isort]\nprofile = black\n", ["isort"]),
        (".pre-commit-config.yaml", "- id: isort\n- id: black\n  args: [-l, '79']\n", ["isort", "black"]),
        ("pyproject.toml", "[tool.ruff\n", []),
        ("README.md", "black", []),
    ],
)
def test_formatters_are_those_that_the_project_names(tmp_path, monkeypatch, name, text, programs):
    monkeypatch.setattr(shutil, "which", lambda program, path: f"/bin/{program}")
    (tmp_path / name).write_text(text)
    found = formatters_of(tmp_path / "below", tmp_path, None)
    assert [formatter.command[0] for formatter in found] == [f"/bin/{program}" for program in programs]


@pytest.mark.parametrize(
    ("arguments", "expected"), [("[-l, '79']", ("-l", "79")), ("[pyproject.toml]", ()), ("[]", ())]
)
def test_arguments_of_hooks_are_used(tmp_path, monkeypatch, arguments, expected):
    monkeypatch.setattr(shutil, "which", lambda program, path: program)
    text = f"repos:\n- repo: x\n  hooks:\n  - id: black\n    language: python\n    args: {arguments}\n"
    (tmp_path / ".pre-commit-config.yaml").write_text(text)
    (black,) = formatters_of(tmp_path, tmp_path, None)
    assert black.command == ("black", "--quiet", *expected, "--stdin-filename", "{path}", "-")


def test_a_program_that_fails_or_changes_the_code_is_not_believed(tmp_path, monkeypatch):
    script = tmp_path / "black"
    script.write_text('#!/bin/sh\nread first; [ "$first" = \'x = 1\' ] && echo "$first" || echo other\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "pyproject.toml").write_text("[tool.black]\n")
    assert styled(tmp_path, "x = 1\n", "x = 2\ny = 3\n") == "x = 2\ny = 3\n"
