"""What a test runs of the product, seen in a real process."""

from __future__ import annotations

FILES = {
    "shop.py": """
        RATE = 2

        def price(n):
            return n * RATE
    """,
    "test_shop.py": """
        import pytest
        from shop import price

        @pytest.fixture
        def three():
            return price(3)

        def test_red(three):
            assert three == 7
    """,
}


def test_a_red_test_stays_red_and_its_lines_are_known(observe):
    seen = observe(FILES, "test_shop.py::test_red", lines={})
    assert seen.red("test_shop.py::test_red")
    (line,) = seen.lines("lines", "executed")
    assert line["nodeid"] == "test_shop.py::test_red"
    assert (line["files"], line["functions"], line["lines"]) == (["shop.py"], [[0, "price", 4]], [[0, 5]])
