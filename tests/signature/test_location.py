"""Where an error is: the last product frame; a helper that asserts for tests is none."""

from __future__ import annotations

import pytest

from triage.model.failure import Frame
from triage.signature.location import location_of


def frame(path: str, function: str, code: str = "f(x)", origin: str = "product") -> Frame:
    return Frame(path=path, function=function, code=code, origin=origin)


TEST = frame("tests/test_a.py", "test_net", "check.close(net(3), 2)", "test")


@pytest.mark.parametrize(
    ("path", "function", "code"),
    [
        ("check.py", "close", "assert abs(got - due) < tol, (got, due)"),
        ("shop/util.py", "assert_prices", "raise AssertionError(diff)"),
        ("shop/checks.py", "prices", "pytest.fail(diff)"),
        ("shop/book.py", "Book.expect_total", "assert self.total == due"),
    ],
)
def test_the_caller_of_an_assertion_helper_decides(path: str, function: str, code: str) -> None:
    helper = frame(path, function, code)
    assert str(location_of((TEST, helper), "tests/test_a.py")) == "tests/test_a.py"
    inner = frame("shop/price.py", "net")
    assert str(location_of((TEST, inner, helper), "tests/test_a.py")) == "shop/price.py:net"
    assert str(location_of((TEST, inner, helper, helper), "tests/test_a.py")) == "shop/price.py:net"


@pytest.mark.parametrize(
    ("path", "function", "code"),
    [
        ("shop/price.py", "net", "assert rate > 0"),
        ("shop/checks.py", "prices", "return table[name]"),
        ("shop/price.py", "closest", "assert best is not None"),
    ],
)
def test_the_product_may_assert_and_its_checks_may_break(path: str, function: str, code: str) -> None:
    assert str(location_of((TEST, frame(path, function, code)), "tests/test_a.py")) == f"{path}:{function}"


def test_nothing_but_the_helper_is_known() -> None:
    helper = frame("check.py", "close", "assert a == b")
    assert str(location_of((helper,), "tests/test_a.py")) == "check.py:close"
