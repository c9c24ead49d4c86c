"""What state its process was in, as a failure shows it."""

from __future__ import annotations

import pytest

from triage.model.failure import Failure
from triage.model.outcome import Phase
from triage.signature.checkout import ROOT
from triage.signature.process_state import working_directory_moved


@pytest.mark.parametrize(
    ("test", "shown", "moved"),
    [
        ("tests/unit/test_a.py::test_a", "/srv/shop/tests/unit/test_a.py:9: OSError", True),
        ("tests/unit/test_a.py::test_a", f"{ROOT}/tests/unit/test_a.py:9: OSError", True),
        ("tests/unit/test_a.py::test_a", "../../tests/unit/test_a.py:9: OSError", True),
        ("tests/unit/test_a.py::test_a", "tests/unit/test_a.py:9: OSError", False),
        ("test_a.py::test_a", f"{ROOT}/test_a.py:9: OSError", True),
        ("test_a.py::test_a", "../test_a.py:9: OSError", True),
        ("test_a.py::test_a", "test_a.py:9: OSError", False),
        # another file that ends alike, beside the test's own
        ("test_a.py::test_a", "/srv/other/test_a.py:3: in helper\n    x\ntest_a.py:9: OSError", False),
        ("test_a.py::test_a", "/srv/other/my_test_a.py:3: in helper", False),
        ("test_a.py::test_a", '  File "/srv/shop/test_a.py", line 9, in test_a', False),
    ],
)
def test_the_working_directory_moved_where_the_own_file_is_shown_from_elsewhere(
    test: str, shown: str, moved: bool
) -> None:
    assert working_directory_moved(Failure(nodeid=test, phase=Phase.CALL, longrepr=shown)) is moved
