"""Documents made a piece at a time hold what they would hold if they were made at once."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triage.evidence.atomic import plain
from triage.evidence.json_document import Rows, json_pieces
from triage.model.outcome import Outcome
from triage.model.run import RunRecord, TestResult
from triage.text.redact_data import redacted_data

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_ROWS = st.dictionaries(st.text(max_size=8), _SCALARS, max_size=3)


def _without_a(text: str) -> str:
    return text.replace("a", "[redacted]")


@given(head=_ROWS, row=_ROWS | _SCALARS, length=st.sampled_from((0, 1, 200, 201, 450)))
def test_a_long_list_holds_what_a_short_one_holds(head: dict[str, Any], row: Any, length: int) -> None:
    document = {**head, "rows": [row] * length}
    text = "".join(json_pieces(document, _without_a))
    at_once = json.loads(json.dumps(redacted_data(plain(document), _without_a)))
    assert json.loads(text) == at_once


@given(head=_ROWS, row=_ROWS, length=st.sampled_from((0, 1, 200, 201, 450)))
def test_rows_that_are_made_while_they_are_written_read_as_a_list(
    head: dict[str, Any], row: Any, length: int
) -> None:
    rows = [row] * length
    made = "".join(json_pieces({**head, "rows": Rows(length, rows.__iter__)}, _without_a))
    assert made == "".join(json_pieces({**head, "rows": rows}, _without_a))


def test_a_record_with_many_results_reads_back() -> None:
    results = tuple(TestResult(nodeid=f"a.py::t[{number}]", outcome=Outcome.PASSED) for number in range(300))
    record = RunRecord(stamp="S", campaign="c", root="/", complete=True, results=results, notes=("a note",))
    text = "".join(json_pieces(record))
    assert RunRecord.model_validate_json(text) == record
    lines = text.splitlines()
    assert sum(line.startswith('  {"nodeid"') for line in lines) == len(results)


def test_a_short_document_is_indented() -> None:
    assert "".join(json_pieces({"rows": [{"a": 1}]})) == '{\n "rows": [\n  {\n   "a": 1\n  }\n ]\n}\n'
