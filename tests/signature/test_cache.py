"""The cache changes nothing: with it or without, in any order, a failure has the same signatures."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.signature.api import compute_signatures
from triage.signature.cache import SignatureCache, cache_key

PIECES = st.sampled_from(
    [
        "cannot read",
        "0x7f3a",
        "0xdeadbeef",
        "12",
        "7",
        "0",
        "0.0",
        "3.5",
        "1e-05",
        "-4",
        "256x256",
        "v1.2.3",
        "1,234",
        "a1b2c3d4e5f60718",
        "/tmp/x1/y",
        "/tmp/x2/y",
        "/srv/run/5.txt",
        "/srv/run/7.txt",
        "2024-01-02",
        "12:30:01",
        "127.0.0.1",
        "[0, 0]",
        "[1, 2]",
        "nan",
        "float32",
        "float64",
        "x1",
        "x2",
        "'k'",
        "data/5.csv",
        "not found",
        "No such file",
        " vs ",
        "expected 3 got 4",
        "assert 1 == 2",
        "\nassert 3.5 < 1e-05\n",
        "\nassert 0 > 0.0\n",
        "\nassert 12 == 0.5\n",
        "\nassert 7 >= 1e-400\n",
        " +  where 3.5 = f()",
        " is off",
        "abs(",
        "shape mismatch",
        "± 1e-6",
        "took 5ms",
        "cuda:0",
        " May ",
        "2022",
        "3f2a",
        "/",
        "st",
        " rows",
        " are ",
        "{",
        "}",
        "'b', 'a'",
        "user_",
        "Falsifying example: f(\n    x='k',\n)",
        "Error: bad",
        "\n",
        "(",
        ")",
        "=",
        ",",
        "...",
        " ",
    ]
)
MESSAGES = st.lists(PIECES, min_size=1, max_size=8).map("".join)
FRAMES = st.sampled_from(
    [
        (),
        (Frame(path="src/a.py", lineno=1, function="f", code="return x[1]", origin="product"),),
        (Frame(path="src/a.py", lineno=2, function="f", code="return x[2]", origin="product"),),
        (Frame(path="tests/t.py", lineno=3, function="test_a", code="assert x.size_of == 3", origin="test"),),
        (Frame(path="tests/t.py", lineno=4, function="test_a", code="assert took < limit", origin="test"),),
    ]
)
REPRESENTATIONS = [
    "",
    "    took = time.time() - start\n>   assert took < limit\nE   assert 3.5 < 1",
    "/home/x/tests/t.py:3: E",
    "tests/t.py:3: E",
    "image = tensor([1.], dtype=torch.float32)",
]
OUTPUTS = st.sampled_from(
    [
        "",
        "step 1",
        "step 2",
        "Error: no 5",
        "Error: no 6",
        "cannot open data/elements.csv",
        "assert not Path('data/elements.csv').exists()",
        "where True = is_dir()",
    ]
)


@st.composite
def failures(draw: st.DrawFn) -> Failure:
    kind = draw(
        st.sampled_from(["ValueError", "AssertionError", "KeyError", "SystemExit", "RuntimeError", ""])
    )
    nodeid = draw(
        st.sampled_from(["tests/t.py::test_a[1]", "tests/t.py::test_a[2]", "tests/t.py::test_b", "t.py::x"])
    )
    raised = Raised(type=kind, message=draw(MESSAGES), frames=draw(FRAMES))
    return Failure(
        nodeid=nodeid,
        phase=draw(st.sampled_from([Phase.CALL, Phase.SETUP])),
        chain=(raised,),
        longrepr=draw(st.sampled_from(REPRESENTATIONS)),
        captured=Captured(stdout=draw(OUTPUTS), stderr=draw(OUTPUTS), log=draw(OUTPUTS)),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(failures(), min_size=2, max_size=8))
def test_the_cache_changes_nothing(batch: list[Failure]) -> None:
    cached = SignatureCache(compute_signatures)
    for failure in batch:
        assert cached(failure) == compute_signatures(failure)


@settings(max_examples=250, deadline=None)
@given(failures(), MESSAGES)
def test_equal_keys_are_equal_signatures(failure: Failure, message: str) -> None:
    """Aimed at: two messages of one shape whose digits differ."""
    swapped = str.maketrans("0123456789", "5738016942")
    for other in (message, failure.message.translate(swapped)):
        twin = failure.model_copy(update={"chain": (failure.chain[0].model_copy(update={"message": other}),)})
        cached = SignatureCache(compute_signatures)
        cached(failure)
        assert cached(twin) == compute_signatures(twin)


def test_volatile_parts_share_a_key() -> None:
    def failing(message: str) -> Failure:
        return Failure(nodeid="t.py::a", phase=Phase.CALL, chain=(Raised(type="OSError", message=message),))

    one = failing("no reply from 0x7f31 after 31 ms")
    other = failing("no reply from 0x1c99 after 7 ms")
    assert cache_key(one) == cache_key(other)
    assert cache_key(failing("5 of 5")) == cache_key(failing("5 of 6"))
    assert cache_key(failing("float32 of 6")) != cache_key(failing("float64 of 6"))
    assert cache_key(failing("assert 3 in (4, 5)")) is None


def test_assertions_share_a_key_where_their_numbers_say_the_same() -> None:
    def failing(message: str) -> Failure:
        raised = Raised(type="AssertionError", message=message)
        return Failure(nodeid="t.py::a", phase=Phase.CALL, chain=(raised,))

    def key(assertion: str) -> object:
        found = cache_key(failing(f"the beam is off\n{assertion}\n +  where 3 = size()"))
        assert found is not None
        return found

    assert key("assert 3.5e-4 < 1e-05") == key("assert 3.9e-4 < 1e-05")
    assert key("assert 3.5e-4 < 1e-05") != key("assert 3.9e-3 < 1e-05")  # another decade
    assert key("assert 0.0 > 1") != key("assert 1 > 1")
    assert key("assert 3 == 4") != key("assert 3 == 5")  # another difference
    assert cache_key(failing("assert 3 == 4\nGreatest absolute difference: 1")) is None


def test_output_that_tells_nothing_of_the_cause_shares_a_key() -> None:
    def printing(stdout: str, kind: str = "OSError") -> Failure:
        raised = Raised(type=kind, message="no reply")
        return Failure(nodeid="t.py::a", phase=Phase.CALL, chain=(raised,), captured=Captured(stdout=stdout))

    assert cache_key(printing("step 1 took 3 s")) == cache_key(printing("step 1 took 4 s"))
    assert cache_key(printing("cannot open a/b.csv")) != cache_key(printing("cannot open a/c.csv"))
    # a process that ended says why in its output
    assert cache_key(printing("Error: 1", "SystemExit")) != cache_key(printing("Error: 2", "SystemExit"))
