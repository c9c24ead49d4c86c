"""The table of physics in docs/simulator.md: each row names code and tests that are there."""

import ast
import fnmatch
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = {path.name: path for path in (ROOT / "tests" / "simulator").glob("test_*.py")}
TESTS["test_gradients.py"] = ROOT / "tests" / "test_gradients.py"
WANTED = (
    *(
        "unit cell",
        "MOSFLM matrix",
        "misset",
        "phi",
        "mosaic",
        "SQUARE",
        "ROUND",
        "GAUSS",
        "TOPHAT",
        "HKL",
        "cache",
    ),
    *(
        "tricubic",
        "divergence",
        "dispersion",
        "source files",
        "polarisation",
        "fluence",
        "DENZO",
        "DIALS",
        "XDS",
    ),
    *(
        "two-theta",
        "pivots",
        "beam-centre",
        "point pixel",
        "curved",
        "thickness",
        "mask",
        "oversampling",
        "water",
    ),
    *("noise", "SMV", "PGM", "CBF", "NumPy", "gradients", "singular", "memory", "bad input", "without torch"),
)


def rows():
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    table = text.split("## Physics and its tests", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def defined():
    """Names of all test functions and classes, bare and with the class before them."""
    names = set(TESTS)
    for path in TESTS.values():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            if isinstance(node, ast.ClassDef):
                members = [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
                names |= {f"{node.name}::{member}" for member in members} | set(members)
    return names


def cases():
    return json.loads((ROOT / "tests" / "simulator" / "reference_figures.json").read_text())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:30])
def test_code_and_tests_of_a_row_exist(row):
    what, where, tests = row
    for file in re.findall(r"`([^`]+)`", where):
        assert (ROOT / "simulator" / file).exists() or list((ROOT / "simulator").rglob(file)), (
            f"{what}: {file}"
        )
    named = re.findall(r"`([^`]+)`", tests)
    assert named, f"{what}: no test"
    known = defined()
    for name in named:
        head, _, picked = name.partition("[")
        for part in head.split("::", 1) if head.startswith("test_") and ".py" in head else [head]:
            assert part in known, f"{what}: {name}"
        for case in filter(None, re.split(r",\s*", picked.rstrip("]"))):
            assert fnmatch.filter(cases(), case), f"{what}: no reference case {case}"


def test_nothing_of_the_list_is_missing():
    said = " ".join(row[0] for row in rows()).lower()
    assert not [word for word in WANTED if word.lower() not in said]
