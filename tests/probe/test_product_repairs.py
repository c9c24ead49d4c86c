"""A product that leaks is repaired in the product: the edits, run in the order that failed."""

from __future__ import annotations

import pytest

from triage.lab.protocol import Setup
from triage.model.experiment import Factor
from triage.probe.edits.own_copy import with_copied_items
from triage.probe.leak_writers import find_writer
from triage.probe.leaked_state import LeakedState
from triage.probe.product_repairs import product_repair
from triage.testing.probes import answered, case_of, seen

T, POLLUTER = "tests/test_b.py::test_first", "tests/test_a.py::test_adds"
CART = '''\
class Cart:
    """What is bought."""

    items = []

    def add(self, name):
        self.items.append(name)

    def total(self, extra=[]):
        extra.append(1)
        return len(extra)


RATES = {"eur": 1.0}


def add_rate(name, to=RATES):
    own = RATES
    own[name] = 2.0
    return own
'''


def repaired(key, line, function, expected):
    """The writer and the titles of the repairs, in a world in which a text with `expected` helps."""
    written = {
        "event": "write", "nodeid": POLLUTER, "key": key, "where": f"cart.py:{line}", "function": function
    }  # fmt: skip

    def world(setup):
        mended = expected in (setup.edits.get("cart.py") or "")
        return seen(T, mended, measured={"writes": (written,)} if "writes" in setup.instruments else {})

    polluted = Setup(nodeids=(POLLUTER, T))
    case = case_of(
        T, world, base=polluted, source={"cart.py": CART}.get, files=("cart.py", "tests/test_a.py")
    )
    leaked = LeakedState(
        keys=(key,), shown=("x",), clean=("[]",), dirty=("[1]",), factor=Factor(kind="restore", name="x")
    )
    writer = answered(find_writer(case, [POLLUTER], polluted, leaked), world)
    return writer, answered(product_repair(case, writer, leaked, [POLLUTER], polluted), world)


@pytest.mark.parametrize(
    ("key", "line", "function", "expected", "title"),
    [
        (
            "attr:cart.Cart.items", 7, "Cart.add", "self.items = []",
            "each Cart has items of its own",
        ),
        (
            "attr:cart.Cart.total", 10, "Cart.total", "extra=None",
            "Cart.total makes its mutable defaults anew in each call",
        ),
    ],
)  # fmt: skip
def test_what_objects_and_calls_share_is_a_defect_of_the_product(key, line, function, expected, title):
    writer, patches = repaired(key, line, function, expected)
    assert writer.at_fault == "product"
    assert [patch.title for patch in patches] == [title]
    assert expected in patches[0].after


def test_a_function_that_is_there_to_change_its_module_stays_the_tests_hand():
    writer, patches = repaired("attr:cart.RATES", 19, "add_rate", "own = copy.deepcopy(RATES)")
    assert (writer.at_fault, patches) == ("test", ())


FORMATS = """\
class Format:
    def __init__(self):
        self.digits = 2

    def _choose(self, currency):
        self.digits = 3 if currency == "TND" else 2

    def money(self, amount, currency="EUR"):
        self._choose(currency)
        return f"{amount:.{self.digits}f} {currency}"

    def plain(self, amount):
        return f"{amount:.{self.digits}f}"


BY_NAME = {"de": Format(), "fr": Format()}


def words(amount, name, **more):
    chosen = BY_NAME[name]
    return chosen.money(amount, **more) if more else chosen.plain(amount)
"""


def test_a_copy_of_an_item_is_taken_where_a_function_takes_it_from_its_container():
    ((line, text),) = with_copied_items(FORMATS, "BY_NAME", "copy.copy")
    assert (line, "chosen = copy.copy(BY_NAME[name])" in text) == (20, True)
    assert text.startswith("import copy\n")
    by_get = "def f(name):\n    return ITEMS.get(name)\n"
    assert [text for _, text in with_copied_items(by_get, "ITEMS", "copy.deepcopy")] == [
        "import copy\n\ndef f(name):\n    return copy.deepcopy(ITEMS.get(name))\n"
    ]
    assert list(with_copied_items("def f(a):\n    ITEMS[a] = 1\n", "ITEMS", "copy.copy")) == []


@pytest.mark.slow
def test_what_an_object_in_a_container_keeps_is_named_and_the_product_works_on_a_copy(suite):
    project = suite(
        {
            "money.py": FORMATS,
            "tests/test_a.py": """
                import money
                def test_dinars():
                    assert money.words(1, "de", currency="TND") == "1.000 TND"
            """,
            "tests/test_b.py": """
                import money
                def test_plain():
                    assert money.words(1, "de") == "1.00"
            """,
        }
    )
    assert project.call("run", "--json") == 1
    _, report, _ = project.probe("C1")
    cause = report["root_cause"]
    assert (cause["confidence"], cause["at_fault"]) == ("proven", "product")
    assert "What leaks is money.BY_NAME['de'].digits (2 alone, 3 here)" in cause["summary"]
    assert cause["culprits"][-1] == "money.py:6", "the line that writes it, though a setter holds it"
    product, *others = report["patches"]
    assert "chosen = copy.copy(BY_NAME[name])" in product["after"]
    texts = [patch["after"] for patch in others]
    assert any('monkeypatch.setattr(money.BY_NAME["de"], "digits", 2)' in text for text in texts), texts
    assert any("before = money.BY_NAME" in text for text in texts), "no deep copy of all of them"


@pytest.mark.slow
def test_a_mutable_default_of_a_real_project_is_found_and_designed(suite):
    project = suite(
        {
            "shop.py": """
                def add_item(name, basket=[]):
                    basket.append(name)
                    return basket
            """,
            "tests/test_a.py": """
                import shop
                def test_first():
                    assert shop.add_item("tea")[-1] == "tea"
            """,
            "tests/test_b.py": """
                import shop
                def test_second():
                    assert shop.add_item("milk") == ["milk"]
            """,
        }
    )
    assert project.call("run", "--json") == 1
    _, report, _ = project.probe("C1")
    cause = report["root_cause"]
    assert (cause["kind"], cause["confidence"], cause["at_fault"]) == ("order-dependent", "proven", "product")
    assert "with defaults (['tea'],)" in cause["summary"]
    (patch, *_) = report["patches"]
    assert patch["after"] == (
        "def add_item(name, basket=None):\n    if basket is None:\n        basket = []\n"
        "    basket.append(name)\n    return basket\n"
    )
