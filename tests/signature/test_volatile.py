"""Messages that differ in volatile parts alone have one signature; what tells causes apart makes two."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signature.volatile_messages import TELLING, VOLATILE, Chance
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.signature.api import signatures_of
from triage.signature.masking import masked


def failing(message: str) -> Failure:
    own = Frame(path="tests/test_a.py", lineno=3, function="test_a", code="check()", origin="test")
    return Failure(
        nodeid="tests/test_a.py::test_a",
        phase=Phase.CALL,
        chain=(Raised(type="OrbitError", message=message, frames=(own,)),),
    )


def identity(message: str) -> str:
    return signatures_of(failing(message))[0].id


@settings(max_examples=300, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(sorted(VOLATILE)), min_size=1, max_size=3),
    words=st.sampled_from(["lost {} while reading", "no reply: {}", "{} is off", "'{}' was refused"]),
    one=st.integers(0, 2**32),
    other=st.integers(0, 2**32),
)  # fmt: skip
def test_volatile_parts_change_no_signature(kinds: list[str], words: str, one: int, other: int) -> None:
    first, second = (
        words.format(" and ".join(VOLATILE[kind](chance) for kind in kinds))
        for chance in (Chance(one), Chance(other))
    )
    assert identity(first) == identity(second), (first, second, masked(first), masked(second))


@settings(max_examples=150, deadline=None)
@given(
    pair=st.sampled_from(TELLING),
    kind=st.sampled_from(sorted(VOLATILE)),
    words=st.sampled_from(["the beam lost {} at {}", "{} for {}", "no {} behind {}"]),
    seed=st.integers(0, 2**32),
)
def test_what_tells_is_not_masked(pair: tuple[str, str], kind: str, words: str, seed: int) -> None:
    volatile = VOLATILE[kind](Chance(seed))
    first, second = (words.format(telling, volatile) for telling in pair)
    assert identity(first) != identity(second), masked(first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("0.24ms and 0.31ms", "0.24ms and 0.24ms"),
        ("took 950us, 1.2ms allowed", "took 1.3ms, 1.2ms allowed"),
        ("{'b', 'a'} is not allowed", "{'a', 'b'} is not allowed"),
        ("unknown columns: mass, angle", "unknown columns: angle, mass"),
        ("missing 'a' and 'b'", "missing 'b' and 'a'"),
        ("token 3f2a is stale", "token 8812 is stale"),
        ("1 test was lost", "17 tests were lost"),
        ("there is 1 open file", "there are 3 open files"),
        ("bad rows: 7", "bad rows: 3, 12, 44"),
        ("lost {3, 1}", "lost {8}"),
        ("bad magic b'\\x00\\xff'", "bad magic b'q\\x89'"),
        ("no route to 02:ec:d0:ac:4c:e6", "no route to 9a:00:d0:ac:4c:11"),
        ("lost worker_ec35adbf", "lost worker_11f0bd2e"),
        ("ETA 8m39s", "ETA 12m05s"),
        ("process p24066 has 0b101", "process p31102 has 0b1"),
        ("needs 2.0.0rc1", "needs 1.2.3"),
        ("missing fields mass, radius, spin", "missing fields spin, radius, mass"),
        ("in May 2022, closed", "in January 2007, closed"),
        ("bad token _laR9Zhnzerc-ZaHLDsgA", "bad token q-_ROZaHLDs33gAlaR9Zh"),
        ("Unreliable test timings! This test took 204.68ms", "Unreliable test timings! This test took 1.05s"),
        ("no route to fe80::1c2d:3 from 10.0.0.1", "no route to fe80::9 from 10.0.7.1"),
        ("request_id='8fK3zQ1xLw' failed", "request_id='Zr71pQmm2A' failed"),
        ("value (1.5+2j) is off", "value (1.5-2.25j) is off"),
    ],
)
def test_of_one_kind(first: str, second: str) -> None:
    assert identity(first) == identity(second), (masked(first), masked(second))


def test_generated_examples_are_volatile() -> None:
    def of_example(message: str, *notes: str) -> str:
        failure = failing(message)
        raised = failure.chain[0].model_copy(update={"notes": notes})
        return signatures_of(failure.model_copy(update={"chain": (raised,)}))[0].id

    one = of_example("cannot parse 'Ā0x'", "Falsifying example: test_a(\n    text='Ā0x',\n)")
    other = of_example("cannot parse 'zz-9'", "Falsifying example: test_a(\n    text='zz-9',\n)")
    assert one == other
    assert of_example("cannot parse 'zz-9'") != of_example("cannot parse 'Ā0x'"), (
        "nobody says it is generated"
    )
    in_text = of_example("cannot parse b'\\x01'\nFalsifying example: test_a(\n    data=b'\\x01',\n)")
    assert in_text == of_example("cannot parse b'q'\nFalsifying example: test_a(\n    data=b'q',\n)")
    bare = [
        of_example(f"cannot parse {text}", f"Falsifying example: test_a(text={text!r})")
        for text in ("oranges", "lemons")
    ]
    assert bare[0] == bare[1]
    lists = [
        of_example(f"bad {value}", f"Failing test case: test_a(\n    s={printed},\n)")
        for value, printed in (
            ([(1, 0)], "[(1, 0)]"),
            ([(1234567, 2), (3, 4)], "[(1_234_567, 2),\n     (3, 4)]"),
        )
    ]
    assert lists[0] == lists[1]
    flaky = "Hypothesis test_a(x={}) produces unreliable results: Falsified on the first call"
    assert of_example(flaky.format("'a'")) == of_example(flaky.format("[(1, 'b')]"))


def test_a_measured_time_has_no_decade() -> None:
    def slow(took: float) -> str:
        shown = (
            "    def test_a():\n        start = time.perf_counter()\n        run()\n"
            "        took = time.perf_counter() - start\n"
            f">       assert took < 0.01\nE       assert {took} < 0.01\n"
        )
        own = Frame(
            path="tests/test_a.py", lineno=3, function="test_a", code="assert took < 0.01", origin="test"
        )
        raised = Raised(type="AssertionError", message=f"assert {took} < 0.01", frames=(own,))
        failure = Failure(nodeid="tests/test_a.py::test_a", phase=Phase.CALL, chain=(raised,), longrepr=shown)
        return signatures_of(failure)[0].id

    assert slow(0.011) == slow(0.9) == slow(73.5)
