"""The journal: appended by many at once, merged by git, never half read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from triage.cluster.event_factory import EventFactory
from triage.errors import TriageError, UsageError
from triage.evidence.chain import chain_faults, unchained
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


def faults(journal: Journal) -> list[str]:
    return [f"{line}: {what}" for line, what in chain_faults(journal.load().links)]


def made(number: int) -> Event:
    """An event whose id follows from what it says."""
    maker = EventFactory(f"2026-11-24T06:{number:02}:00Z", "ada")
    return maker.make(OwnerSet, cluster="C1", owner=f"owner {number}")


def test_each_line_names_the_one_before_it(journal: Journal) -> None:
    journal.append([made(1), made(2)])
    Journal(journal.path).append([made(3)])
    first, second, third = journal.load().links
    assert first.names == ()
    assert second.names == (first.digest,)
    assert third.names == (second.digest,)
    assert faults(journal) == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (0, 2, 1, 4, 3), (1, 0, 1, 2, 3, 4, 4)])
def test_two_branches_are_joined_by_the_next_line_in_any_order(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    base, ours, theirs = (Journal(tmp_path / name) for name in ("base", "ours", "theirs"))
    base.append([made(1)])
    for branch, numbers in ((ours, (2,)), (theirs, (3, 4))):
        branch.path.write_bytes(base.path.read_bytes())
        branch.append([made(number) for number in numbers])
    lines = [*ours.path.read_text().splitlines(), *theirs.path.read_text().splitlines()[1:]]
    merged = Journal(tmp_path / "merged")
    merged.path.write_text("\n".join(lines) + "\n")
    assert faults(merged) == []
    merged.append([made(5)])
    links = merged.load().links
    assert set(links[-1].names) == {links[1].digest, links[3].digest}
    lines = merged.path.read_text().splitlines()
    merged.path.write_text("\r\n".join(lines[index] for index in order) + "\r\n")
    assert faults(merged) == []
    assert len(merged.read()) == 5


def test_one_decision_appended_on_two_branches_is_one_event(journal: Journal, tmp_path: Path) -> None:
    other = Journal(tmp_path / "other")
    journal.append([made(1), made(3)])
    other.append([made(2), made(3)])
    journal.path.write_bytes(journal.path.read_bytes() + other.path.read_bytes())
    assert len(journal.read()) == 3
    assert faults(journal) == []


def test_a_journal_older_than_the_chain_is_vouched_for_by_the_first_link(journal: Journal) -> None:
    old = [opened(number).model_copy(update={"v": 1}) for number in (1, 2, 3)]
    journal.path.parent.mkdir()
    journal.path.write_text("".join(f"{event.model_dump_json(exclude_none=True)}\n" for event in old))
    assert faults(journal) == []
    assert unchained(journal.load().links) == 3
    Journal(journal.path).append([made(1), made(2)])
    assert faults(journal) == []
    lines = journal.path.read_text().splitlines(keepends=True)
    for index in range(4):
        without = lines[:index] + lines[index + 1 :]
        journal.path.write_text("".join(without))
        assert faults(journal), index
    late = opened(9).model_copy(update={"v": 1}).model_dump_json(exclude_none=True)
    journal.path.write_text("".join(lines) + late + "\n")
    assert faults(journal) == ["6: is no part of the chain: no event vouches for it"]


@pytest.mark.parametrize("index", [0, 1, 2])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"by":"ada"', '"by":"bob"'),
        ("T06:", "T05:"),
        ('"owner":"owner', '"owner":"other'),
        ('"v":2', '"v":1'),
    ],
)
def test_a_changed_line_is_found_wherever_it_stands(journal: Journal, index: int, old: str, new: str) -> None:
    journal.append([made(1), made(2), made(3)])
    lines = journal.path.read_text().splitlines(keepends=True)
    changed = lines[index].replace(old, new, 1)
    assert changed != lines[index]
    journal.path.write_text("".join([*lines[:index], changed, *lines[index + 1 :]]))
    assert faults(journal)


def test_appending_reads_a_journal_that_was_read_no_second_time(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append([made(1)])
    journal.read()
    monkeypatch.setattr("triage.evidence.journal._read_all", lambda descriptor: pytest.fail("read again"))
    journal.append([made(2)])
    monkeypatch.undo()
    Journal(journal.path).append([made(3)])  # somebody else
    journal.append([made(4)])
    assert faults(journal) == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 1, 1, 3, 2)])
def test_appending_follows_the_same_lines_whether_the_journal_was_read_or_not(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    ours, theirs = Journal(tmp_path / "ours"), Journal(tmp_path / "theirs")
    ours.append([made(1), made(2)])
    theirs.append([opened(8), opened(9)])
    lines = [*ours.path.read_text().splitlines(), *theirs.path.read_text().splitlines()]
    text = "\n".join(lines[index] for index in order) + "\n"
    appended = []
    for name in ("read", "unread"):
        journal = Journal(tmp_path / name)
        journal.path.write_text(text)
        if name == "read":
            journal.read()
        journal.append([made(5)])
        appended.append(journal.path.read_text().splitlines()[-1])
    assert appended[0] == appended[1]
    assert len(json.loads(appended[0])["parents"]) == 2


def test_conflict_marks_count_as_union_and_go_with_the_next_append(journal: Journal) -> None:
    journal.append([made(1)])
    base = journal.path.read_text()
    journal.append([made(2)])
    ours = journal.path.read_text().removeprefix(base)
    journal.path.write_text(base)
    journal.append([made(3)])
    theirs = journal.path.read_text().removeprefix(base)
    marked = f"{base}<<<<<<< HEAD\n{ours}||||||| base\n=======\n{theirs}>>>>>>> other\n"
    journal.path.write_text(marked)
    assert len(journal.read()) == 3
    assert journal.load().has_conflict
    journal.append([made(4)])
    assert journal.path.read_text().startswith(base + ours + theirs)
    assert not journal.load().has_conflict
    assert faults(journal) == []


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
