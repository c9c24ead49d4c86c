"""`triage hunt` on a small suite: what is latent is found, proven and written down; what is sound is not."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.projects import project
from triage.hunt.document import NO_TIME

__all__ = ["project"]

pytestmark = pytest.mark.slow

FILES = {
    "pytest.ini": "[pytest]\ntestpaths = tests\n",
    "shop.py": "MODE = 'plain'\nPRICES = {}\n\n\ndef use(mode):\n    global MODE\n    MODE = mode\n",
    "tests/test_a_reader.py": (
        "import shop\n\n\ndef test_reads():\n    assert shop.MODE == 'plain'\n\n\n"
        "def test_reads_too():\n    assert shop.MODE.startswith('pl')\n"
    ),
    "tests/test_b_prices.py": (
        "import shop\n\n\ndef test_fills():\n    shop.PRICES['tea'] = 3\n\n\n"
        "def test_looks_up():\n    assert shop.PRICES['tea'] == 3\n"
    ),
    "tests/test_c_list.py": "SEEN = []\n\n\ndef test_first():\n    SEEN.append(1)\n    assert SEEN == [1]\n",
    "tests/test_d_sound.py": "def test_sound():\n    assert 1 + 1 == 2\n",
    "tests/test_z_writer.py": (
        "import shop\n\n\ndef test_writes():\n    shop.use('fancy')\n    assert shop.MODE == 'fancy'\n"
    ),
}


@pytest.fixture
def suite(project):
    for name, text in FILES.items():
        project.file(name, text)
    return project


def without_time_for(suite, row):
    """Rewrite the hunt on disk as if its time had ended before this was proven."""
    (path,) = suite.root.glob("reports/**/hunt.json")
    document = json.loads(path.read_text())
    document["latent"] = [each for each in document["latent"] if each["tests"] != row["tests"]]
    document["suspected"] = [{"nodeid": row["tests"][0], "found_by": "an order", "reason": NO_TIME}]
    path.write_text(json.dumps(document))


def by_test(report):
    return {nodeid: row for row in report["latent"] for nodeid in row["tests"]}


def test_orders_twice_and_chance_of_a_small_suite(suite):
    hunted = suite.triage("hunt", "--budget", "60", "--only", "order", "--json")
    assert hunted.code == 0, hunted.err
    found = by_test(hunted.json)
    writer = "tests/test_z_writer.py::test_writes"
    for victim in ("test_reads", "test_reads_too"):
        row = found[f"tests/test_a_reader.py::{victim}"]
        assert row["dependence"] == "polluted"
        assert row["culprits"] == [writer]
    brittle = found["tests/test_b_prices.py::test_looks_up"]
    assert (brittle["dependence"], brittle["culprits"]) == ("brittle", ["tests/test_b_prices.py::test_fills"])
    twice = found["tests/test_c_list.py::test_first"]
    assert twice["dependence"] == "not-idempotent"
    # a repair of each kind was tried, and helps
    repairs = {row["dependence"]: (suite.root / row["repair"]).read_text() for row in hunted.json["latent"]}
    assert repairs.keys() == {"polluted", "brittle", "not-idempotent"}
    assert "+    shop.PRICES['tea'] = 3\n" in repairs["brittle"]
    assert "test_c_list" in repairs["not-idempotent"]
    assert "SEEN" in twice["leaked"][0]
    assert "tests/test_d_sound.py::test_sound" not in found
    assert all(row["experiment"]["status"] == "confirmed" for row in hunted.json["latent"])

    # clusters, views and checks know them; no run's gate counts them
    clusters = suite.triage("status", "--json").json["clusters"]
    assert {cluster["state_in_run"] for cluster in clusters} == {"latent"}
    assert suite.triage("check").code == 0
    run = suite.triage("run", "--json")
    assert run.code == 0
    assert {cluster["state_in_run"] for cluster in run.json["clusters"]} == {"latent"}
    assert any("latent" in line for line in run.json["warnings"])
    assert suite.triage("check").code == 0

    # a second hunt finds the same clusters, which are no news to its gate; and proves what had to wait
    without_time_for(suite, brittle)
    again = suite.triage("hunt", "--budget", "60", "--only", "order", "--gate", "--json")
    assert again.code == 0, again.out
    assert not any(row["new"] for row in again.json["latent"])
    proven = by_test(again.json)["tests/test_b_prices.py::test_looks_up"]
    assert proven["culprits"] == brittle["culprits"]
    assert proven["found_by"] == brittle["found_by"]
    assert any("taken up" in note for note in again.json["notes"])
    assert again.json["coverage"]["next_square"] > hunted.json["coverage"]["next_square"]


def test_the_gate_fails_on_a_new_one_and_tests_red_alone_are_left_out(suite):
    suite.file("tests/test_e_red.py", "def test_red():\n    assert False\n")
    behind = "import shop\n\n\ndef test_behind():\n    assert shop.MODE == 'plain'\n"
    suite.file("tests/test_zz_behind.py", behind)  # red in file order, green alone
    suite.file(
        "tests/test_f_day.py",
        "import time\n\n\ndef test_has_not_expired():\n    assert time.time() < 2_100_000_000\n",
    )
    hunted = suite.triage("hunt", "--budget", "60", "--only", "time", "--gate", "--json")
    assert hunted.code == 1, hunted.err
    found = by_test(hunted.json)
    assert found.keys() == {
        "tests/test_f_day.py::test_has_not_expired",
        "tests/test_zz_behind.py::test_behind",
    }
    assert found["tests/test_f_day.py::test_has_not_expired"]["kind"] == "clock"
    polluted = found["tests/test_zz_behind.py::test_behind"]
    assert (polluted["dependence"], polluted["culprits"]) == (
        "polluted",
        ["tests/test_z_writer.py::test_writes"],
    )
    assert hunted.json["red_already"] == ["tests/test_e_red.py::test_red"]


def test_a_test_that_needs_the_import_of_another_file(project):
    project.file("pytest.ini", "[pytest]\ntestpaths = tests\n")
    project.file("app.py", "KNOWN = {}\n")
    registers = "import app\n\napp.KNOWN['x'] = 1\n\n\ndef test_registers():\n    assert app.KNOWN\n"
    project.file("tests/test_a.py", registers)
    project.file("tests/test_b.py", "import app\n\n\ndef test_needs():\n    assert 'x' in app.KNOWN\n")
    project.file(
        "tests/test_c.py", "import app\n\napp.KNOWN['c'] = len(app.KNOWN)\n\n\ndef test_c():\n    pass\n"
    )
    # red only where test_c was imported, and after test_b
    late = "import app\n\nSEEN = 'c' in app.KNOWN\n"
    late += "\n\ndef test_late():\n    assert SEEN or 'c' not in app.KNOWN\n"
    project.file("tests/test_d.py", late)
    hunted = project.triage("hunt", "--budget", "60", "--only", "order", "--json")
    row = by_test(hunted.json)["tests/test_b.py::test_needs"]
    assert (row["dependence"], row["culprits"]) == ("brittle", ["tests/test_a.py"])
    row = by_test(hunted.json)["tests/test_d.py::test_late"]
    assert (row["kind"], row["culprits"]) == ("order-dependent", ["files imported backwards"])


def test_a_green_test_is_hunted_where_it_is_probed(suite):
    probed = suite.triage("probe", "tests/test_a_reader.py::test_reads", "--json")
    assert probed.code == 0, probed.err
    report = probed.json
    assert report["reproduced"] is True
    assert report["root_cause"]["kind"] == "order-dependent"
    assert report["root_cause"]["culprits"][0] == "tests/test_z_writer.py::test_writes"


def test_a_budget_too_small_says_what_it_needs(suite):
    hunted = suite.triage("hunt", "--budget", "0.2")
    assert hunted.code == 2
    assert "[hunt-budget]" in hunted.err
    assert "give --budget" in hunted.err
