"""`git mv` of a test and of its module: known clusters stay known, members get the new names."""

from __future__ import annotations

import pytest

from tests.fixtures.projects import Project

TESTS = """
from shop.price import load, net


def test_net():
    assert net(3) == 4


class TestLoad:
    def test_load(self):
        load("table")

    def test_twice(self):
        assert net(1) + net(1) == 4


def test_fine():
    assert net(0) == 0
"""
PRICE = """
# prices of the shop

class PriceError(Exception):
    pass


def net(number):
    return number


def load(name):
    raise PriceError(f"{__name__} has no {name}")
"""


def members(project: Project) -> dict[str, list[str]]:
    rows = project.triage("clusters", "--all", "--json").json["clusters"]
    return {row["id"]: row["members"] for row in rows}


@pytest.mark.slow
def test_renamed_files_keep_their_clusters(project: Project) -> None:
    project.file("tests/test_price.py", TESTS).file("shop/price.py", PRICE).file("shop/__init__.py", "")
    project.file("conftest.py", "").commit()
    assert project.triage("run").code == 1
    before = members(project)
    project.commit()

    # another folder, another module, the imports that follow, another name for a test of the same body
    (project.root / "tests" / "unit").mkdir()
    project.git("mv", "tests/test_price.py", "tests/unit/test_cost.py")
    project.git("mv", "shop/price.py", "shop/cost.py")
    renamed = TESTS.replace("shop.price", "shop.cost").replace("test_twice", "test_two_nets")
    project.file("tests/unit/test_cost.py", renamed).commit()
    again = project.triage("run", "--json")
    assert again.code == 0, again.out

    after = members(project)
    due = {}
    for cluster, nodeids in before.items():
        moved = [nodeid.replace("tests/test_price.py", "tests/unit/test_cost.py") for nodeid in nodeids]
        due[cluster] = sorted(nodeid.replace("test_twice", "test_two_nets") for nodeid in moved)
    assert {cluster: sorted(nodeids) for cluster, nodeids in after.items()} == due
    shown = " ".join(project.triage("show", next(iter(after))).out.split())  # whatever the lines are cut to
    assert "tests/test_price.py -> tests/unit/test_cost.py (renamed in " in shown
    assert project.triage("check").code == 0
