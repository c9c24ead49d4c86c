"""A title is concrete: the first failure in its own words, whatever the order, fixed once it is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.cluster.assign import assign
from triage.cluster.context import Context
from triage.cluster.registry import ClusterRegistry
from triage.model.failure import Failure, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult
from triage.signature.api import signatures_of, title_of

Failing = Callable[..., TestResult]
Run = Callable[..., RunRecord]
AT = "2026-11-24T06:00:00Z"
KNOWN = Context(title_of=title_of)


def book_of(record: RunRecord, registry: ClusterRegistry | None = None) -> ClusterRegistry:
    before = registry or ClusterRegistry.of(())
    found = assign(record, before, signer=signatures_of, factory=before.event_factory(AT, "x"), context=KNOWN)
    return ClusterRegistry.of((*before.events, *found.events))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("AssertionError: assert 7.25 == 7.0", "assert 7.25 == 7.0"),
        ("AssertionError: assert 3 != 3\n +  where 3 = len([1, 2, 3])", "assert 3 != 3"),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'data/x.csv'",
            "FileNotFoundError: [Errno 2] No such file or directory: 'data/x.csv'",
        ),
        ("ValueError: a\tred \x1b[31m 17", "ValueError: a red \\x1b[31m 17"),
        ("OSError: cannot open /tmp/pytest-of-ada/pytest-3/x0/a.bin", "OSError: cannot open <dir>/a.bin"),
        ("RuntimeError: <Beam object at 0x7f12ab> is off", "RuntimeError: <Beam object at <addr>> is off"),
        ("ValueError: (3, 4) at 2026-11-24T06:00:00Z", "ValueError: (3, 4) at 2026-11-24T06:00:00Z"),
        ("ValueError: ", "ValueError"),
    ],
)  # fmt: skip
def test_numbers_stay_and_what_no_other_machine_has_is_named(
    failing: Failing, run: Run, text: str, title: str
) -> None:
    assert book_of(run(failing("tests/a.py::a", text))).cluster("C1").title == title


def test_a_title_is_given_once(failing: Failing, run: Run) -> None:
    first = book_of(run(failing("b.py::b", "ValueError: 17 parts of the widget are broken", "m.py:f")))
    later = book_of(run(failing("a.py::a", "ValueError: 3 parts of the widget are broken", "m.py:f")), first)
    assert [c.title for c in later.live] == ["ValueError: 17 parts of the widget are broken"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 99)), min_size=1, max_size=12, unique_by=lambda f: f[0]
    ),
    st.randoms(use_true_random=False),
)
def test_order_changes_no_title(failures: list[tuple[int, int]], order: object) -> None:
    results = []
    for test, number in failures:
        raised = Raised(type="ValueError", message=f"{number} parts of the widget are broken")
        failure = Failure(nodeid=f"t{test:02}.py::t", phase=Phase.CALL, chain=(raised,))
        results.append(TestResult(nodeid=failure.nodeid, outcome=Outcome.FAILED, failures=(failure,)))
    shuffled = list(results)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        book_of(RunRecord(stamp="S", campaign="x", root="/", complete=True, results=tuple(given_results)))
        for given_results in (results, shuffled)
    )
    assert one.events == other.events
    least = min(failures)
    assert f"ValueError: {least[1]} parts of the widget are broken" in {c.title for c in one.live}
