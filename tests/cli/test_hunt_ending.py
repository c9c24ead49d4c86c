"""The end of a hunt on a narrow and on a wide screen: all lines fit, but for ids, commands and paths."""

from __future__ import annotations

import pytest

from triage.cli.context import App
from triage.cli.hunt_ending import say_hunt
from triage.hunt.document import Coverage, HuntCost, HuntReport, Latent, Suspected
from triage.model.experiment import ExperimentResult, Status, Tally

VICTIM, POLLUTER = "tests/test_reader.py::test_reads", "tests/test_writer.py::test_writes"


def latent(**changes):
    given = {
        "cluster": "C1",
        "new": True,
        "dependence": "polluted",
        "kind": "order-dependent",
        "tests": (VICTIM,),
        "culprits": (POLLUTER,),
        "summary": f"it passes alone and fails after {POLLUTER}; with shop.MODE restored it passes, too",
        "found_by": "reversed",
        "command": f"cd /suite && python -m pytest {POLLUTER} {VICTIM}",
        "processes": 4,
        "experiment": ExperimentResult(
            probe="hunt",
            factor=None,
            prediction="It fails.",
            status=Status.CONFIRMED,
            baseline=Tally(failed=3, runs=3),
            treated=Tally(failed=0, runs=3),
            sentence="It failed.",
        ),
    }
    return Latent(**{**given, **changes})


def report(*found, **changes):
    given = {
        "stamp": "20261201T000000Z",
        "folder": "reports/triage/phase_b/20261201T000000Z",
        "seed": 1,
        "tests": 40,
        "latent": found,
        "arms": (),
        "coverage": Coverage(pairs=10, covered_pairs=9, file_pairs=4, covered_file_pairs=2, alone=8, twice=8),
        "cost": HuntCost(seconds=3.0, budget=60.0, processes=9, executions=200, experiments=4),
        "fingerprint": "f",
    }
    return HuntReport(**{**given, **changes})


@pytest.fixture(params=["80", "120"])
def said(request, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", request.param)
    monkeypatch.setenv("NO_COLOR", "1")

    def say(document):
        say_hunt(App(str(tmp_path)), document)
        return capsys.readouterr().out.splitlines()

    say.width = int(request.param)
    return say


def test_lines_fit_but_for_what_is_there_to_be_copied(said):
    suspected = Suspected(
        nodeid="tests/test_c.py::test_c", found_by="a second run", reason="no time was left " * 9
    )
    note = "what tests leave behind was not looked at from some test on, for looks took ten seconds; " * 2
    lines = said(report(latent(), suspected=(suspected,), notes=(note,), not_tried=("square 1", "busy") * 4))
    for line in lines:
        words = line.split()
        is_copied = "shows it:" in line or any("/" in word for word in words)
        assert is_copied or len(line) <= said.width, line
    assert not any("\x1b" in line for line in lines)
    assert any(VICTIM in line for line in lines)
    assert any(POLLUTER in line and "fails after" in " ".join(lines) for line in lines)


def test_the_table_counts_by_kind_and_the_first_block_is_next(said):
    clock = latent(
        cluster="C2", kind="clock", dependence="factor", new=False, tests=("tests/test_d.py::test_d",)
    )
    lines = said(report(latent(), clock))
    assert lines[0] == "Of 40 tests 2 were shown to be flaky (2 clusters)."
    rows = [line.split() for line in lines]
    assert ["clock", "1", "0", "1"] in rows
    assert ["order-dependent", "1", "1", "1"] in rows
    assert lines[-1].split() == ["next", "triage", "show", "C2"]


def test_nothing_found_is_said_in_one_sentence(said):
    lines = said(report())
    assert lines[0] == "Of 40 tests none was shown to be flaky."
    assert not any(line.startswith("next") for line in lines)
