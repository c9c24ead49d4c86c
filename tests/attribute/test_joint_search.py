"""The joint search on real repositories with real runs, through the command line."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow

SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""
IGNORED = "__pycache__/\n.triage/\nreports/\nplans/\n"
SHOP = """
LIMIT = 10

def price(amount):
    return amount * 2

def label(name):
    return name.upper()

def discount(amount):
    if amount > LIMIT:
        return 3
    return 0
"""
TILL = """
import json
from pathlib import Path

import shop

def total(amount):
    return shop.price(amount) - shop.discount(amount)

def currency():
    return json.loads(Path(__file__).with_name("till.json").read_text())["currency"]
"""
TESTS_OF_SHOP = """
import shop

def test_price():
    assert shop.price(2) == 4

def test_label():
    assert shop.label("tea") == "TEA"

def test_discount():
    assert shop.discount(11) == 3
"""
TESTS_OF_TILL = """
import till

def test_total():
    assert till.total(2) == 4

def test_large_total():
    assert till.total(11) == 19

def test_currency():
    assert till.currency() == "EUR"
"""
FEWEST = ("--repeats", "3")
"""The fewest runs of each arm that prove anything: 3 of 3 against 0 of 3 is p = 0.05."""


@pytest.fixture
def shop(project):
    """The green project, committed and tagged `base`."""
    project.file("pyproject.toml", SETTINGS).file(".gitignore", IGNORED)
    project.file("shop.py", SHOP).file("till.py", TILL).file("till.json", '{"currency": "EUR"}\n')
    project.file("tests/test_shop.py", TESTS_OF_SHOP).file("tests/test_till.py", TESTS_OF_TILL)
    project.commit()
    project.git("tag", "base")
    return project


def change(project, name, old, new):
    """Exchange one text of a file."""
    text = (project.root / name).read_text()
    assert old in text
    project.file(name, text.replace(old, new))


def names(nodeids):
    return {nodeid.partition("::")[2] for nodeid in nodeids}


def causes_of(report):
    """Hunks to the tests that they broke."""
    return {
        " ".join(hunk["place"] for hunk in cause["hunks"]): names(cause["tests"])
        for cause in report["causes"]
    }


def test_probe_all_joins_and_splits_what_a_run_had_clustered_by_wording(shop):
    change(shop, "shop.py", "name.upper()", "name.lower()")
    # 11 > 10.5 and 11 - 0.7 > 10 hold, 11 - 0.7 > 10.5 does not: either is harmless without the other
    change(shop, "shop.py", "LIMIT = 10", "LIMIT = 10.5")
    change(shop, "shop.py", "amount > LIMIT:", "amount - 0.7 > LIMIT:")
    shop.triage("run")

    probed = shop.triage("probe", "--all", "--base", "base", *FEWEST, "--json")

    report = probed.json
    assert causes_of(report) == {
        "shop.py:8-8": {"test_label"},
        "shop.py:2-2 shop.py:11-11": {"test_discount", "test_large_total"},
    }
    assert probed.code == 0
    clusters = shop.triage("clusters", "--json").json["clusters"]
    members = [names(cluster["members"]) for cluster in clusters]
    assert sorted(members, key=len) == [{"test_label"}, {"test_discount", "test_large_total"}]
    assert {cluster["base"] for cluster in clusters} == {"broken-by-change"}
    explained = shop.triage("explain", clusters[0]["id"], "--json").json
    assert explained["base"] == "broken-by-change"
    shown = shop.triage("show", clusters[0]["members"][0], "--json").json
    assert shown["base"] == report["on_base"][shown["nodeid"]]
    assert shown["next"] == f"triage design {clusters[0]['id']}", "the lines taken back are a repair"
    assert shop.triage("check").code == 0
    document = shop.root / report["folder"] / "joint.json"
    assert json.loads(document.read_text())["cost"]["processes"] == report["cost"]["processes"]


def test_a_renamed_function_its_caller_and_its_test_are_one_cause(shop):
    # the test has changed with it: its own earlier form was green on the base, today's cannot run there
    renamed = (shop.root / "shop.py").read_text().replace("def price(amount):", "def price_of(amount):")
    shop.file("shop.py", renamed.replace("amount * 2", "amount * 3"))
    change(shop, "till.py", "shop.price(amount)", "shop.price_of(amount)")
    change(shop, "tests/test_shop.py", "shop.price(2)", "shop.price_of(2)")
    change(shop, "till.json", "EUR", "USD")
    shop.triage("run")

    report = shop.triage("probe", "--all", "--base", "base", *FEWEST, "--json").json

    assert causes_of(report) == {
        "shop.py:4-5 tests/test_shop.py:5-5 till.py:8-8": {"test_price", "test_total", "test_large_total"},
        "till.json:1-1": {"test_currency"},
    }


APP = """
import os

def mode():
    return os.environ.get("APP_MODE", "safe")

def save():
    if mode() == "fast":
        raise OSError("cannot save in a hurry")
"""
TESTS_OF_APP = """
import app

def test_mode():
    assert app.mode() == "safe"

def test_save():
    app.save()

def test_always():
    assert 1 == 2
"""


def test_a_factor_proven_for_one_test_is_tried_on_all_others(project):
    # no repository, so there is no base: factors are all that can be asked
    project.file("pyproject.toml", SETTINGS + '[tool.triage.env]\nAPP_MODE = "fast"\n')
    project.file("app.py", APP).file("tests/test_app.py", TESTS_OF_APP)
    project.triage("run")
    mode = "tests/test_app.py::test_mode"
    known = project.triage("probe", mode, "--probe", "user-factor", "--factor", "env:APP_MODE=safe", *FEWEST)
    assert known.code == 0, known.err

    report = project.triage("probe", "--all", *FEWEST, "--json").json

    (factor,) = report["factors"]
    assert factor["factor"] == "env:APP_MODE=safe"
    assert names(factor["tests"]) == {"test_save"}
    assert "test_always" in names(each["nodeid"] for each in report["unexplained"])
    clusters = project.triage("clusters", "--json").json["clusters"]
    assert {"test_mode", "test_save"} in [names(cluster["members"]) for cluster in clusters]
    assert project.triage("check").code == 0
