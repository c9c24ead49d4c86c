"""Messages that differ in volatile parts alone have one signature; what tells causes apart makes two."""

from __future__ import annotations

import datetime
import random
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.signature.api import signatures_of
from triage.signature.masking import masked

Chance = random.Random
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
NAMES = ["mass", "radius", "spin", "phase", "angle"]


def hexadecimal(digits: int) -> Callable[[Chance], str]:
    return lambda chance: f"{chance.getrandbits(4 * digits):0{digits}x}"


def shuffled(chance: Chance, opening: str, items: list[str], closing: str) -> str:
    return opening + ", ".join(chance.sample(items, len(items))) + closing


def moment(chance: Chance) -> datetime.datetime:
    seconds = chance.randrange(10**8, 2 * 10**9) + chance.randrange(1, 10**6) / 1e6
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def in_time(chance: Chance) -> str:
    amount = 10 ** chance.uniform(-2, 3)
    return f"{amount:.2f}{chance.choice(['s', 'ms', 'us', ' ms', ' seconds', 'µs'])}"


def a_size(chance: Chance) -> str:
    return f"{10 ** chance.uniform(0, 3):.1f} {chance.choice(['KiB', 'MiB', 'GiB', 'MB', 'bytes'])}"


def a_count(chance: Chance) -> str:
    count = chance.randrange(0, 5000)
    return f"{count:,} broken row{'' if count == 1 else 's'}"


def temporary(chance: Chance) -> str:
    name = "".join(chance.choices(LETTERS, k=8))
    return chance.choice([
        f"/tmp/tmp{name}/report.csv",
        f"/var/folders/zz/k3/T/tmp{name}/report.csv",
        f"/tmp/pytest-of-ci/pytest-{chance.randrange(99)}/test_x{chance.randrange(9)}/report.csv",
        f"/scratch/{name}/pytest-of-ada/pytest-{chance.randrange(99)}/test_y0/report.csv",
        f"/home/{chance.choice(['ada', 'bob'])}/work/report.csv",
        f"C:\\Users\\ada\\AppData\\Local\\Temp\\tmp{name}\\report.csv",
        f"/dev/shm/run-{name}/report.csv",
    ])  # fmt: skip


VOLATILE: dict[str, Callable[[Chance], str]] = {
    "hexadecimal of 6": hexadecimal(6),
    "hexadecimal of 8": hexadecimal(8),
    "hexadecimal of 12": hexadecimal(12),
    "hexadecimal of 40": hexadecimal(40),
    "labelled": lambda chance: f"session={hexadecimal(4)(chance)}",
    "address": lambda chance: f"<Beam object at {chance.getrandbits(44):#x}>",
    "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    "process": lambda chance: f"pid {chance.randrange(2, 4_000_000)}",
    "port": lambda chance: f"localhost:{chance.randrange(1024, 65536)}",
    "host": lambda chance: f"10.{chance.randrange(256)}.0.{chance.randrange(256)}:{chance.randrange(9999)}",
    "thread": lambda chance: f"Thread-{chance.randrange(1, 500)} (worker)",
    "pool": lambda chance: f"ThreadPoolExecutor-{chance.randrange(9)}_{chance.randrange(20)}",
    "xdist worker": lambda chance: f"gw{chance.randrange(16)}",
    "duration": in_time,
    "clock": lambda chance: str(datetime.timedelta(seconds=chance.randrange(1, 200_000), microseconds=5)),
    "size": a_size,
    "count": a_count,
    "seed": lambda chance: f"seed={chance.randrange(2**32)}",
    "moment, ISO": lambda chance: moment(chance).isoformat(),
    "moment, repr": lambda chance: repr(moment(chance).replace(tzinfo=None)),
    "moment, mail": lambda chance: moment(chance).strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "moment, ctime": lambda chance: moment(chance).strftime("%a %b %d %H:%M:%S %Y"),
    "day": lambda chance: moment(chance).strftime("%B %d, %Y"),
    "temporary": temporary,
    "number of an account": lambda chance: f"account_{chance.randrange(10_000, 99_999)}",
    "float": lambda chance: repr(chance.uniform(-1, 1) * 10.0 ** chance.randrange(-12, 12)),
    "set": lambda chance: shuffled(chance, "{", [repr(name) for name in NAMES], "}"),
    "dictionary": lambda chance: shuffled(
        chance, "{", [f"{name!r}: {chance.randrange(9)}" for name in NAMES], "}"
    ),
    "set of sets": lambda chance: shuffled(
        chance, "{", [f"frozenset({shuffled(chance, '{', ['1', repr(name)], '}')})" for name in NAMES], "}"
    ),
    "names in prose": lambda chance: shuffled(
        chance, "(", [repr(name) for name in NAMES], " were unexpected)"
    ),
    "ordinal": lambda chance: chance.choice(["1st", "2nd", "3rd", "14th"]),
    "version": lambda chance: f"{chance.randrange(9)}.{chance.randrange(30)}.{chance.randrange(30)}",
}  # fmt: skip
TELLING = [
    ("mass", "radius"), ("'cm'", "'inch'"), ("float32", "float64"), ("bf16", "fp16"), ("nan", "inf"),
    ("None", "True"), ("before", "after"), ("conv2d", "conv3d"), ("layer_1", "layer_2"), ("a/b.c", "a/c.c"),
    ("/srv/x/a.csv", "/srv/x/b.csv"), ("{'a': 'on'}", "{'a': 'off'}"), ("['a', 'b']", "['b', 'a']"),
    ("('a', 'b')", "('b', 'a')"), ("utf_8", "utf_16"), ("tests/x.py", "tests/y.py"), ("E1234", "E1235"),
    ("added", "faded"), ("sha256", "sha512"), ("[0, 0]", "[0, 1]"), ("[nan]", "[1.5]"),
]  # fmt: skip


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
