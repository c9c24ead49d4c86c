"""A snapshot saves reading the journal, and never changes what is said of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from triage.campaign import journal_snapshot
from triage.campaign.check.project import check_project
from triage.campaign.journal_snapshot import SNAPSHOT, present_registry
from triage.cluster.event_factory import EventFactory
from triage.cluster.mending import mended
from triage.cluster.registry import ClusterRegistry
from triage.documents.render import load_templates
from triage.errors import UsageError
from triage.evidence.chain import chain_faults
from triage.evidence.journal import JOURNAL, Journal
from triage.model.journal import ClusterOpened, Event, MembersAdded, OwnerSet, RunRecorded

AT = "2026-01-01T00:00:00Z"
STAMP = "20260101T000000Z"


class Reading(Journal):
    """A journal that counts how often all of it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.whole = 0

    def load(self):  # type: ignore[no-untyped-def]
        self.whole += 1
        return super().load()


def some_events() -> list[Event]:
    factory = EventFactory(AT, "somebody")
    events: list[Event] = []
    for number in (1, 2, 3):
        events.append(
            factory.make(
                ClusterOpened,
                cluster=f"C{number}",
                title=f"title {number}",
                stamp=STAMP,
                signatures=(f"reason/1:{number:016x}",),
                members=(f"tests/t{number}.py::test",),
            )
        )
        members = (f"tests/t{number}.py::other",)
        events.append(factory.make(MembersAdded, cluster=f"C{number}", members=members, stamp=STAMP))
    events.append(factory.make(RunRecorded, campaign="c", stamp=STAMP, fixed=("C3",)))
    return events


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose journal has a snapshot."""
    monkeypatch.setattr(journal_snapshot, "SMALLEST", 1)
    Journal(tmp_path / JOURNAL).append(some_events())
    present_registry(tmp_path, Journal(tmp_path / JOURNAL))
    assert (tmp_path / ".triage" / SNAPSHOT).is_file()
    return tmp_path


def snapshot_of(output: Path) -> Path:
    return output / ".triage" / SNAPSHOT


def later(output: Path, owner: str) -> None:
    """Somebody decides something more."""
    journal = Journal(output / JOURNAL)
    registry = mended(journal.read())
    factory = registry.event_factory(AT, "somebody else")
    journal.append([factory.make(OwnerSet, cluster="C1", owner=owner)])


def read(output: Path) -> tuple[ClusterRegistry, int]:
    """What is said now, and how often the whole journal was read for it; the same as without a snapshot."""
    journal = Reading(output / JOURNAL)
    found = present_registry(output, journal)
    whole = journal.whole
    expected = mended(Journal(output / JOURNAL).read())
    for each in fields(ClusterRegistry):
        if each.name not in ("events", "go_on"):
            assert getattr(found, each.name) == getattr(expected, each.name), each.name
    assert list(found.events) == list(expected.events)
    for cluster in expected.clusters:
        assert found.events_of(cluster) == expected.events_of(cluster)
    return found, whole


def rewrite(output: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the snapshot, and give it the digest and the mode that make it believed."""
    path = snapshot_of(output)
    body = path.read_bytes().partition(b"\n")[2]
    changed = change(body)
    assert changed != body
    path.unlink()
    path.write_bytes(hashlib.sha256(changed).hexdigest().encode() + b"\n" + changed)
    path.chmod(0o400)


def test_what_was_read_once_is_not_read_again(output: Path) -> None:
    _, whole = read(output)
    assert whole == 0


def test_what_was_appended_since_is_replayed_on_top(output: Path) -> None:
    later(output, "ada")
    later(output, "grace")
    registry, whole = read(output)
    assert (registry.clusters["C1"].owner, whole) == ("grace", 0)


def test_appending_goes_on_from_the_last_line_without_reading_the_first(output: Path) -> None:
    later(output, "ada")
    journal = Reading(output / JOURNAL)
    registry = present_registry(output, journal)
    factory = registry.event_factory(AT, "third")
    events = [factory.make(OwnerSet, cluster="C2", owner="third")]
    later(output, "grace")  # another process, in between
    journal.append(events)
    assert journal.whole == 0
    links = Journal(output / JOURNAL).load().links
    assert list(chain_faults(links)) == []
    assert [len(link.names) for link in links] == [0, *[1] * 8, 1]
    after = registry.followed_by(events)
    assert after.clusters["C2"].owner == "third"


def test_a_snapshot_that_was_deleted_is_made_again(output: Path) -> None:
    snapshot_of(output).unlink()
    assert read(output)[1] == 1
    assert read(output)[1] == 0


def test_many_later_events_make_a_new_snapshot_due(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_snapshot, "_MOST_LATER", 2)
    before = snapshot_of(output).read_bytes()
    for owner in ("a", "b", "c"):
        later(output, owner)
    assert read(output)[1] == 1
    assert snapshot_of(output).read_bytes() != before
    assert read(output)[1] == 0


def test_small_journals_have_none(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_snapshot, "SMALLEST", 1 << 20)
    snapshot_of(output).unlink()
    read(output)
    assert not snapshot_of(output).exists()


@pytest.mark.parametrize("kept", [0, 10, 65, 200, -1])
def test_a_snapshot_that_was_cut_off_is_not_believed(output: Path, kept: int) -> None:
    path = snapshot_of(output)
    data = path.read_bytes()[:kept]
    path.unlink()
    path.write_bytes(data)
    path.chmod(0o400)
    assert read(output)[1] == 1


def test_a_changed_byte_is_noticed(output: Path) -> None:
    path = snapshot_of(output)
    data = path.read_bytes().replace(b"title 2", b"title 9")
    path.unlink()
    path.write_bytes(data)
    path.chmod(0o400)
    registry, whole = read(output)
    assert (registry.clusters["C2"].title, whole) == ("title 2", 1)


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o444])
def test_a_file_as_a_checkout_brings_it_is_not_believed(output: Path, mode: int) -> None:
    rewrite(output, lambda body: body.replace(b"title 2", b"title 9"))
    snapshot_of(output).chmod(mode)
    registry, whole = read(output)
    assert (registry.clusters["C2"].title, whole) == ("title 2", 1)


def test_a_link_and_a_pipe_are_not_read(output: Path) -> None:
    path = snapshot_of(output)
    other = path.with_name("other")
    path.rename(other)
    path.symlink_to(other)
    assert read(output)[1] == 1
    path.unlink()
    os.mkfifo(path, 0o400)
    assert read(output)[1] == 1


def test_a_forged_snapshot_is_found_by_check(output: Path) -> None:
    templates = load_templates()
    name = f".triage/{SNAPSHOT}"
    assert not [fault for fault in check_project(output, templates).problems if name in str(fault)]
    later(output, "ada")
    rewrite(output, lambda body: body.replace(b"title 2", b"title 9"))
    (fault,) = [fault for fault in check_project(output, templates).problems if name in str(fault)]
    assert "says of clusters what the journal does not" in str(fault)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"v":1', b'"v":2', 1),
        lambda body: body.replace(b'"made_by":"', b'"made_by":"0', 1),
        lambda body: body.replace(b'"prefix"', b'"other"', 1),
        lambda body: body.replace(b'"highest"', b'"tallest"'),
        lambda body: b"\xff" + body,
    ],
)
def test_a_snapshot_of_another_version_is_not_understood(
    output: Path, change: Callable[[bytes], bytes]
) -> None:
    rewrite(output, change)
    assert read(output)[1] == 1


def test_another_meaning_of_the_journal_is_another_version(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_snapshot, "_made_by", lambda: "of tomorrow")
    assert read(output)[1] == 1
    assert read(output)[1] == 0
    monkeypatch.setattr(journal_snapshot, "_made_by", lambda: None)
    assert read(output)[1] == 1


def test_a_line_that_was_changed_or_removed_is_noticed(output: Path) -> None:
    path = output / JOURNAL
    whole = path.read_bytes()
    before = path.stat()
    path.write_bytes(whole.replace(b"title 2", b"title 8"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    registry, readings = read(output)
    assert (registry.clusters["C2"].title, readings) == ("title 8", 1)
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert read(output)[1] == 1
    assert read(output)[1] == 0


def test_lines_of_another_branch_are_read_with_the_whole_journal(output: Path) -> None:
    path = output / JOURNAL
    early = EventFactory("2025-01-01T00:00:00Z", "branch").make(OwnerSet, cluster="C1", owner="branch")
    Journal(path).append([early])
    later(output, "ada")
    registry, readings = read(output)
    assert (registry.clusters["C1"].owner, readings) == ("ada", 1)


def test_a_line_that_stands_there_twice_is_one_event(output: Path) -> None:
    path = output / JOURNAL
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[-1])
    read(output)


def test_marks_of_a_conflict_behind_it_are_understood(output: Path) -> None:
    path = output / JOURNAL
    before = path.read_bytes()
    later(output, "ada")
    line = path.read_bytes()[len(before) :]
    path.write_bytes(before + b"<<<<<<< ours\n" + line + b"=======\n" + line + b">>>>>>> theirs\n")
    registry, readings = read(output)
    assert (registry.clusters["C1"].owner, readings) == ("ada", 1)


@pytest.mark.parametrize("line", [b"{", b'{"event":"owner_set"}\n', b"<<<<<<< ours\n", b"\xff\n"])
def test_a_bad_line_behind_it_is_named(output: Path, line: bytes) -> None:
    path = output / JOURNAL
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(UsageError, match="line 8"):
        present_registry(output, Journal(path))


def test_an_id_that_says_something_else_later_is_refused(output: Path) -> None:
    path = output / JOURNAL
    first = some_events()[0]
    later(output, "ada")
    text = path.read_text().splitlines()[-1]
    forged = Journal(path).read()[-1].id
    assert forged in text
    path.write_text(path.read_text().replace(forged, first.id))
    with pytest.raises(UsageError, match="says something else"):
        present_registry(output, Journal(path))


def test_what_has_to_be_mended_is_not_kept(output: Path) -> None:
    snapshot_of(output).unlink()
    clash = EventFactory("2026-02-01T00:00:00Z", "branch").make(
        ClusterOpened,
        cluster="C1",
        title="other",
        stamp=STAMP,
        signatures=("reason/1:" + "f" * 16,),
        members=(),
    )
    Journal(output / JOURNAL).append([clash])
    registry, readings = read(output)
    assert registry.mending
    assert readings == 1
    assert not snapshot_of(output).exists()


def test_an_id_spelled_in_another_way_is_found(output: Path) -> None:
    path = output / JOURNAL
    path.write_bytes(path.read_bytes().replace(b'"cluster":"C2"', b'"cluster":"\\u00432"'))
    read(output)
    assert read(output)[1] == 0


def test_where_nothing_can_be_written_all_is_read_each_time(output: Path) -> None:
    snapshot_of(output).unlink()
    snapshot_of(output).mkdir()
    assert read(output)[1] == 1
    assert read(output)[1] == 1
    (output / ".triage" / ".gitignore").unlink()
    snapshot_of(output).rmdir()
    (output / ".triage").rmdir()
    (output / ".triage").write_text("in the way")
    assert read(output)[1] == 1
    assert (output / ".triage").read_text() == "in the way"
