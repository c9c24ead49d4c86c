"""Mutable defaults, attributes of classes and objects of modules: each caller gets a copy of its own."""

from __future__ import annotations

import textwrap

import pytest

from triage.probe.edits.own_copy import with_copies, with_fresh_defaults, with_own_attribute


def text(source):
    return textwrap.dedent(source)


def test_a_mutable_default_is_made_in_every_call():
    source = text('''\
        from typing import Dict, Optional

        def resolve(values, seen: Dict[str, int] = {}, *, names=[], limit=3):
            """Resolve them."""
            return values
    ''')
    assert with_fresh_defaults(source, ["resolve"]) == text('''\
        from typing import Dict, Optional

        def resolve(values, seen: Optional[Dict[str, int]] = None, *, names=None, limit=3):
            """Resolve them."""
            if seen is None:
                seen = {}
            if names is None:
                names = []
            return values
    ''')


def test_a_method_is_found_by_its_class_and_a_union_is_written_where_optional_is_unknown():
    source = "class A:\n  def add(self, to: list[int] = list()):\n    to.append(1)\n"
    assert with_fresh_defaults(source, ["A", "add"]) == (
        "class A:\n  def add(self, to: list[int] | None = None):\n"
        "    if to is None:\n      to = list()\n    to.append(1)\n"
    )


@pytest.mark.parametrize(
    "source", ["def f(a=(), b=None, c=g()): pass\n", "def g(a=[]): pass\n", "no python ("]
)
def test_other_defaults_and_functions_are_left_alone(source):
    assert with_fresh_defaults(source, ["f"]) is None


def test_an_attribute_of_a_class_moves_into_init():
    source = text('''\
        class Cart:
            """What is bought."""

            items = []
            limit = 3

            def __init__(self, owner):
                self.owner = owner
    ''')
    assert with_own_attribute(source, "Cart", "items") == text('''\
        class Cart:
            """What is bought."""
            limit = 3

            def __init__(self, owner):
                self.items = []
                self.owner = owner
    ''')


def test_a_class_without_init_gets_one_and_a_derived_one_does_not():
    source = "class Cart:\n    items: list[str] = []\n\n    def add(self, x):\n        self.items.append(x)\n"
    assert with_own_attribute(source, "Cart", "items") == (
        "class Cart:\n    def __init__(self):\n        self.items: list[str] = []\n\n"
        "    def add(self, x):\n        self.items.append(x)\n"
    )
    assert with_own_attribute(source.replace("Cart:", "Cart(Base):"), "Cart", "items") is None
    assert with_own_attribute(source.replace("[]", "()"), "Cart", "items") is None


def test_each_place_that_hands_out_a_shared_object_gives_a_copy_once():
    source = text("""\
        import os

        DEFAULTS = {"a": 1}

        def settings():
            return DEFAULTS

        def merged(own=None):
            chosen = own or DEFAULTS
            return chosen

        def size():
            return len(DEFAULTS)
    """)
    (first, one), (second, other) = with_copies(source, "DEFAULTS")
    assert (first, second) == (6, 9)
    assert one == source.replace("return DEFAULTS", "return copy.deepcopy(DEFAULTS)").replace(
        "import os\n", "import copy\nimport os\n"
    )
    assert "chosen = own or copy.deepcopy(DEFAULTS)" in other
    assert "return DEFAULTS" in other
