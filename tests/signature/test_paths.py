"""Which paths a failure says are not there."""

from __future__ import annotations

import pytest

from triage.model.failure import Captured, Failure, Raised
from triage.model.outcome import Phase
from triage.model.signature import Feature
from triage.signature.api import signatures_of
from triage.signature.paths import missing_paths


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("[Errno 2] No such file or directory: 'data/a.csv'", ("data/a.csv",)),
        ("assert Path('data/a.csv').exists()\n +  where False = exists()", ("data/a.csv",)),
        ("assert not Path('data/a.csv').exists()\n +  where True = exists()", ()),
        ("Missing scaled.hkl", ("scaled.hkl",)),
        ("cannot open the file table.csv", ("table.csv",)),
        ("reference.txt was not found", ("reference.txt",)),
        ("missing value 1.5 for shop.load()", ()),
        ("assert not True\n +  where True = <function exists at 0x7f31>('data/a.csv')", ()),
    ],
)  # fmt: skip
def test_a_path_that_is_there_is_not_missing(text: str, missing: tuple[str, ...]) -> None:
    assert missing_paths(text) == missing


def test_a_path_may_be_named_in_what_was_captured_only() -> None:
    raised = Raised(type="AssertionError", message="assert 1 == 0", relation="raised", frames=())
    captured = Captured(stderr="reading\nerror: missing file data/scaled.hkl\n")
    failure = Failure(nodeid="t.py::test_a", phase=Phase.CALL, chain=(raised,), captured=captured)
    assert signatures_of(failure)[0].features[Feature.MISSING] == ("data/scaled.hkl",)
