"""What the tools of other worlds write of a failure, and the line of it that tells what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest

from triage.formats.importer import read
from triage.formats.telling_line import telling_text
from triage.model.run import RunRecord

Take = Callable[..., RunRecord]

JEST = """Error: expect(received).toBe(expected) // Object.is equality

Expected: 3
Received: 2
    at Object.<anonymous> (/home/ci/shop/src/cart.test.js:4:21)
    at new Promise (<anonymous>)"""
PLAYWRIGHT = """  [chromium] › cart.spec.ts:3:5 › adds ─────────────

    Error: expect(locator).toHaveText(expected) failed

    Expected: "3 items"
    Received: "2 items"

      3 | test('adds', async () => {
    > 4 |   await expect(cart).toHaveText('3 items')
        |                      ^
        at /home/ci/shop/cart.spec.ts:4:13"""
GO = "=== RUN   TestTotal\n    cart_test.go:9: want 0, got 1\n--- FAIL: TestTotal (0.00s)"
TESTIFY = """=== RUN   TestTotal
    cart_test.go:12:
        \tError Trace:\t/go/src/shop/cart_test.go:12
        \tError:      \tNot equal:
        \t            \texpected: 1
        \t            \tactual  : 2
        \tTest:       \tTestTotal
--- FAIL: TestTotal (0.00s)"""
RUST = """thread 'tests::adds' (4242) panicked at src/lib.rs:10:9:
assertion `left == right` failed
  left: 4
 right: 5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
NUNIT = "   at Shop.Tests.Cart.Total() in C:\\shop\\Cart.cs:line 12\n"
PHPUNIT = (
    "Tests\\CartTest::testTotal\nFailed asserting that 1 matches expected 2.\n\n/app/tests/CartTest.php:12\n"
)
GTEST = """[==========] Running 1 test from 1 test suite.
[ RUN      ] Math.Adds
/srv/math/adds.cc:3: Failure
Expected equality of these values:
  1
  2
[  FAILED  ] Math.Adds (0 ms)
"""
UNITTEST = """Traceback (most recent call last):
  File "/srv/shop/test_cart.py", line 7, in test_total
    self.assertEqual(total, 2)
AssertionError: 1 != 2
"""


JEST_DEEP = """Error: expect(received).toEqual(expected) // deep equality

- Expected  - 1
+ Received  + 1

  Array [
-   3,
+   2,
  ]
    at Object.toEqual (/home/ci/shop/src/cart.test.js:1:244)"""
MOCHA = "AssertionError: expected 1 to equal 2\n    at Context.<anonymous> (test/a.js:3:2)"
BATS = "(in test file test/cart.bats, line 3)\n  `[ 1 -eq 2 ]' failed"
GTEST_MESSAGE = "adds.cc:3\nExpected equality of these values:\n  1\n  2"
ASSERT_OF_C = "ready\nadds: adds.c:5: main: Assertion `x == 1' failed.\n"
MINITEST = "Failure:\ntest_a(CartTest) [test/cart.rb:3]:\nExpected: 1\n  Actual: 2"


@pytest.mark.parametrize(
    ("message", "text", "names", "first"),
    [
        (
            "",
            JEST,
            {"adds"},
            "Error: expect(received).toBe(expected) // Object.is equality: Expected: 3, Received: 2",
        ),
        ("expected 1 to equal 2", MOCHA, {"adds"}, "expected 1 to equal 2"),
        (
            "cart.spec.ts:3:5 adds",
            PLAYWRIGHT,
            {"adds", "cart.spec.ts", "chromium"},
            'Error: expect(locator).toHaveText(expected) failed: Expected: "3 items", Received: "2 items"',
        ),
        ("Failed", GO, {"TestTotal"}, "want 0, got 1"),
        ("Failed", TESTIFY, {"TestTotal"}, "Error: Not equal: expected: 1, actual : 2"),
        (
            RUST.partition("\n")[0],
            RUST,
            {"tests::adds"},
            "assertion `left == right` failed: left: 4, right: 5",
        ),
        ("  Expected: 1\n  But was:  2\n", NUNIT, {"Total"}, "Expected: 1, But was: 2"),
        ("", PHPUNIT, {"testTotal", "Tests\\CartTest"}, "Failed asserting that 1 matches expected 2."),
        ("", BATS, {"adds"}, "`[ 1 -eq 2 ]' failed"),
        (GTEST_MESSAGE, "", {"adds"}, "Expected equality of these values: 1, 2"),
        ("1 != 2", UNITTEST, {"test_total"}, "1 != 2"),
        (
            "Expected values to be strictly equal:\n\n2 !== 3\n",
            "",
            {"adds"},
            "Expected values to be strictly equal: 2 !== 3",
        ),
        ("", JEST_DEEP, {"adds"}, "Error: expect(received).toEqual(expected) // deep equality: - 3, + 2,"),
        ("", MINITEST, {"test_a", "CartTest"}, "Expected: 1, Actual: 2"),
        ("SEGFAULT", "", {"adds"}, "SEGFAULT"),
        ("Failed", "", {"adds"}, "Failed"),
        ("", "", {"adds"}, ""),
    ],
)
def test_the_first_line_that_tells(message: str, text: str, names: set[str], first: str) -> None:
    assert telling_text((message, text), (), names).partition("\n")[0] == first


@pytest.mark.parametrize(
    ("output", "first"),
    [
        (GTEST, "Expected equality of these values: 1, 2"),
        (ASSERT_OF_C, "adds: adds.c:5: main: Assertion `x == 1' failed."),
        ("first words\nlast words", "Failed; its last words: last words"),
    ],
)
def test_an_output_tells_where_nothing_else_does(output: str, first: str) -> None:
    assert telling_text(("Failed", ""), (output,), {"adds"}).partition("\n")[0] == first


def test_no_stack_is_in_the_reason() -> None:
    said = telling_text(("", JEST), (), set())
    assert said.splitlines()[-1] == "Received: 2"


def row(attributes: str, message: str, text: str, output: str = "") -> str:
    return (
        f"<testcase {attributes}>"
        f"<failure type='FAILURE' message={quoteattr(message)}>{escape(text)}</failure>"
        f"<system-out>{escape(output)}</system-out></testcase>"
    )


@pytest.mark.parametrize(
    ("text", "nodeid", "exception", "first"),
    [
        (
            '<testsuites name="mocha"><testsuite name="cart" file="/home/ci/shop/test/cart.js" tests="1">'
            + row('name="cart adds" classname="adds"', "expected 1 to equal 2", "AssertionError: ...")
            + "</testsuite></testsuites>",
            "test/cart.js::adds::cart adds", "", "expected 1 to equal 2",
        ),
        (
            '<testsuite name="(empty)" hostname="">'
            + row('name="adds" classname="adds" status="fail"', "", "", GTEST) + "</testsuite>",
            "adds", "", "Expected equality of these values: 1, 2",
        ),
        (
            '<testsuites><testsuite name="cart.spec.ts" hostname="chromium">'
            + row('name="cart › adds" classname="cart.spec.ts"', "cart.spec.ts:3:5 adds", PLAYWRIGHT)
            + "</testsuite></testsuites>",
            "cart.spec.ts::cart › adds", "Error", "expect(locator).toHaveText(expected) failed",
        ),
        (
            '<testsuite name="test_cart.TestCart" file="test_cart.py">'
            + row('classname="test_cart.TestCart" name="test_total"', "1 != 2", UNITTEST)
            + "</testsuite>",
            "test_cart.py::TestCart::test_total", "AssertionError", "1 != 2",
        ),
        (
            '<testsuite name="Shop.Tests.dll">'
            + row('classname="Shop.Tests.Cart" name="Total"', "  Expected: 1\n  But was:  2\n", NUNIT)
            + "</testsuite>",
            "Shop.Tests.Cart::Total", "", "Expected: 1, But was: 2",
        ),
    ],
    ids=["mocha", "ctest", "playwright", "xmlrunner", "nunit"],
)  # fmt: skip
def test_titles_and_ids_of_reports(take: Take, text: str, nodeid: str, exception: str, first: str) -> None:
    (failure,) = take(text).failures
    assert (failure.nodeid, failure.exception) == (nodeid, exception)
    assert failure.message.startswith(first)


def test_absolute_paths_are_of_the_project(tmp_path: Path, take: Take) -> None:
    def report(*files: str) -> str:
        rows = "".join(f'<testcase classname="c" name="n" file="{file}"/>' for file in files)
        return f"<testsuite>{rows}</testsuite>"

    def ids(record: RunRecord) -> list[str]:
        return [result.nodeid for result in record.results]

    elsewhere = report("/home/ci/shop/packages/a/cart.js", "/home/ci/shop/packages/b/cart.js")
    assert ids(take(elsewhere)) == ["a/cart.js::c::n", "b/cart.js::c::n"]
    assert ids(take(report("C:\\ci\\shop\\test\\cart.js"))) == ["test/cart.js::c::n"]
    assert ids(take(report("file:///home/ci/shop/src/cart.test.js"))) == ["src/cart.test.js::c::n"]
    here = tmp_path / "packages" / "a" / "cart.js"
    here.parent.mkdir(parents=True)
    here.touch()
    (tmp_path / "junit.xml").write_text(elsewhere)
    record = read([tmp_path / "junit.xml"], root=tmp_path, stamp="S")
    assert ids(record)[0] == "packages/a/cart.js::c::n", "the file is known to lie there"
    (tmp_path / "junit.xml").write_text(report(str(here)))
    assert ids(read([tmp_path / "junit.xml"], root=tmp_path, stamp="S")) == ["packages/a/cart.js::c::n"]


@pytest.mark.parametrize("unit", ["(", ".", "a/", "a.b:1", "- ", "at x(0", 'File "', "in test file ", "1) "])
def test_a_line_of_a_megabyte_is_judged_by_its_beginning(unit: str) -> None:
    """Quadratic work on a line like these would never end."""
    line = "at x" + unit * (1_000_000 // len(unit))
    assert isinstance(telling_text((line, f"{line}\n{line}"), (line,), {"adds"}), str)
