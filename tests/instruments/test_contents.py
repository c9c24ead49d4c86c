"""Contents of mutable objects are restored in place, whoever holds them."""

from __future__ import annotations

import functools
from collections import OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import MutableSet
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

from triage.instruments.contents import save_contents
from triage.instruments.digest import brief, digest


class Ordered(MutableSet):
    """A set without `update`."""

    def __init__(self, *items):
        self._items = list(items)

    def __contains__(self, item):
        return item in self._items

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)

    def add(self, item):
        self._items.append(item)

    def discard(self, item):
        self._items.remove(item)


@functools.lru_cache
def cached():
    return object()


def with_defaults(seen=[]):  # noqa: B006  # the leak that is meant
    return seen


@pytest.mark.parametrize(
    ("value", "leak", "look"),
    [
        ({"a": [1]}, lambda value: value["a"].append(2), dict),
        (defaultdict(list, a=[1]), lambda value: value["b"].append(2), dict),
        (OrderedDict(a=1), lambda value: value.clear(), dict),
        (UserDict(a=1), lambda value: value.update(a=2), dict),
        ({1, 2}, lambda value: value.discard(1), set),
        (Ordered(1, 2), lambda value: value.add(3), set),
        ([[1], 2], lambda value: value[0].append(3), list),
        (deque([1]), lambda value: value.append(2), list),
        (UserList([1]), lambda value: value.append(2), list),
        (with_defaults, lambda value: value().append(1), lambda value: value.__defaults__),
        (SimpleNamespace(a=[1]), lambda value: value.a.append(2), vars),
        (cached, lambda value: value(), lambda value: value.cache_info().currsize),
        (ContextVar("user", default="nobody"), lambda value: value.set("ann"), lambda value: value.get()),
    ],
)
def test_contents_are_restored_in_place(value, leak, look):
    before = repr(look(value))
    restore = save_contents(value)
    assert restore is not None
    leak(value)
    assert repr(look(value)) != before
    restore()
    assert repr(look(value)) == before


@pytest.mark.parametrize("value", [3, "a", (1, 2), None, int, lambda a=1: a.x])
def test_what_has_no_contents_has_nothing_to_restore(value):
    restore = save_contents(value)
    if restore is not None:  # a function has attributes of its own
        restore()


def test_what_cannot_be_copied_is_left_alone():
    assert save_contents([iter([]), (each for each in ())]) is None


def test_a_context_variable_is_told_apart_by_its_value():
    user: ContextVar[str] = ContextVar("user")
    unset = digest(user)
    user.set("ann")
    assert digest(user) != unset
    assert brief(user) == "<ContextVar name='user' at 0x> with 'ann'"


def test_what_stands_far_inside_of_a_large_value_no_longer_counts():
    """The bound keeps a look at a million of objects from taking minutes."""
    large = {number: [list(range(300)) for _ in range(30)] for number in range(30)}
    told_apart = {**large, 0: [[0]]}
    beyond = {**large, 29: [["other"]] * 30}
    assert digest(large) != digest(told_apart)
    assert digest(large) == digest(beyond)
