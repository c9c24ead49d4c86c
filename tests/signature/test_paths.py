"""Which paths a failure says are not there."""

from __future__ import annotations

import pytest

from triage.signature.paths import missing_paths


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("[Errno 2] No such file or directory: 'data/a.csv'", ("data/a.csv",)),
        ("assert Path('data/a.csv').exists()\n +  where False = exists()", ("data/a.csv",)),
        ("assert not Path('data/a.csv').exists()\n +  where True = exists()", ()),
        ("assert not True\n +  where True = <function exists at 0x7f31>('data/a.csv')", ()),
    ],
)  # fmt: skip
def test_a_path_that_is_there_is_not_missing(text: str, missing: tuple[str, ...]) -> None:
    assert missing_paths(text) == missing
