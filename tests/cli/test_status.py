"""The commands that look, on one real run: the contract of their JSON, and what people read."""

from __future__ import annotations

import pytest

A = "tests/test_a.py::"


def test_run_says_what_is_new_and_exits_with_it(ran):
    document = ran.said.json
    assert document["exit_code"] == 1
    assert document["complete"] is True
    assert document["void"] is None
    assert [c["id"] for c in document["clusters"]] == ["C19", "C20"]
    assert len(document["held_against"]) == 2


def test_results_have_one_outcome_each_and_add_up(ran):
    document = ran.triage("results", "--json").json
    assert document["stamp"] == ran.stamp
    counts = document["counts"]
    assert counts == {
        "collected": 5, "passed": 1, "failed": 3, "error": 0, "skipped": 1, "xfailed": 0, "xpassed": 0,
        "crashed": 0, "timeout": 0, "flaky": 0, "not_run": 0,
    }  # fmt: skip
    assert counts["collected"] == sum(number for name, number in counts.items() if name != "collected")
    rows = {row["nodeid"]: row for row in document["results"]}
    assert set(rows) == {A + n for n in (
        "test_passes", "test_fails", "test_skipped", "test_same_reason[1]", "test_same_reason[2]"
    )}  # fmt: skip
    failed = rows[A + "test_fails"]
    assert set(failed) == {
        "nodeid", "outcome", "chunk", "attempt", "duration", "failures", "signal", "exit_code", "note",
        "reruns", "base", "quarantine", "properties",
    }  # fmt: skip
    (failure,) = failed["failures"]
    assert set(failure) == {"phase", "exception", "message", "signature", "cluster"}
    assert failure["exception"] == "ValueError"
    assert failure["message"] == "the widget of 17 parts is broken"
    assert failure["cluster"] in {"C19", "C20"}


def test_results_of_a_stamp_and_of_one_outcome(ran):
    said = ran.triage("results", ran.stamp, "--only", "failed")
    assert said.code == 0
    assert said.out.count("failed    ") == 3
    assert "test_passes" not in said.out


def test_clusters_follow_the_contract(ran):
    document = ran.triage("clusters", "--json").json
    assert document["stamp"] == ran.stamp
    by_members = {tuple(c["members"]): c for c in document["clusters"]}
    together = by_members[A + "test_same_reason[1]", A + "test_same_reason[2]"]
    for key in ("id", "title", "status", "state_in_run", "signatures", "why", "first_seen", "last_seen"):
        assert key in together
    assert together["status"] == "open"
    assert together["state_in_run"] == "new"
    assert {"kind", "detail"} <= set(together["why"][0])
    assert together["first_seen"] == together["last_seen"] == ran.stamp


def test_status_show_and_next_agree(ran):
    status = ran.triage("status", "--json").json
    first = ran.triage("next", "--json").json["steps"][0]
    shown = ran.triage("show", first["cluster"], "--json").json
    assert status["next"] == first
    assert shown["next"] == first["command"]
    assert status["by_status"] == {"open": 2}
    assert [event["event"] for event in shown["events"]] == ["cluster_opened"]


def test_a_printed_command_can_be_pasted_back(ran):
    command = ran.triage("next", "--limit", "1").out.partition("#")[0].split()
    assert command[0] == "triage"
    assert ran.triage(*command[1:], "--help").code == 0


def test_history_of_a_test(ran):
    document = ran.triage("history", A + "test_same_reason[1]", "--json").json
    (row,) = document["runs"]
    assert (row["stamp"], row["outcome"]) == (ran.stamp, "failed")
    assert row["signature"]
    assert row["commit"] == ran.git("rev-parse", "HEAD").strip()


def test_config_names_the_origin(ran):
    rows = ran.triage("config", "--json", TRIAGE_WORKERS="3").json["settings"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["workers"] == {"name": "workers", "value": 3, "origin": "TRIAGE_WORKERS"}
    assert by_name["test_timeout"]["origin"] == "pyproject.toml"
    assert by_name["gate"]["origin"] == "default"


def test_doctor_finds_nothing_wrong(ran, tmp_path):
    said = ran.triage("doctor", "--json", TMPDIR=str(tmp_path))  # without what other killed runs left
    assert said.code == 0, said.out
    assert {f["level"] for f in said.json["findings"]} == {"ok"}


@pytest.mark.parametrize("words", [("status",), ("next",), ("results",), ("clusters",), ("config",)])
def test_every_document_has_the_version_of_its_schema(ran, words):
    assert ran.triage(*words, "--json").json["schema_version"] == 1
