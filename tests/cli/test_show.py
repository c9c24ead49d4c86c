"""`triage show`: one page on a cluster or a test, bounded, harmless, and the same facts for programs."""

from __future__ import annotations

import json
import re

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.campaign.hunted_cluster import hunted_cluster
from triage.cli.context import App
from triage.cli.failure_text import say_failure
from triage.model.cluster import Cluster
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.text.suggest import did_you_mean, suggestions

PRODUCT = Frame(path="src/a.py", lineno=3, function="net", code="return 1 / x", origin="product")
LIBRARY = Frame(path="/usr/lib/python3.11/json/x.py", lineno=9, code="raise", origin="library")


@pytest.fixture
def shown(tmp_path, capsys):
    """What is printed of a failure, as lines."""

    def say(failure: Failure, *, full: bool = False) -> list[str]:
        say_failure(App(str(tmp_path)), failure, full=full)
        return capsys.readouterr().out.splitlines()

    return say


def test_a_traceback_begins_with_what_came_first(shown):
    inner = Raised(type="ZeroDivisionError", message="division by zero", relation="cause", frames=(PRODUCT,))
    outer = Raised(type="ValueError", message="no price\nfor x", frames=(LIBRARY, PRODUCT))
    said = shown(Failure(nodeid="t.py::a", phase=Phase.SETUP, chain=(outer, inner)))
    assert said == [
        "  t.py::a (setup)",
        "    src/a.py:3 in net",
        "        return 1 / x",
        "    E   ZeroDivisionError: division by zero",
        "    which was the direct cause of",
        "    src/a.py:3 in net",
        "        return 1 / x",
        "    E   ValueError: no price",
        "    E   for x",
    ]


def test_what_is_endless_is_cut_and_full_shows_it(shown):
    deep = Raised(type="RecursionError", message="\n".join(["deep"] * 500), frames=(PRODUCT,) * 300)
    printed = Captured(stdout="\n".join(f"line {n}" for n in range(1000)), stderr="\x1b[31mred\x1b[0m\x1b[2J")
    failure = Failure(nodeid="t.py::a", phase=Phase.CALL, chain=(deep,), captured=printed)
    said = shown(failure)
    assert len(said) < 80
    assert "    ... 288 more lines, shown by --full" in said
    assert "    line 999" in said
    assert "    line 1" not in said
    assert "    red\\x1b[2J" in said, "a colour is dropped, any other escape is spelled out"
    assert len(shown(failure, full=True)) > 2000


def test_a_failure_without_frames_has_its_message(shown):
    assert shown(Failure(nodeid="t.py::a", phase=Phase.CALL, chain=(Raised(type="Crashed"),))) == [
        "  t.py::a",
        "    E   Crashed",
    ]


@pytest.mark.parametrize(
    ("wrong", "names", "meant"),
    [
        ("c7", ["C1", "C7", "C70"], "C7"),
        ("rn", ["init", "run", "report"], "run"),
        ("test_parse_man", ["a.py::test_x", "tests/b.py::test_parse_many"], "tests/b.py::test_parse_many"),
        ("test_b", ["a.py::test_x", "deep/er/b.py::T::test_b"], "deep/er/b.py::T::test_b"),
    ],
)
def test_what_may_have_been_meant(wrong, names, meant):
    assert suggestions(wrong, names)[0] == meant
    assert did_you_mean(wrong, names, otherwise="no").startswith(f"did you mean '{meant}'")


def test_what_nobody_can_have_meant_gets_the_other_advice():
    assert did_you_mean("qqqq", ["run"], otherwise="see 'triage --help'") == "see 'triage --help'"


@pytest.mark.slow
def test_a_cluster_and_a_test_are_shown_to_people_and_programs(project):
    project.file("shop.py", "def net(order):\n    return order['eu']\n")
    project.file(
        "test_x.py",
        "import shop\n\ndef test_a():\n    print('asking')\n    assert shop.net({}) == 1\n\n"
        "def test_b():\n    assert shop.net({}) == 2\n\ndef test_green():\n    pass\n",
    )
    project.file("CODEOWNERS", "shop.py @acme/shop\n")
    run = project.triage("run", "--reruns", "0", "--look-budget", "0", **NO_FOREIGN_PLUGINS)
    assert "    > return order['eu']   from test_x.py:5" in run.out.splitlines()
    assert "    owner @acme/shop (by CODEOWNERS)" in run.out.splitlines()
    of_cluster = project.triage("show", "C1").out
    for line in (
        "C1  KeyError: 'eu'",
        "  open; new; 2 tests; owner @acme/shop (by CODEOWNERS)",
        "    shop.py:2 in net",
        "        return order['eu']",
        "    E   KeyError: 'eu'",
        "  captured stdout",
        "tests (2)",
        "  python -m pytest test_x.py::test_a test_x.py::test_b",
        "next: triage probe C1",
    ):
        assert line in of_cluster.splitlines()
    opened = r"^  20\d\d-\d\d-\d\d \d\d:\d\d opened: KeyError: 'eu' \(triage run\)$"
    assert re.search(opened, of_cluster, re.MULTILINE)
    document = project.triage("show", "C1", "--json").json
    assert document["failures"][0]["places"] == {"product": "shop.py:2", "test": "test_x.py:5"}
    assert document["rerun"] == "python -m pytest test_x.py::test_a test_x.py::test_b"
    assert (document["next"], document["cause"], document["experiments"]) == ("triage probe C1", None, [])
    of_test = project.triage("show", "test_x.py::test_b", "--json").json
    assert (of_test["outcome"], of_test["clusters"]) == ("failed", ["C1"])
    assert [row["outcome"] for row in of_test["history"]] == ["failed"]
    green = project.triage("show", "test_x.py::test_green").out
    assert "passed" in green
    wrong = project.triage("show", "test_x.py::test_c")
    assert wrong.code == 2
    assert "did you mean 'test_x.py::test_" in wrong.err
    assert "did you mean 'C1'?" in project.triage("show", "c1").err


def test_a_cluster_of_a_hunt_has_its_hunt_and_the_command_that_shows_it(tmp_path):
    folder = tmp_path / "reports/triage/phase_b/20261201T040927Z"
    folder.mkdir(parents=True)
    row = {"tests": ["t.py::x"], "command": "python -m pytest t.py::y t.py::x"}
    (folder / "hunt.json").write_text(json.dumps({"latent": [row]}))
    cluster = Cluster(
        id="C1", title="t", status="open", members=("t.py::x",), last_seen="20261201T040927Z", latent=True
    )
    found = hunted_cluster(tmp_path, cluster)
    assert found.command == "python -m pytest t.py::y t.py::x"
    assert found.summary == folder / "summary.md"
    assert hunted_cluster(tmp_path, cluster.model_copy(update={"last_seen": "20261201T040928Z"})) is None
    (folder / "hunt.json").write_text("{")
    assert hunted_cluster(tmp_path, cluster) is None
