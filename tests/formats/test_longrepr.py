"""pytest's representation, as text, back to chain and frames: every style."""

from __future__ import annotations

from triage.formats.longrepr import guess_root, parse_longrepr
from triage.model.exception_group import members_apart
from triage.model.failure import Failure
from triage.model.outcome import Phase
from triage.signature.api import signatures_of

LONG = """self = <tests.test_a.TestA object at 0x7f>
size = 3

    def test_load(self):
        \"\"\"Docstring with def inside: def not_this(x):\"\"\"
>       load(size)

tests/test_a.py:12:
_ _ _ _ _ _ _ _ _ _

size = 3

    async def load(size):
        check(size)
>       raise ValueError(
            f"bad {size}"
        )
E       ValueError: bad 3
E         with a second line

src/pkg/load.py:40: ValueError"""

SHORT = """tests/test_a.py:12: in test_load
    load(size)
    ^^^^^^^^^^
src/pkg/load.py:40: in load
    raise ValueError(f"bad {size}")
E   ValueError: bad 3"""

NATIVE = """Traceback (most recent call last):
  File "/home/dev/p/tests/test_a.py", line 12, in test_load
    load(size)
  File "/home/dev/p/src/pkg/load.py", line 40, in load
    raise ValueError(f"bad {size}")
ValueError: bad 3"""

CHAINED = f"""{SHORT}

The above exception was the direct cause of the following exception:
tests/test_a.py:12: in test_load
    load(size)
src/pkg/api.py:7: in outer
    raise RuntimeError("outer") from error
E   RuntimeError: outer

During handling of the above exception, another exception occurred:
tests/test_a.py:20: in test_load
    close()
/usr/lib/python3.12/site-packages/lib/x.py:3: in close
    raise OSError("closed")
E   OSError: closed"""

GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/home/dev/p/tests/test_a.py", line 8, in test_group
  |     raise ExceptionGroup("many", errors)
  | ExceptionGroup: many (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/home/dev/p/src/pkg/load.py", line 40, in load
    |     raise ValueError("bad")
    | ValueError: bad
    +---------------- 2 ----------------
    | KeyError: 'k'
    +------------------------------------"""

NESTED = """  + Exception Group Traceback (most recent call last):
  |   File "/home/dev/p/tests/test_a.py", line 8, in <module>
  |     raise ExceptionGroup("outer", [a(), ExceptionGroup("inner", [KeyError("k")]), TypeError("t\\nmore")])
  | ExceptionGroup: outer (3 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/home/dev/p/tests/test_a.py", line 4, in a
    |     try: raise OSError("disk")
    | OSError: disk
    |
    | The above exception was the direct cause of the following exception:
    |
    | Traceback (most recent call last):
    |   File "/home/dev/p/tests/test_a.py", line 5, in a
    |     except OSError as e: raise ValueError("bad") from e
    | ValueError: bad
    +---------------- 2 ----------------
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | KeyError: 'k'
      +------------------------------------
    +---------------- 3 ----------------
    | TypeError: t
    | more
    +------------------------------------"""


def test_the_three_styles_tell_the_same() -> None:
    for text in (LONG, SHORT, NATIVE):
        (raised,) = parse_longrepr(text, test_file="tests/test_a.py")
        assert raised.type == "ValueError"
        assert raised.message.startswith("bad 3")
        assert [(f.path, f.lineno, f.function, f.origin) for f in raised.frames] == [
            ("tests/test_a.py", 12, "test_load", "test"),
            ("src/pkg/load.py", 40, "load", "product"),
        ]
        assert (raised.frames[-1].code or "").startswith("raise ValueError(")


def test_a_chain_comes_with_the_reported_exception_first() -> None:
    chain = parse_longrepr(CHAINED, test_file="tests/test_a.py")
    assert [(raised.type, raised.relation) for raised in chain] == [
        ("OSError", "raised"),
        ("RuntimeError", "context"),
        ("ValueError", "cause"),
    ]
    assert chain[0].frames[-1].origin == "library"


def test_a_group_comes_with_its_members() -> None:
    chain = parse_longrepr(GROUP, test_file="tests/test_a.py")
    assert [(raised.type, raised.message, raised.relation) for raised in chain] == [
        ("ExceptionGroup", "many (2 sub-exceptions)", "raised"),
        ("ValueError", "bad", "member"),
        ("KeyError", "'k'", "member"),
    ]
    failure = Failure(nodeid="tests/test_a.py::test_group", phase=Phase.CALL, chain=chain)
    bad, missing = members_apart(failure)
    assert (bad.exception, missing.exception) == ("ValueError", "KeyError")
    fields = signatures_of(bad)[0].fields
    assert fields["frame"] == "src/pkg/load.py:load", "where a member arose, not where the group was raised"
    assert "chain" not in fields


def test_members_of_groups_within_groups_keep_their_causes() -> None:
    chain = parse_longrepr(NESTED, test_file="tests/test_a.py")
    failure = Failure(nodeid="tests/test_a.py::test_group", phase=Phase.CALL, chain=chain)
    found = [[(raised.type, raised.relation) for raised in each.chain] for each in members_apart(failure)]
    assert found == [
        [("ValueError", "raised"), ("OSError", "cause")],
        [("KeyError", "raised")],
        [("TypeError", "raised")],
    ]
    assert {failure.group for failure in members_apart(failure)} == {
        f"ExceptionGroup: outer (3 sub-exceptions) ({number} of 3)" for number in (1, 2, 3)
    }


def test_an_assertion_without_words_has_no_type_of_its_own() -> None:
    text = (
        "    def test_x():\n>       assert 1 == 2\nE       assert 1 == 2\n\ntests/test_a.py:3: AssertionError"
    )
    (raised,) = parse_longrepr(text, test_file="tests/test_a.py")
    assert (raised.type, raised.message) == ("AssertionError", "assert 1 == 2")


def test_a_message_that_looks_like_a_type_is_a_message() -> None:
    text = ">   run()\nE   Note: nothing went wrong: really\n\ntests/test_a.py:3: Failed"
    (raised,) = parse_longrepr(text, test_file="tests/test_a.py")
    assert (raised.type, raised.message) == ("Failed", "Note: nothing went wrong: really")


def test_no_exception_is_no_chain() -> None:
    for text in ("", "[XPASS(strict)] reason", "E", "just words\nand more"):
        assert [
            raised.type for raised in parse_longrepr(text, test_file="tests/test_a.py") if raised.type
        ] == []


def test_the_root_is_told_by_the_tests_own_file() -> None:
    assert guess_root('File "/srv/ci/7/tests/test_a.py", line 3', "tests/test_a.py") == "/srv/ci/7"
    assert guess_root("/srv/ci/7/tests/test_a.py:3: Error", "tests/test_a.py") == "/srv/ci/7"
    assert guess_root("tests/test_a.py:3: Error", "tests/test_a.py") is None
    assert guess_root("anything", "") is None


def test_a_message_that_begins_with_an_empty_line_is_not_its_type() -> None:
    """numpy's: pytest strips the space behind the colon."""
    text = (
        ">   close(a, b)\nE   AssertionError: \nE   Not equal to tolerance rtol=1e-07, atol=0\nE   \n"
        "E   Mismatched elements: 1 / 3 (33.3%)\n\ntests/test_a.py:3: AssertionError"
    )
    (raised,) = parse_longrepr(text, test_file="tests/test_a.py")
    assert raised.type == "AssertionError"
    assert raised.message.strip().startswith("Not equal to tolerance")
    (bare,) = parse_longrepr(">   run()\nE   ValueError: \n\ntests/test_a.py:3: ValueError", test_file="x")
    assert (bare.type, bare.message) == ("ValueError", "")
