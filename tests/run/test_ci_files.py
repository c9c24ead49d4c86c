"""Files by which a CI job's steps speak to each other are out of the tests' reach."""

from __future__ import annotations

import pytest

from triage.run.ci_files import without_ci_files


@pytest.mark.parametrize(
    "name", ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "BASH_ENV"]
)
def test_a_variable_that_names_such_a_file_is_withheld_unless_it_is_handed_over(name):
    environ = {name: "/runner/file", "PATH": "/bin", "GITHUB_REF": "main"}
    assert without_ci_files(environ) == {"PATH": "/bin", "GITHUB_REF": "main"}
    assert without_ci_files(environ, [name]) == environ
