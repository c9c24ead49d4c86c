"""Test files that several processes share: long ones first, the simulator's behind all others."""

from __future__ import annotations

from pathlib import Path

from tests.fixtures.file_order import LONGEST_FIRST, rank

ROOT = Path(__file__).resolve().parents[2]


def test_every_long_file_is_there():
    assert [name for name in LONGEST_FIRST if not (ROOT / name).is_file()] == []
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)


def test_long_files_then_slow_ones_then_quick_ones_and_the_simulator_last():
    oracle = "tests/simulator/test_oracle.py"
    slow, quick = "tests/run/test_endings.py", "tests/cli/test_status.py"
    slow_physics, quick_physics = "tests/simulator/test_prebuilt.py", "tests/simulator/test_panels.py"
    expected = [*LONGEST_FIRST[:2], slow, quick, oracle, slow_physics, quick_physics]
    files = sorted(expected)
    assert sorted(files, key=lambda file: rank(file, {slow, slow_physics})) == expected
