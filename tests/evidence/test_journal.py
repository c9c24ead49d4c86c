"""The journal: appended by many at once, merged by git, never half read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from triage.errors import TriageError, UsageError
from triage.evidence.journal import Journal
from triage.model.journal import ClusterOpened, Event, OwnerSet

AT = "2026-11-24T06:00:00.000000Z"


def opened(number: int, at: str = AT) -> Event:
    return ClusterOpened(
        id=f"open{number}", at=at, by="triage run", cluster=f"C{number}", title="t", stamp="20261124T060000Z",
        signatures=(f"reason/1:{number:016x}",), members=("tests/test_a.py::test_a",),
    )  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "plans" / "journal.jsonl")


def test_no_journal_is_an_empty_journal(journal: Journal) -> None:
    assert journal.read() == ()


def test_reads_what_it_wrote(journal: Journal) -> None:
    events = (opened(1), OwnerSet(id="own", at=AT, by="ada", cluster="C1", owner="ada\u2028\n\x1b[31m"))
    journal.append(events)
    assert journal.read() == events
    assert journal.path.read_text().count("\n") == 2


def test_a_line_that_arrives_twice_counts_once(journal: Journal) -> None:
    journal.append([opened(1)])
    journal.append([opened(1), opened(2)])
    assert [event.id for event in journal.read()] == ["open1", "open2"]


def test_reading_sorts_by_time_then_id(journal: Journal) -> None:
    journal.append([opened(2, at="2026-11-24T07:00:00.000000Z"), opened(3), opened(1)])
    assert [event.id for event in journal.read()] == ["open1", "open3", "open2"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "is no event"),
        ('{"event": "owner_set", "id": "x"}', "is no event"),
        ('{"event": "fired", "id": "x", "at": "", "by": ""}', "is no event"),
        ("<<<<<<< HEAD", "conflict mark"),
        ("\x00\x00\x00", "is no event"),
        ('{"event": "numbering_started", "id": "n", "at": "a", "by": "b", "next": 1, "typo": 1}', "typo"),
        ("[" * 100_000, "is no event"),
    ],
)
def test_a_corrupt_line_is_one_clear_error_and_nothing_is_lost(
    journal: Journal, line: str, says: str
) -> None:
    journal.append([opened(1)])
    with journal.path.open("a") as stream:
        stream.write(line + "\n")
    before = journal.path.read_bytes()
    with pytest.raises(UsageError, match="line 2") as error:
        journal.read()
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.slug == "bad-journal"
    journal.append([opened(2)])
    assert journal.path.read_bytes().startswith(before)


def test_bytes_that_are_no_text_are_an_error_with_a_line_number(journal: Journal) -> None:
    journal.append([opened(1)])
    with journal.path.open("ab") as stream:
        stream.write(b'{"event": "\xff\xfe"}\n')
    with pytest.raises(UsageError, match="line 2"):
        journal.read()


def test_one_id_with_two_meanings_is_an_error(journal: Journal) -> None:
    journal.append([opened(1)])
    journal.append([opened(1).model_copy(update={"cluster": "C9"})])
    with pytest.raises(UsageError, match="line 2 has the id of line 1"):
        journal.read()


def test_a_torn_last_line_does_not_swallow_the_next_event(journal: Journal) -> None:
    journal.append([opened(1)])
    with journal.path.open("a") as stream:
        stream.write('{"event": "owner_s')
    journal.append([opened(2)])
    lines = journal.path.read_text().splitlines()
    assert json.loads(lines[2])["cluster"] == "C2"
    with pytest.raises(UsageError, match="line 2"):
        journal.read()


def test_a_folder_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(TriageError, match=r"journal\.jsonl") as error:
        Journal(tmp_path / "journal.jsonl").read()
    assert error.value.slug == "cannot-write"


WRITER = """
import sys
from pathlib import Path
from triage.evidence.journal import Journal
from triage.model.journal import OwnerSet
journal = Journal(Path(sys.argv[1]))
for n in range(40):
    journal.append([OwnerSet(id=f"{sys.argv[2]}-{n}", at="2026-11-24T06:00:00.000000Z", by="x",
                             cluster="C1", owner="o" * 9000)])
"""


def test_processes_that_append_at_once_lose_nothing(journal: Journal) -> None:
    command = [sys.executable, "-c", WRITER, str(journal.path)]
    writers = [subprocess.Popen([*command, str(n)]) for n in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert len(journal.read()) == 120
