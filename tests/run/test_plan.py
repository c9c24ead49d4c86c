"""Plans: every test once, balanced, the same everywhere."""

# ruff: noqa: E501 - tables read better in one line each
from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.model.run import Limits, Suite
from triage.run.grouping import Item
from triage.run.plan import longest_first, plan, shares

MODULES = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 40)).map(lambda pair: Item(f"m{pair[0]}.py::t{pair[1]}", f"m{pair[0]}.py")),
    min_size=1, max_size=120,
)  # fmt: skip


def makespan(loads_of: list[float], workers: int) -> float:
    loads = [0.0] * workers
    for load in loads_of:
        hand = loads.index(min(loads))
        loads[hand] += load
    return max(loads)


@given(items=MODULES, workers=st.integers(1, 5), chunks=st.none() | st.integers(1, 9), data=st.data())
@settings(max_examples=120, deadline=None)
def test_every_test_is_in_exactly_one_chunk(
    items: list[Item], workers: int, chunks: int | None, data: st.DataObject
) -> None:
    known = data.draw(st.dictionaries(st.sampled_from([i.nodeid for i in items]), st.floats(0, 100)))
    suite = Suite(root="/", workers=workers, chunks=chunks)
    made = plan(items, suite, known)
    assert sorted(n for chunk in made.chunks for n in chunk.nodeids) == sorted(i.nodeid for i in items)
    assert plan(items, suite, known) == made
    assert len({chunk.name for chunk in made.chunks}) == len(made.chunks)
    for chunk in made.chunks:
        order = iter(item.nodeid for item in items)
        assert all(nodeid in order for nodeid in chunk.nodeids), "the order of collection is kept"


@given(items=MODULES, parts=st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_shards_share_the_plan_without_gap_or_overlap(items: list[Item], parts: int) -> None:
    plans = [plan(items, Suite(root="/", shard=(n, parts)), {}) for n in range(1, parts + 1)]
    assert len({p.digest for p in plans}) == 1
    names = [chunk.name for p in plans for chunk in p.chunks]
    assert len(names) == len(set(names))
    found = sorted(nodeid for p in plans for chunk in p.chunks for nodeid in chunk.nodeids)
    assert found == sorted(item.nodeid for item in items)


def test_without_history_it_says_so_and_with_history_it_balances() -> None:
    items = [Item(f"m{n // 10}.py::t{n}", f"m{n // 10}.py") for n in range(100)]
    suite = Suite(root="/", workers=2)
    assert plan(items, suite, {}).durations_from == "module sizes"
    durations = {item.nodeid: 1.0 if n < 10 else 0.01 for n, item in enumerate(items)}
    made = plan(items, suite.model_copy(update={"chunk_seconds": 2.0}), durations)
    assert made.durations_from == "history"
    heavy = [chunk for chunk in made.chunks if any(nodeid.startswith("m0.py") for nodeid in chunk.nodeids)]
    assert len(heavy) > 1, "a module that is longer than a chunk is split"


@pytest.mark.parametrize("workers", [2, 4, 8])
def test_makespan_is_near_the_lower_bound_on_recorded_durations(workers: int) -> None:
    place = Path(__file__).resolve().parents[2] / "benchmarks" / "durations.json"
    recorded = json.loads(place.read_text(encoding="utf-8"))["seconds"]
    durations = {f"{m}::{n}": s for m, tests in recorded.items() for n, s in enumerate(tests)}
    items = [Item(nodeid, nodeid.split("::")[0]) for nodeid in durations]
    made = plan(items, Suite(root="/", workers=workers, chunk_seconds=5.0), durations)
    loads = [chunk.expected_seconds or 0.0 for chunk in longest_first(made.chunks)]
    bound = max(sum(durations.values()) / workers, *durations.values())
    assert makespan(loads, workers) <= 1.10 * bound


@given(
    seed=st.integers(0, 2**32), workers=st.integers(2, 8), modules=st.integers(1, 60),
    spread=st.floats(0.3, 2.2), typical=st.floats(-3.0, 0.5), chunk_seconds=st.sampled_from([5.0, 60.0, 300.0]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_makespan_is_near_the_lower_bound_whatever_the_durations(
    *, seed: int, workers: int, modules: int, spread: float, typical: float, chunk_seconds: float
) -> None:
    """Log-normal, as recorded suites are: within 10 %, or half a second where chunks are too short to cut.

    Where a few long tests cannot be shared out evenly by anybody, what any list in any order keeps to
    (Graham, 1969) is the bound: the mean load, and all but one worker's share of the longest test behind
    those that the workers begin with.
    """
    chance = random.Random(seed)
    durations = {
        f"m{module}.py::t{number}": 10**typical * pace * chance.lognormvariate(0, spread)
        for module in range(modules)
        for pace in (chance.lognormvariate(0, 1),)
        for number in range(max(1, int(chance.lognormvariate(2, 1))))
    }
    items = [Item(nodeid, nodeid.split("::")[0]) for nodeid in durations]
    made = plan(items, Suite(root="/", workers=workers, chunk_seconds=chunk_seconds), durations)
    loads = [chunk.expected_seconds or 0.0 for chunk in longest_first(made.chunks)]
    mean, lengths = sum(durations.values()) / workers, sorted(durations.values(), reverse=True)
    bound = max(mean, lengths[0])
    uneven = mean + (1 - 1 / workers) * (lengths[workers] if workers < len(lengths) else 0.0)
    assert makespan(loads, workers) <= max(1.10 * bound, bound + 0.5, uneven)


@pytest.mark.parametrize(
    "suite", [Suite(root="/", workers=2), Suite(root="/", shard=(1, 3))], ids=["workers", "shards"]
)
def test_a_short_module_stays_whole(suite: Suite) -> None:
    """Its tests may fail only behind each other; to split it would hide that, and save nothing."""
    items = [Item(f"m.py::t{n}", "m.py") for n in range(20)]
    for durations in ({}, {item.nodeid: 0.01 for item in items}):
        whole = plan(items, suite, durations)
        assert len((*whole.chunks, *whole.others)) == 1
    asked = plan(items, suite.model_copy(update={"chunks": 4}), {})
    assert len((*asked.chunks, *asked.others)) > 1, "whoever asks for chunks gets them"


def test_a_chunk_is_planned_to_fit_its_limit() -> None:
    items = [Item(f"m{n}.py::t", f"m{n}.py") for n in range(40)]
    durations = {item.nodeid: 1.0 for item in items}
    suite = Suite(root="/", chunk_seconds=1000, limits=Limits(chunk_timeout=10))
    assert max(chunk.expected_seconds or 0 for chunk in plan(items, suite, durations).chunks) <= 10


def test_shares_are_even() -> None:
    items = [Item(f"m{n}.py::t", f"m{n}.py") for n in range(30)]
    durations = {item.nodeid: float(n % 7 + 1) for n, item in enumerate(items)}
    made = plan(items, Suite(root="/", chunks=15), durations)
    loads = [sum(chunk.expected_seconds or 0 for chunk in mine) for mine in shares(made.chunks, 3)]
    assert max(loads) - min(loads) <= max(chunk.expected_seconds or 0 for chunk in made.chunks)


def test_manifest() -> None:
    items = [Item(f"a/m{n}.py::t{k}", f"a/m{n}.py") for n in range(3) for k in range(3)]
    manifest = json.dumps({"first": ["a/m1.py"], "second": ["a/m0.py::t2", "a/m0.py::t0"]})
    made = plan(items, Suite(root="/"), {}, manifest)
    assert [chunk.name for chunk in made.chunks] == ["first", "second", "chunk_rest"]
    assert made.chunks[1].nodeids == ("a/m0.py::t2", "a/m0.py::t0"), "the manifest's order is the order"
    assert made.durations_from == "manifest"


@pytest.mark.parametrize(
    "text", ["[]", "{}", "nonsense", '{"a": []}', '{"a": [1]}', '{"../x": ["m.py"]}', '{"a": ["no.py"]}']
)
def test_bad_manifests_are_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"\[(bad-manifest|manifest-names-unknown)\]"):
        plan([Item("m.py::t", "m.py")], Suite(root="/"), {}, text)
