"""What is asked first, what is not asked, and what is too weak to be a proof."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from triage.lab.collect import limits_for_collection
from triage.lab.protocol import Setup
from triage.model.run import Limits
from triage.probe.api import Finding
from triage.probe.config_zeros import config_zeros
from triage.probe.edits.tolerance import equality, loosened
from triage.probe.gradient_trace import GradientTrace
from triage.probe.probes.clock import Clock
from triage.probe.probes.numeric import Numeric
from triage.probe.probes.resource import Resource
from triage.probe.probes.seed import Seed
from triage.probe.registry import RankedProbe
from triage.testing.probes import case_of, conforms, drive, seen

T = "tests/test_a.py::test_it"
ROOT = Path(__file__).resolve().parents[2]


def surveyed(*kinds):
    lines = tuple({"what": kind, "name": kind, "where": "tests/test_a.py:3"} for kind in kinds)
    return {"survey": Finding(excluded="-", facts={"usage": lines}), "now": 1.8e9}


def flaky(world, **more):
    return case_of(T, world, Setup(nodeids=(T,)), rate=0.5, runs=4, **more)


def never(setup):
    return seen(T, False)


def test_threads_are_asked_before_a_stopped_clock_which_also_reorders_them():
    case = flaky(never, facts=surveyed("threads", "sleep"))
    assert RankedProbe(Clock).likelihood(case) < RankedProbe(Numeric).likelihood(case)

    def world(setup):
        return seen(T, setup.instruments.get("clock", {}).get("freeze", False))

    assert drive(Clock(), case, world).finding.cause.confidence == "likely"
    without = flaky(never, facts=surveyed("sleep"))
    assert drive(Clock(), without, world).finding.cause.confidence == "proven"


@pytest.mark.parametrize(("kinds", "first"), [((), "env"), (("random",), "instruments")])
def test_hashes_are_asked_first_where_nothing_is_drawn(kinds, first):
    driven = drive(Seed(), flaky(never, facts=surveyed(*kinds)), never)
    setup = driven.looks[0].setup
    assert bool(setup.env if first == "env" else setup.instruments)


def test_the_umask_is_tried_where_the_test_asks_for_permissions():
    def world(setup):
        return seen(T, setup.instruments.get("machine", {}).get("umask") == 0o022)

    source = {"tests/test_a.py": "def test_it(p):\n    assert p.stat().st_mode & 0o777 == 0o644\n"}.get
    case = case_of(T, world, Setup(nodeids=(T,)), source=source, facts=surveyed())
    assert round(RankedProbe(Resource).likelihood(case), 3) == 0.4
    cause = conforms(RankedProbe(Resource), case, world).finding.cause
    assert (cause.kind, cause.culprits[0]) == ("resource", "umask")
    plain = case_of(T, world, Setup(nodeids=(T,)), facts=surveyed())
    assert not [s for s in drive(Resource(), plain, world).looks if "umask" in str(s.setup.instruments)]


def test_an_infinite_value_is_no_gradient_where_nobody_asks_for_one():
    born = {"op": "mul", "where": "a.py:3", "nonfinite": True, "nonfinite_in": False}
    assert GradientTrace([born]).nonfinite_at() == []
    assert GradientTrace([born], [{"leaves": []}]).nonfinite_at()[0].line == 3


@pytest.mark.parametrize(("seconds", "patient"), [(2.0, 120.0), (300.0, 300.0), (None, None)])
def test_a_short_limit_for_tests_is_none_for_imports(seconds, patient):
    assert limits_for_collection(Limits(test_timeout=seconds)).test_timeout == patient


@pytest.mark.parametrize(
    ("words", "said"), [(("zoo", "nonesuch"), "no plant has such a name"), (("nonesuch",), "no benchmark")]
)
def test_a_benchmark_gets_its_arguments(words, said):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_floats_compared_exactly_get_the_slack_of_rounding_and_no_more():
    source = "def test_it():\n    assert grid(4) == [0.0, 0.1, 0.3]\n"
    found = equality(source, [("test_a.py", 2)])
    assert found.rounding
    edited = loosened(source, found)
    assert 'assert grid(4) == __import__("pytest").approx([0.0, 0.1, 0.3], rel=1e-09)' in edited


@pytest.mark.parametrize(
    ("path", "text", "after"),
    [
        ("conf/a.json", '{"size": 3, "gain": 0.0}', '{"size": 3, "gain": 1.0}'),
        ("a.yaml", "beam:\n  flux: 0\n  rate: 0.5\n", "beam:\n  flux: 1\n  rate: 0.5\n"),
        ("a.toml", "flux = 0.0  # none\nport = 80\n", "flux = 1.0  # none\nport = 80\n"),
    ],
)
def test_a_zero_of_a_configuration_file_is_given_a_signal(path, text, after):
    case = case_of(T, never, source={path: text}.get, files=(path, "pyproject.toml"))
    (treatment,) = config_zeros(case)
    assert treatment.treated.edits == {path: after}
    assert treatment.kind == "zero-signal"


def test_dates_versions_and_other_numbers_are_left_alone():
    text = 'since: 2020-01-01\nversion: "0"\nlevel: 0.01\nip: 0.0.0.0\n'
    assert config_zeros(case_of(T, never, source={"a.yml": text}.get, files=("a.yml",))) == []
