"""The order in which probes are asked: one table, tried as a whole on cases that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from triage.lab.protocol import Setup
from triage.model.experiment import Factor, RootCause
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome
from triage.probe import probes
from triage.probe.api import Case, Finding
from triage.probe.probes.commit import Commit
from triage.probe.registry import ORDER, built_in
from triage.probe.schedule import WORTH_ASKING
from triage.probe.treatment import Treatment
from triage.testing.probes import case_of, seen

T = "tests/test_a.py::test_it"
SUITE = tuple(f"tests/test_a.py::test_{number}" for number in range(5))
TORCH = {"tests/test_a.py": "import torch\n\ndef test_it():\n    torch.ones(1).backward()\n"}
NUMPY = {"tests/test_a.py": "import numpy\n\ndef test_it():\n    assert numpy.allclose(a(), 1.0)\n"}
TRIED = Finding(
    excluded="-",
    facts={
        "tried": tuple(
            Treatment(
                factor=Factor(kind="env", name=name, to="1"),
                kind="environment-variable",
                baseline=Setup(nodeids=(T,)),
                treated=Setup(nodeids=(T,), env={name: "1"}),
                prediction="it passes",
                summary="it passes",
            )
            for name in ("A", "B")
        )
    },
)
LIKELY = Finding(cause=RootCause(kind="missing-file", summary="a file is not there", confidence="likely"))
HISTORY = (Commit(id="b" * 40), Commit(id="a" * 40))


def failing(
    message: str,
    exception: str = "AssertionError",
    *,
    uses: tuple[str, ...] = (),
    outcome: Outcome = Outcome.FAILED,
    files: dict[str, str] | None = None,
    facts: dict[str, object] | None = None,
    absent: bool = False,
    nodeid: str = T,
    **more: object,
) -> Case:
    """A case with this message; `uses` are the kinds of things that the survey saw the test use."""
    texts = files or {"tests/test_a.py": "def test_it():\n    assert work()\n"}
    frame = Frame(path="tests/test_a.py", lineno=2, function="test_it", code="assert work()", origin="test")
    raised = Raised(type=exception, message=message, frames=(frame,))
    failure = Failure(nodeid=nodeid, phase="call", chain=(raised,), longrepr=f"{exception}: {message}")
    lines = tuple(
        {"event": "use", "what": kind, "name": f"NAME_OF_{kind}", "where": "app.py:3", "exists": not absent}
        for kind in uses
    )
    survey = {"survey": Finding(excluded="-", facts={"usage": lines})}
    case = case_of(
        nodeid,
        lambda setup: seen(nodeid, outcome),
        Setup(nodeids=(nodeid,)),
        source=texts.get,
        files=tuple(texts),
        facts={**survey, **(facts or {})},
        **more,
    )
    return Case(**{**vars(case), "failure": failure})


CASES: dict[str, Case] = {
    "a plain assertion, alone": failing("assert 3 == 4"),
    "a plain assertion, with a history": failing("assert 3 == 4", facts={"commits": HISTORY}),
    "passes alone, fails in the suite": failing("assert 3 == 4", context="suite", suite=SUITE),
    "needs others, as the run found": failing(
        "assert 3 == 4", context="chunk", suite=SUITE, facts={"needs_others": True}
    ),
    "fails alone, passed in the suite": failing(
        "KeyError: 'user'", "KeyError", suite=SUITE, facts={"in_suite": "passed"}
    ),
    "the failure names a missing file": failing(
        "[Errno 2] No such file or directory: 'data/golden.txt'",
        "FileNotFoundError",
        uses=("file",),
        absent=True,
    ),
    "reads a variable that the failure names": failing(
        "'NAME_OF_variable'", "KeyError", uses=("variable", "clock"), env={"LC_ALL": "C", "TZ": "UTC"}
    ),
    "writes names of days, with a locale set": failing(
        "assert 'Mo' == 'Mon'", files={"app.py": "def day(d): return f'{d:%a}' or d.strftime('%a')\n"},
        env={"LC_ALL": "C"},
    ),
    "asks for the time": failing("assert not expired(token)", uses=("clock", "zone")),
    "flaky, draws random numbers": failing("assert 0.4 > 0.5", uses=("random",), rate=0.5, runs=4),
    "flaky, with threads that sleep": failing(
        "assert [2, 1] == [1, 2]", uses=("threads", "sleep"), rate=0.5, runs=4
    ),
    "flaky, in the suite": failing("assert 3 == 4", context="suite", suite=SUITE, rate=0.4, runs=5),
    "a gradient of zero": failing("gradient of x is zero", files=TORCH, facts={"commits": HISTORY}),
    "a value of nan in a test with torch": failing("loss is nan", files=TORCH),
    "a hand-written backward": failing(
        "Jacobian mismatch",
        "GradcheckError",
        files={**TORCH, "app.py": "class F(torch.autograd.Function):\n    pass\n"},
    ),
    "numbers that are not close": failing("Not equal to tolerance rtol=1e-07", files=NUMPY),
    "the compiler fails": failing("backend='inductor' raised", "BackendCompilerFailed", files=TORCH),
    "crashed": failing("SIGSEGV", "Crashed", outcome=Outcome.CRASHED),
    "the time limit ended it": failing("", "Timeout", outcome=Outcome.TIMEOUT, uses=("threads",)),
    "complains of a timeout": failing("timed out", "TimeoutError", uses=("network", "timer")),
    "text that cannot be decoded": failing(
        "'ascii' codec can't decode byte", "UnicodeDecodeError", uses=("file", "text"), env={"LC_ALL": "C"}
    ),
    "nobody answers": failing("[Errno 111] Connection refused", "ConnectionRefusedError", uses=("network",)),
    "too many open files": failing("[Errno 24] Too many open files", "OSError", uses=("limits", "file")),
    "permission denied": failing("[Errno 13] Permission denied: '/x'", "PermissionError", uses=("umask",)),
    "a module that is not there": failing("No module named 'yaml'", "ModuleNotFoundError"),
    "a package other than when it passed": failing(
        "cannot import name 'x'",
        "ImportError",
        facts={"packages": {"a": "2"}, "packages_when_passing": {"a": "1"}, "commits": HISTORY,
               "good_commit": "a" * 40},
    ),
    "parametrized": failing("assert 1 == 2", nodeid=f"{T}[1]", suite=(f"{T}[1]", f"{T}[2]")),
    "flaky, with a history": failing("assert 3 == 4", rate=0.5, runs=4, facts={"commits": HISTORY}),
    "the user names a change": failing("assert 3 == 4", factors=(Factor(kind="env", name="A", to="1"),)),
    "the user names a default": failing("assert 3 == 4", factors=(Factor(kind="config", name="a.B", to=1),)),
    "single changes did not help": failing("assert 3 == 4", facts={"files": TRIED}),
    "a cause was named as likely": failing("assert 3 == 4", facts={"files": LIKELY}),
}  # fmt: skip


def order(case: Case) -> str:
    """Names of the probes that are worth asking, likeliest first, as the schedule asks them."""
    probes = [probe for probe in built_in() if probe.likelihood(case) >= WORTH_ASKING]
    return " ".join(probe.name for probe in sorted(probes, key=lambda probe: -probe.likelihood(case)))


ORDERS = {
    "a plain assertion, alone": "repeat survey environment files blame",
    "a plain assertion, with a history": "repeat survey environment commit files blame",
    "passes alone, fails in the suite": "repeat survey order alone environment files blame",
    "needs others, as the run found": "order repeat survey alone environment files blame",
    "fails alone, passed in the suite": "repeat survey setter environment files blame",
    "the failure names a missing file": "repeat survey files environment locale blame",
    "reads a variable that the failure names": "repeat survey environment clock files blame",
    "writes names of days, with a locale set": "repeat survey environment locale files blame",
    "asks for the time": "repeat survey clock environment files blame",
    "flaky, draws random numbers": "repeat survey seed",
    "flaky, with threads that sleep": "repeat survey numeric seed clock",
    "flaky, in the suite": "repeat survey order alone seed",
    "a gradient of zero": "repeat signal gradient survey numeric environment commit files blame",
    "a value of nan in a test with torch": "repeat survey gradient numeric signal environment files blame",
    "a hand-written backward": "repeat survey backwards numeric signal gradient environment files blame",
    "numbers that are not close": "repeat survey numeric environment files blame",
    "the compiler fails": "repeat survey numeric environment signal gradient files blame",
    "crashed": "repeat survey crash environment files blame",
    "the time limit ended it": "repeat survey hang numeric environment files blame",
    "complains of a timeout": "repeat survey network hang environment resource clock files blame",
    "text that cannot be decoded": "repeat survey locale environment files blame",
    "nobody answers": "repeat survey network environment resource files blame",
    "too many open files": "repeat survey resource environment locale files blame",
    "permission denied": "repeat survey resource environment files blame",
    "a module that is not there": "repeat survey dependency environment files blame",
    "a package other than when it passed": "repeat survey commit dependency environment files blame",
    "parametrized": "repeat survey parameter setter environment files blame",
    "flaky, with a history": "repeat survey seed commit",
    "the user names a change": "repeat survey user-factor environment files blame",
    "the user names a default": "repeat survey user-factor environment files blame",
    "single changes did not help": "repeat survey environment files interaction blame",
    "a cause was named as likely": "repeat survey environment files",
}


@pytest.mark.parametrize("name", CASES)
def test_probes_are_asked_in_this_order(name):
    assert order(CASES[name]) == ORDERS[name]


def test_the_table_reads_from_the_likeliest_down():
    likelihoods = [row.likelihood for row in ORDER]
    assert likelihoods == sorted(likelihoods, reverse=True)
    assert min(likelihoods) > WORTH_ASKING


def test_each_row_says_why_and_each_probe_is_ranked():
    assert all(row.reason.strip() for row in ORDER)
    modules = {path.stem for path in Path(probes.__path__[0]).glob("*.py")} - {"__init__"}
    assert {row.probe.__module__.rpartition(".")[2] for row in ORDER} == modules


def test_no_built_in_probe_ranks_itself():
    assert not [row.probe.__name__ for row in ORDER if hasattr(row.probe, "likelihood")]
