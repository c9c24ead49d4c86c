"""The meter of uses books what the product and the test ask for, and nothing that pytest does there."""

from __future__ import annotations

FILES = {
    "shop.py": "import os\n\ndef mode():\n    return os.environ.get('SHOP_MODE', 'open')\n",
    "test_shop.py": """
        import shop

        def test_red(monkeypatch):
            monkeypatch.setenv("SHOP_OTHER", "1")
            assert [shop.mode()] * 40 == ["closed"] * 40
    """,
}


def test_what_pytest_reads_to_show_an_assertion_is_not_the_tests(observe):
    seen = observe(FILES, "test_shop.py::test_red", usage={})
    assert seen.red("test_shop.py::test_red")
    read = {line["name"]: line["where"] for line in seen.lines("usage", "use") if line["what"] == "variable"}
    assert read == {"SHOP_MODE": "shop.py:4"}
