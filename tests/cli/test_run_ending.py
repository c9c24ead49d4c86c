"""The end of a run on a terminal and in a log: bounded, harmless, in any width, and what to type next."""

from __future__ import annotations

import json
import shlex
from datetime import date

import pytest

from triage.campaign.baseline import Concluded
from triage.campaign.rerun_command import RerunConditions, conditions_of_rerun, rerun_command
from triage.cli.context import App
from triage.cli.run_ending import RunEnding, say_run
from triage.cluster.registry import ClusterRegistry
from triage.documents.shown_cluster import places_of, state_in_words
from triage.errors import ExitCode
from triage.evidence.folder import EvidenceFolder
from triage.evidence.journal import JOURNAL, Journal
from triage.model.base_commit import BaseRun, BaseVerdict, OnBase
from triage.model.cluster import Cluster, ClusterStatus, RunState
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.journal import ClusterOpened, StatusChanged
from triage.model.outcome import Outcome, Phase
from triage.model.run import Reruns, RunRecord, TestResult

STAMP = "20260301T120000Z"
HOSTILE = "\x1b[31m\u202e::error::owned\n##[group]x <b> [red]y[/red] " + "ä漢" * 90
PRODUCT = Frame(
    path="src/shop/price.py", lineno=12, function="net", code="return RATES[order]", origin="product"
)
TEST = Frame(path="tests/test_price.py", lineno=7, code="assert net(1) == 2", origin="test")
LIBRARY = Frame(path="/usr/lib/python3.11/json/x.py", lineno=1, code="raise", origin="library")


def failure(nodeid: str, *frames: Frame, message: str = "'eu'", phase: Phase = Phase.CALL) -> Failure:
    chain = (Raised(type="KeyError", message=message, frames=frames),)
    return Failure(nodeid=nodeid, phase=phase, chain=chain, captured=Captured())


def red(nodeid: str, *frames: Frame, outcome: Outcome = Outcome.FAILED, **fields) -> TestResult:
    return TestResult(nodeid=nodeid, outcome=outcome, failures=(failure(nodeid, *frames),), **fields)


def make_ending(root, clusters, results, *, held=(), base=None, verbosity=0, code=ExitCode.FAILURES, **run):
    folder = EvidenceFolder.create(root, "shop", "a", STAMP)
    rows = [[nodeid, "reason/1:" + "0" * 16, each.id] for each in clusters for nodeid in each.members]
    folder.write_json("signatures.json", {"stamp": STAMP, "fields": {}, "failures": sorted(rows)})
    record = RunRecord(
        stamp=STAMP, campaign="shop", root=str(root), results=tuple(results), seconds=2.5, base=base,
        **{"complete": True, **run},
    )  # fmt: skip
    concluded = Concluded(
        record=record, clusters=tuple(clusters), held_against=held, held=held, exit_code=code
    )
    return RunEnding(App(str(root), verbosity=verbosity), concluded, folder)


@pytest.fixture
def said(capsys, monkeypatch):
    """What the end of a run prints, as lines."""

    def say(ending, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        say_run(ending)
        return capsys.readouterr().out.splitlines()

    return say


def new(number: int, *members: str, **fields) -> Cluster:
    return Cluster(
        id=f"C{number}", title="KeyError: 'eu'", state_in_run=RunState.NEW, members=members, **fields
    )


def test_a_block_says_where_what_and_what_to_type(tmp_path, said):
    nodeid = "tests/test_price.py::test_net"
    cluster = new(1, nodeid, owner="@acme/billing")
    lines = said(make_ending(tmp_path, [cluster], [red(nodeid, TEST, PRODUCT, LIBRARY)], held=("C1",)))
    assert lines == [
        "1 test in 2.5 s: 1 failed",
        "",
        "C1  new   1 test   src/shop/price.py:12",
        "    KeyError: 'eu'",
        "    > return RATES[order]   from tests/test_price.py:7",
        "    owner @acme/billing",
        "    python -m pytest tests/test_price.py::test_net",
        "    next: triage probe tests/test_price.py::test_net",
        "",
        f"evidence reports/shop/phase_a/{STAMP}/summary.md",
        "exit 1: 1 cluster fails the gate: C1",
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_many_hostile_clusters_stay_few_harmless_lines(width, tmp_path, said):
    names = [f"tests/test_x.py::test_{number}[{HOSTILE[:30]}]" for number in range(300)]
    clusters = [
        Cluster(id=f"C{n}", title=HOSTILE, state_in_run=RunState.NEW, members=(name,))
        for n, name in enumerate(names, 1)
    ]
    held = tuple(cluster.id for cluster in clusters)
    lines = said(make_ending(tmp_path, clusters, [red(name, TEST) for name in names], held=held), width)
    text = "\n".join(lines)
    assert sum(line.startswith("C") for line in lines) == 20
    assert "and 280 more clusters (280 tests): triage clusters shows all" in text
    assert "300 clusters fail the gate: C1, C2, C3, C4, C5, C6, C7, C8 and 292 more" in text
    assert len(lines) < 200
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.lstrip().startswith(("::", "##[")) for line in lines)


def test_what_fails_the_gate_comes_first_and_the_rest_is_short(tmp_path, said):
    names = [f"tests/test_x.py::test_{letter}" for letter in "ab"]
    on_base = OnBase(ref="main", commit="a" * 40, verdict=BaseVerdict.RED, reason="red there")
    broken = on_base.model_copy(update={"verdict": BaseVerdict.BROKEN})
    clusters = [
        new(1, names[0], base=BaseVerdict.RED),
        new(2, names[1], base=BaseVerdict.BROKEN),
    ]
    results = [red(names[0], TEST, base=on_base), red(names[1], TEST, base=broken)]
    base = BaseRun(ref="main", commit="a59a40b" + "0" * 33, chosen="main as named")
    ending = make_ending(tmp_path, clusters, results, held=("C2",), base=base)
    lines = said(ending, width=200)
    assert lines[0] == (
        "2 tests in 2.5 s: 2 failed    base main@a59a40b: 1 broken by this change, 1 red on the base too"
    )
    headings = [line for line in lines if line.startswith("C")]
    assert headings[0].startswith("C2  broken by this change")
    assert headings[1].startswith("C1  red on the base too")
    assert sum("python -m pytest" in line for line in lines) == 1


def test_a_flaky_test_has_its_rates_and_no_block(tmp_path, said):
    nodeid = "tests/test_x.py::test_a"
    cluster = Cluster(id="C5", title="x", state_in_run=RunState.FLAKY, members=(nodeid,))
    result = red(nodeid, TEST, outcome=Outcome.FLAKY, reruns=Reruns(runs=2, failed=1))
    ending = make_ending(tmp_path, [cluster], [result], code=ExitCode.OK)
    rate = {"nodeid": nodeid, "rate": 0.08, "runs": 214}
    (ending.folder.path / "flaky.json").write_text(json.dumps({"tests": [rate]}))
    lines = said(ending)
    assert f"flaky  C5    {nodeid}  2 of 3 runs failed here, 8% of 214 recorded runs" in lines
    assert lines[-1] == "exit 0: nothing new: 1 cluster (1 flaky)"
    assert not any(line.startswith("C5") for line in lines)


def test_quiet_has_the_first_and_the_last_lines_alone(tmp_path, said):
    nodeid = "tests/test_x.py::test_a"
    lines = said(make_ending(tmp_path, [new(1, nodeid)], [red(nodeid, TEST)], held=("C1",), verbosity=-1))
    assert [line.split()[0] for line in lines] == ["1", "evidence", "exit"]


def test_a_void_run_says_so_first_and_last(tmp_path, said):
    ending = make_ending(tmp_path, [], [], complete=False, void="the disk is full", code=ExitCode.VOID)
    lines = said(ending)
    assert lines[0] == "VOID: the disk is full"
    assert lines[-1].startswith("exit 3: the run cannot answer")


def test_places_are_those_of_product_and_test_whatever_lies_between():
    conftest = Frame(path="tests/conftest.py", lineno=3, origin="test")
    found = places_of(failure("tests/test_price.py::t", TEST, conftest, PRODUCT, LIBRARY))
    assert (found.statement, found.caller) == (PRODUCT, TEST)
    found = places_of(failure("tests/test_price.py::t", TEST, conftest))
    assert (found.statement, found.caller) == (TEST, None)
    assert places_of(failure("tests/test_other.py::t", conftest)).statement == conftest
    assert places_of(None).statement is None
    outer = Raised(type="RuntimeError", frames=(LIBRARY,))
    inner = Raised(type="KeyError", relation="cause", frames=(TEST, PRODUCT))
    chained = Failure(nodeid="tests/test_price.py::t", phase=Phase.CALL, chain=(outer, inner))
    assert places_of(chained).statement == PRODUCT


TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state_in_run": RunState.NEW}, "new"),
        ({"state_in_run": RunState.NEW, "base": BaseVerdict.ABSENT}, "new with this change"),
        ({"state_in_run": RunState.KNOWN, "first_seen": "20260201T000000Z"}, "known since 2026-02-01"),
        ({"state_in_run": RunState.KNOWN, "first_seen": STAMP}, "known"),
        (
            {"state_in_run": RunState.KNOWN, "first_seen": "20260201T000000Z", "base": BaseVerdict.RED},
            "red on the base too, known since 2026-02-01",
        ),
        ({}, "not in the latest run"),
    ],
)
def test_states_in_words(fields, words):
    assert state_in_words(Cluster(id="C1", title="x", members=("a",), **fields), TODAY) == words


def test_a_rerun_command_is_one_that_a_shell_takes_back():
    conditions = RerunConditions(env={"A": "x y", "B": "$(rm)"}, pytest_args=("-m", "not slow"))
    names = ["t.py::a[1]", "t.py::a[x[2]]", "t.py::b[it's]", "t.py::c", "t.py::d @ py310"]
    command = rerun_command(names, conditions)
    assert shlex.split(command.text) == [
        "env", "A=x y", "B=$(rm)", "python", "-m", "pytest", "-m", "not slow", "t.py::a", "t.py::b[it's]",
        "t.py::c",
    ]  # fmt: skip
    assert command.left_out == 1


def test_a_run_as_plain_pytest_is_repeated_as_one(tmp_path):
    (tmp_path / "env.json").write_text(json.dumps({"canonical": {"PYTHONSAFEPATH": "as-pytest", "A": "1"}}))
    (tmp_path / "preflight.json").write_text(json.dumps({"pytest_args": ["-x"]}))
    assert conditions_of_rerun(tmp_path) == RerunConditions({"A": "1"}, ("-x",), ("pytest",))
    assert conditions_of_rerun(tmp_path / "imported") == RerunConditions({}, ())


def test_the_next_command_goes_by_what_was_decided_since(tmp_path, said):
    nodeid = "tests/test_x.py::test_a"
    factory = ClusterRegistry.of(()).event_factory("2026-03-01T12:00:00Z", "me")
    signature = "reason/1:" + "0" * 16
    opened = factory.make(
        ClusterOpened, cluster="C1", title="x", stamp=STAMP, signatures=(signature,), members=(nodeid,)
    )
    probed = factory.make(
        StatusChanged, cluster="C1", status=ClusterStatus.PROBED, reason="found", stamp=STAMP
    )
    Journal(tmp_path / JOURNAL).append([opened, probed])
    lines = said(make_ending(tmp_path, [new(1, nodeid)], [red(nodeid, TEST)], held=("C1",)))
    assert any(line.startswith("    next: triage design C1") for line in lines)
