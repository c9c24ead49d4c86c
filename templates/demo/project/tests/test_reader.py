"""Reading the reference table, and writing a report beside it."""

import os
from pathlib import Path


def read_table(path):
    """Rows of numbers from a text file."""
    return [[float(word) for word in line.split()] for line in Path(path).read_text().splitlines()]


def test_report_is_written_where_asked(tmp_path):
    os.chdir(tmp_path)
    Path("report.txt").write_text("done\n")
    assert (tmp_path / "report.txt").exists()


def test_reference_table_has_three_columns():
    rows = read_table("tests/data/reference.txt")
    assert {len(row) for row in rows} == {3}


def test_a_table_can_be_empty(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    assert read_table(tmp_path / "empty.txt") == []
