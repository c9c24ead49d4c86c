"""A module that a test loads anew: seen as state, and put back with the objects that others hold."""

from __future__ import annotations

FILES = {
    "shop.py": "class Basket:\n    pass\n",
    "test_a.py": """
        import importlib
        import shop
        from shop import Basket

        def test_loads_anew():
            importlib.reload(shop)

        def test_holds_the_first_one():
            assert shop.Basket is Basket
    """,
}
POLLUTER, VICTIM = "test_a.py::test_loads_anew", "test_a.py::test_holds_the_first_one"


def found(seen):
    *_, latest = seen.lines("state", "found")
    return latest["places"]


def test_it_is_a_difference_and_to_put_it_back_helps(observe):
    alone = observe(FILES, VICTIM, state={"watch": [VICTIM]})
    assert alone.passed(VICTIM)
    assert "reload:shop" not in found(alone)
    behind = observe(FILES, POLLUTER, VICTIM, state={"watch": [VICTIM]})
    assert behind.red(VICTIM)
    assert "reload:shop" in found(behind)
    told = {"restore": ["reload:shop"], "before": VICTIM, "from": "collected"}
    assert observe(FILES, POLLUTER, VICTIM, state=told).passed(VICTIM)
