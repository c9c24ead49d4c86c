"""A project of its own with faults planted at run time: a failure's label is the fault that alone makes it.

Nothing of the clusterer was fitted to it. Each fault is run alone, then several together; failures that no
fault or more than one makes alone are left out.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.cluster.assign import assign
from triage.cluster.registry import ClusterRegistry
from triage.formats.importer import read
from triage.model.failure import Failure
from triage.model.run import RunRecord
from triage.signature.api import signatures_of

PRODUCT = """
import json
import math
import os
from pathlib import Path


class Shelf:
    def __init__(self, width, boxes=()):
        self.width, self.boxes = width, list(boxes)

    def free(self):
        return self.width - sum(box["width"] for box in self.boxes)

    def add(self, box):
        if box["width"] > self.free():
            raise ValueError(f"{box['name']} does not fit on a shelf of {self.width}")
        self.boxes.append(box)
        return box


def parse(text):
    name, _, width = text.partition(":")
    return {"name": name.strip(), "width": float(width)}


def label(box):
    return f"box {box['name']} ({box['width']:g} cm)"


def volume(width, height, depth):
    return width * height * depth


def diagonal(width, height):
    return math.sqrt(width**2 + height**2)


def catalogue():
    return json.loads(Path("data/catalogue.json").read_text())


def price(name):
    return catalogue()[name] * rate()


def rate():
    return float(os.environ["SHOP_RATE"])


def find(boxes, name):
    for box in boxes:
        if box["name"] == name:
            return box
    return None
"""
TESTS = """
import json
import pytest
from shop import Shelf, catalogue, diagonal, find, label, parse, price, volume


@pytest.mark.parametrize("text, name", [("a: 1", "a"), ("long name:2", "long name"), (" b :3.5", "b")])
def test_parse_name(text, name):
    assert parse(text)["name"] == name


@pytest.mark.parametrize("text, width", [("mug: 9", 9.0), ("mug:4", 4.0)])
def test_parse(text, width):
    assert parse(text) == {"name": "mug", "width": width}


def test_parse_width():
    assert parse("mug: 9")["width"] == 9.0


def test_label():
    assert label({"name": "mug", "width": 9.0}) == "box mug (9 cm)"


def test_label_of_parsed():
    assert label({"name": "jar", "width": 4.5}) == "box jar (4.5 cm)"


def test_label_is_short():
    assert len(label({"name": "jar", "width": 4.5})) == 16


@pytest.mark.parametrize("sides, expected", [((1, 2, 3), 6), ((2, 2, 2), 8), ((1, 1, 1.5), 1.5)])
def test_volume(sides, expected):
    assert volume(*sides) == pytest.approx(expected)


def test_diagonal():
    assert diagonal(3, 4) == pytest.approx(5.0)


def test_diagonal_of_a_unit():
    assert abs(diagonal(1, 1) - 2**0.5) < 1e-9


@pytest.mark.parametrize("width", [10, 20.5])
def test_free(width):
    assert Shelf(width).free() == width


def test_add():
    shelf = Shelf(10)
    shelf.add({"name": "mug", "width": 4})
    assert shelf.free() == 6


def test_add_returns():
    assert Shelf(10).add({"name": "mug", "width": 4})["name"] == "mug"


def test_add_twice():
    shelf = Shelf(10)
    assert [shelf.add({"name": n, "width": 5})["width"] for n in "ab"] == [5, 5]


def test_too_wide():
    with pytest.raises(ValueError, match="does not fit on a shelf"):
        Shelf(1).add({"name": "mug", "width": 4})


def test_catalogue():
    assert "mug" in catalogue()


@pytest.mark.parametrize("name, expected", [("mug", 4.0), ("jar", 6.0)])
def test_price(name, expected):
    assert price(name) == expected


def test_prices_are_sorted():
    assert sorted(["jar", "mug"], key=price) == ["mug", "jar"]


@pytest.mark.parametrize("name", ["mug", "jar"])
def test_find(name):
    assert find([{"name": "mug"}, {"name": "jar"}], name)["name"] == name


def test_find_whole():
    assert find([{"name": "mug", "width": 1}], "mug") == {"name": "mug", "width": 1}


def test_find_nothing():
    assert find([], "mug") is None
"""
FAULTS = {
    "the catalogue is lost": lambda root: (root / "data" / "catalogue.json").unlink(),
    "no rate in the environment": lambda root: (root / "conftest.py").write_text(""),
    "find gives None": ("            return box\n", "            box\n"),
    "label in another unit": (" cm)", " inch)"),
    "parse gives a tuple": (
        'return {"name": name.strip(), "width": float(width)}',
        "return name.strip(), float(width)",
    ),
    "diagonal is squared": ("return math.sqrt(width**2 + height**2)", "return width**2 + height**2"),
    "volume is an area": ("return width * height * depth", "return width * height"),
    "shelves raise": (
        "return self.width - sum(",
        'raise RuntimeError("the shelf is not built")\n        return sum(',
    ),
    "a renamed key": ('sum(box["width"]', 'sum(box["breadth"]'),
}


def run(root: Path, faults: tuple[str, ...]) -> dict[str, Failure]:
    """Failures by node id, of a fresh copy of the project with these faults."""
    root.mkdir()
    (root / "data").mkdir()
    (root / "tests").mkdir()
    (root / "data" / "catalogue.json").write_text('{"mug": 2, "jar": 3}')
    (root / "conftest.py").write_text('import os\nos.environ["SHOP_RATE"] = "2"\n')
    (root / "tests" / "test_shop.py").write_text(TESTS)
    text = PRODUCT
    for name in faults:
        fault = FAULTS[name]
        if callable(fault):
            fault(root)
        else:
            assert fault[0] in text, name
            text = text.replace(*fault)
    (root / "shop.py").write_text(text)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml", "tests"],
        cwd=root,
        env={"PATH": os.defpath, "PYTHONPATH": str(root), **NO_FOREIGN_PLUGINS},
        timeout=120,
        check=False,
        capture_output=True,
    )
    return {failure.nodeid: failure for failure in read([root / "report.xml"], root=root, stamp="S").failures}


class Mixture(NamedTuple):
    """Several faults at once: the run, and the fault of each failure that one of them alone makes."""

    record: RunRecord
    fault_of: dict[str, str]


def mixtures(folder: Path) -> Iterator[Mixture]:
    """Three runs of five faults each; `benchmarks/clustering_ablation.py` scores them too."""
    assert run(folder / "clean", ()) == {}
    alone = {name: set(run(folder / f"alone{i}", (name,))) for i, name in enumerate(FAULTS)}
    assert all(alone.values()), alone
    chance = random.Random(4)
    for number in range(3):
        faults = tuple(sorted(chance.sample(sorted(FAULTS), 5)))
        failures = run(folder / f"together{number}", faults)
        faults_of = {nodeid: [fault for fault in faults if nodeid in alone[fault]] for nodeid in failures}
        fault_of = {nodeid: own[0] for nodeid, own in faults_of.items() if len(own) == 1}
        yield Mixture(read([folder / f"together{number}" / "report.xml"], root=folder, stamp="S"), fault_of)


@pytest.mark.slow
def test_faults_planted_together_are_told_apart(tmp_path: Path) -> None:
    tally, crude = Counter[str](), Counter[str]()
    for record, fault_of in mixtures(tmp_path):
        registry = ClusterRegistry.of(())
        found = assign(
            record,
            registry,
            signer=signatures_of,
            factory=registry.event_factory("2026-01-01T00:00:00Z", "x"),
        )
        failures = {failure.nodeid: failure for failure in record.failures}
        for one, other in combinations(sorted(fault_of), 2):
            alike = fault_of[one] == fault_of[other]
            joined = found.cluster_of[one, 0] == found.cluster_of[other, 0]
            tally.update(alike=alike, joined=joined, both=alike and joined)
            said = [(f.exception, f.message.partition("\n")[0]) for f in (failures[one], failures[other])]
            crude.update(both=alike and said[0] == said[1])
    precision, recall = tally["both"] / tally["joined"], tally["both"] / tally["alike"]
    assert precision == 1.0, "causes are never mixed"
    assert recall >= 0.75
    assert recall > crude["both"] / tally["alike"], "more than the message alone"
