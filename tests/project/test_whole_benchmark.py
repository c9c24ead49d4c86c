"""The benchmark of whole commands: what it measures, and which figures it marks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.whole import main
from benchmarks.whole_inputs import KINDS
from benchmarks.whole_process import Command, CommandFailed, medians
from benchmarks.whole_rows import ROWS


def test_memory_and_processor_time_are_those_of_the_command(tmp_path: Path) -> None:
    large = "held = bytearray(200 * 2**20)\nfor byte in range(0, len(held), 4096): held[byte] = 1"
    commands = {
        "large": Command([sys.executable, "-c", large], tmp_path),
        "small": Command([sys.executable, "-c", ""], tmp_path),
    }
    spent = medians(commands, rounds=1)
    assert spent["large"].peak_mib > 200
    assert spent["small"].peak_mib < 100, "whatever this process itself holds"
    assert spent["large"].processor > 0


def test_a_command_that_did_not_do_its_work_has_no_figure(tmp_path: Path) -> None:
    refused = Command([sys.executable, "-c", "raise SystemExit('no such test')"], tmp_path, exit_codes=[0])
    with pytest.raises(CommandFailed, match="no such test"):
        medians({"refused": refused}, rounds=1)


def test_each_row_grows_and_says_what_it_shall_reach() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    for row in ROWS:
        assert list(row.sizes) == sorted(row.sizes)
        assert row.targets, row.name
        assert max(row.quick_sizes) <= max(row.sizes)


def test_each_kind_of_input_can_be_made_small(tmp_path: Path) -> None:
    """In this process: what is made is read by commands, which the benchmark itself starts."""
    for kind, make in KINDS.items():
        if kind in ("stamps", "shards"):  # these start commands
            continue
        folder = tmp_path / kind
        folder.mkdir()
        make(1_000 if kind == "history" else 20, folder)
        assert list(folder.rglob("*"))


def test_an_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nonsense"])
    assert "invalid choice" in capsys.readouterr().err
