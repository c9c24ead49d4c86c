"""What holds for all tests: settings of hypothesis, warm starts, what is slow.

The same examples of property tests in every run; new ones in `make fuzz`.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.fixtures.file_order import sort_for_several_processes
from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from tests.fixtures.same_examples import SAME_EXAMPLES, draw_from_no_constants
from tests.fixtures.warm_starts import (
    pytest_addoption,
    pytest_configure,
    pytest_runtest_protocol,
    warm_starts,
)

__all__ = ["pytest_addoption", "pytest_configure", "pytest_runtest_protocol", "warm_starts"]


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_plugins() -> Generator[None, None, None]:
    """Let pytest processes that inherit it load no installed plugin: tests that are about them ask for it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NO_FOREIGN_PLUGINS.items():
            patch.setenv(name, value)
        yield


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave to `make test` what cannot run beside other tests: it is slow, too."""
    if item.get_closest_marker("serial") is not None:
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let no process be left alone with a long file at the end."""
    sort_for_several_processes(config, items)


# Derandomised: a test is green or red by the code alone. No deadline: a busy machine is no failure.
settings.register_profile(SAME_EXAMPLES, derandomize=True, deadline=None)
# A random search: its finds are kept in .hypothesis and printed as a blob, to become an @example.
settings.register_profile("fuzz", derandomize=False, deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(SAME_EXAMPLES)
draw_from_no_constants()
