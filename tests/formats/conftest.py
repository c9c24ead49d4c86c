"""Samples: one run of a small shop's suite, as pytest 9 and its plugins wrote it in each format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.report_values import clusters, failure_rows, record
from triage.formats.importer import read
from triage.formats.limits import DEFAULT, Limits
from triage.model.run import RunRecord

__all__ = ["clusters", "failure_rows", "record", "sample", "take"]

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def sample() -> Callable[[str], Path]:
    """The path of a sample by its name."""
    return lambda name: SAMPLES / name


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., RunRecord]:
    """take("<testsuite>…") or take(path): read as one run; text becomes a file whose name says nothing."""

    def reading(
        *items: str | bytes | Path, limits: Limits = DEFAULT, collected: tuple[str, ...] = ()
    ) -> RunRecord:
        paths = []
        for number, item in enumerate(items):
            if isinstance(item, Path):
                paths.append(item)
                continue
            path = tmp_path / f"{number}.dat"
            path.write_bytes(item.encode() if isinstance(item, str) else item)
            paths.append(path)
        return read(paths, root=tmp_path / "no-suite", stamp="S", limits=limits, collected=collected)

    return reading
