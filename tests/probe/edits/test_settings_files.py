"""A variable in the settings of pytest-env, or of triage: only lines are added."""

from __future__ import annotations

import pytest

from triage.probe.edits.settings_files import in_pytest_env, in_triage_env


def test_the_canonical_environment_of_triage():
    text = '[tool.triage]\ncampaign = "x"  # of us\n\n[tool.ruff]\nline-length = 90\n'
    assert in_triage_env(text, "MODE", "ci") == text.replace(
        "\n[tool.ruff]", '\n[tool.triage.env]\nMODE = "ci"\n\n[tool.ruff]'
    )
    text = '[tool.triage.env]\nA = "1"\n'
    assert in_triage_env(text, "MODE", "ci") == text + 'MODE = "ci"\n'


@pytest.mark.parametrize("text", [None, "[tool.ruff]\n", "no toml ["])
def test_a_project_without_settings_of_triage_gets_none(text):
    assert in_triage_env(text, "MODE", "ci") is None


@pytest.mark.parametrize(
    ("path", "text", "old", "new"),
    [
        ("pytest.ini", "[pytest]\nenv =\n    A=1\naddopts = -q\n", "    A=1\n", "    A=1\n    MODE=ci\n"),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nenv = [\n    "A=1",\n]\naddopts = "-q"\n',
            '    "A=1",\n', '    "A=1",\n    "MODE=ci",\n',
        ),
        ("pyproject.toml", '[tool.pytest.ini_options]\nenv = ["A=1"]\n', '["A=1"]', '["A=1", "MODE=ci"]'),
        ("pyproject.toml", "[tool.pytest_env]\nA = 1\n", "A = 1\n", 'A = 1\nMODE = "ci"\n'),
        (
            "pyproject.toml",
            '[dependency-groups]\ntest = ["pytest-env"]\n\n[tool.pytest.ini_options]\nx = 1\n',
            "x = 1\n", 'x = 1\nenv = ["MODE=ci"]\n',
        ),
    ],
)  # fmt: skip
def test_a_project_with_pytest_env_gets_a_line(path, text, old, new):
    assert list(in_pytest_env({path: text}.get, "MODE", "ci")) == [(path, text.replace(old, new))]


@pytest.mark.parametrize("text", ["[tool.pytest.ini_options]\nx = 1\n", "[pytest", ""])
def test_a_project_without_pytest_env_gets_none(text):
    assert list(in_pytest_env({"pyproject.toml": text}.get, "MODE", "ci")) == []
