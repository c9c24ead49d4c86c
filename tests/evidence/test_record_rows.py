"""Reading a record row by row gives what reading it whole gives, however it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict

from triage.evidence.json_document import json_pieces
from triage.evidence.record_rows import read_rows, read_run_record, split_rows
from triage.model.base import Value
from triage.model.failure import Captured, Failure, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import RunRecord, TestResult

TEXTS = st.text(max_size=30) | st.sampled_from(['\n ]\n "results": [\n', '"},\n  {"', "]}", "\\", "\u2028"])


@st.composite
def records(draw: st.DrawFn) -> RunRecord:
    count = draw(st.sampled_from([0, 1, 3, 201, 205]))
    text = draw(TEXTS)
    results = []
    for number in range(count):
        raised = Raised(type="E", message=text) if number % 2 else None
        failure = Failure(
            nodeid=f"t{text}",
            phase=Phase.CALL,
            chain=(raised,) if raised else (),
            longrepr=text,
            captured=Captured(stdout=text),
        )
        results.append(TestResult(nodeid=f"{text}{number}", outcome=Outcome.FAILED, failures=(failure,)))
    return RunRecord(
        stamp="S", campaign=text, root="/", complete=True, results=tuple(results), notes=(text, text)
    )


@settings(max_examples=40, deadline=None)
@given(records())
def test_rows_are_the_whole(record: RunRecord) -> None:
    text = "".join(json_pieces(record)).encode()
    split = split_rows(text, "results")
    if split is not None:
        rows = [json.loads(row) for row in split.rows]
        assert {**json.loads(split.rest), "results": rows} == json.loads(text)
    assert (split is not None) == (len(record.results) > 200)


@pytest.mark.parametrize("indent", [None, 1, 2])
@pytest.mark.parametrize("count", [2, 300])
def test_a_record_is_read_however_it_was_written(tmp_path: Path, count: int, indent: int | None) -> None:
    failure = Failure(nodeid="t", phase=Phase.CALL, chain=(Raised(type="E", message="m"),), longrepr="long")
    result = TestResult(nodeid="t", outcome=Outcome.FAILED, failures=(failure,))
    record = RunRecord(stamp="S", campaign="c", root="/", complete=True, results=(result,) * count)
    path = tmp_path / "results.json"
    for text in ("".join(json_pieces(record)), json.dumps(record.model_dump(mode="json"), indent=indent)):
        path.write_text(text)
        assert read_run_record(path) == record
        (lean, *_) = read_run_record(path, with_texts=False).failures
        assert (lean.message, lean.longrepr) == ("m", "")


class _Named(Value):
    model_config = ConfigDict(extra="ignore")

    name: str


def test_rows_of_a_type_are_read_however_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = [{"name": f"{number}", "more": 1} for number in range(300)]
    for text in ("".join(json_pieces({"stamp": "S", "rows": rows})), json.dumps({"rows": rows}, indent=1)):
        path.write_text(text)
        assert [row.name for row in read_rows(path, "rows", _Named)] == [row["name"] for row in rows]


def test_a_damaged_row_is_told_as_in_a_document_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = [{"name": str(number)} for number in range(300)]
    path.write_text("".join(json_pieces({"rows": rows})).replace('"name": "7"', '"name": 7'))
    with pytest.raises(ValueError, match=r"rows\.7\.name"):
        read_rows(path, "rows", _Named)
