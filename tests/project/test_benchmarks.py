"""The benchmarks as a package: what they are called, and what their files are called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main, names_of_benchmarks

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_no_file_hides_a_module_of_the_standard_library() -> None:
    """Python puts the folder of a script in front of its path."""
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__main__"}
    assert files.isdisjoint(sys.stdlib_module_names)


def test_the_benchmark_of_redaction_is_called_secrets() -> None:
    names = names_of_benchmarks()
    assert "secrets" in names
    assert "redaction" not in names


def test_without_a_name_the_benchmarks_are_listed_and_none_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for name in names_of_benchmarks():
        assert name in printed.err
