"""What a test may read, by the names in the code that it runs."""

from __future__ import annotations

from triage.hunt.readers import Readers


def code(number, function, *names, inside=True, file="shop.py"):
    return {
        "event": "code",
        "number": number,
        "function": function,
        "inside": inside,
        "names": names,
        "texts": (),
        "file": file,
    }


def ran(nodeid, *codes, fixtures=()):
    return {"event": "test", "nodeid": nodeid, "codes": codes, "fixtures": fixtures}


def readers(*events):
    return Readers.of(
        [{"event": "inside", "names": ["shop", "MODE"]}, code(0, "_run", inside=False), *events], ["time"]
    )


def test_a_test_reads_what_its_code_names():
    seen = readers(code(1, "test_a", "shop", "net"), code(2, "net", "MODE"), ran("a", 0, 1, 2), ran("b", 0))
    reads = seen.reads_of("a")
    assert reads.has("attr:shop.MODE")
    assert not reads.has("attr:shop.RATES")
    # it names nothing outside of the project: no file, no variable, no function of a library
    assert not any(
        reads.has(key, seen.libraries) for key in ("file:x", "env:A", "logging:a", "attr:time.time")
    )
    assert not seen.reads_of("b").has("attr:shop.MODE")


def test_of_a_test_that_was_not_followed_everything_is_possible():
    seen = readers(ran("a", 0), {"event": "unknown", "nodeid": "b", "why": "coverage traces already"})
    assert seen.reads_of("b").has("attr:shop.MODE")
    assert seen.reads_of("b").has("env:A")


def test_names_that_are_computed_may_be_any():
    seen = readers(code(1, "test_a", "getattr", "shop"), ran("a", 1), ran("b", 0))
    assert seen.reads_of("a").has("attr:shop.RATES")


def test_a_function_that_is_named_and_did_not_run_counts():
    # its value was in a cache; in another order this test fills it
    seen = readers(code(1, "test_a", "load"), code(2, "load", "SOURCE"), ran("a", 1), ran("b", 2))
    assert seen.reads_of("a").has("attr:shop.SOURCE")


def test_what_a_shared_fixture_reads_each_of_its_tests_reads():
    fixture = {"event": "fixture", "number": 0, "codes": [1]}
    seen = readers(code(1, "client", "MODE"), fixture, ran("a", 0, fixtures=[0]), ran("b", 0))
    assert seen.reads_of("a").has("attr:shop.MODE")
    assert not seen.reads_of("b").has("attr:shop.MODE")


def test_a_library_that_runs_for_one_test_is_asked_for_what_it_reads():
    outside = code(1, "expanduser", "environ", inside=False, file="python3.11/posixpath.py")
    log = code(2, "info", inside=False, file="logging/__init__.py")
    seen = readers(outside, log, ran("a", 0, 1), ran("b", 0, 2), ran("c", 0))
    assert seen.reads_of("a").has("env:HOME")
    assert not seen.reads_of("a").has("logging:shop")
    assert seen.reads_of("b").has("logging:shop")
    assert not seen.reads_of("c").has("cwd")
    assert seen.reads_of("a").has("cwd")
