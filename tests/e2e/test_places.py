"""One commit has one set of clusters, wherever it is checked out: known in one place is known in another."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.projects import Project

SUITE = """
import secrets
from pathlib import Path

import pytest

from shop import prices

HERE = Path(__file__).resolve().parent


def test_reads_prices():
    prices.load(HERE / "data" / "prices 2026.csv")


def test_root_is_a_shop():
    pytest.fail(f"no shop.toml in {HERE}")


def test_session():
    raise RuntimeError(f"session {secrets.token_hex(2)} expired: {set(prices.NAMES)}")
"""
PRICES = """
NAMES = ["mass", "radius", "spin", "phase", "angle"]


def load(path):
    if not path.exists():
        raise ValueError(f"cannot read {path}")
"""


@pytest.fixture
def home_folder() -> Iterator[Path]:
    """A folder that lies below no temporary one."""
    with tempfile.TemporaryDirectory(prefix="triage test ", dir=Path.home()) as folder:
        yield Path(folder)


@pytest.mark.slow
def test_known_in_one_checkout_is_known_in_another(tmp_path: Path, home_folder: Path) -> None:
    first = Project(tmp_path / "checkout")
    first.file("test_prices.py", SUITE).file("shop/prices.py", PRICES).file("pyproject.toml", "").commit()
    found = first.triage("run", "--json")
    assert found.code == 1
    clusters = first.triage("clusters", "--json").json["clusters"]
    titles = {cluster["title"] for cluster in clusters}
    assert "ValueError: cannot read data/prices 2026.csv" in titles
    assert "no shop.toml in ." in {title.removeprefix("Failed: ") for title in titles}

    shutil.copytree(first.root, home_folder / "my shop")
    link = tmp_path / "link"
    link.symlink_to(home_folder / "my shop")
    for place in (home_folder / "my shop", link):
        again = Project(place).triage("run", "--json")
        assert again.code == 0, again.out
        assert len(Project(place).triage("clusters", "--json").json["clusters"]) == len(clusters) == 3
