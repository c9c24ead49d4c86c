"""STAMP folders: written once, redacted before the disk, sealed, and safe beside hostile neighbours."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import CheckError, TriageError, UsageError, VoidError
from triage.evidence import atomic, manifest
from triage.evidence.folder import EvidenceFolder

STAMP = "20261123T061000Z"


def _folder(root: Path, redact=lambda text: text) -> EvidenceFolder:
    return EvidenceFolder.create(root, "gradient-flow", "a", STAMP, redact)


def test_the_place_is_the_documented_one(tmp_path):
    folder = _folder(tmp_path)
    assert folder.relative(tmp_path) == f"reports/gradient-flow/phase_a/{STAMP}"
    assert (folder.campaign, folder.phase, folder.stamp) == ("gradient-flow", "a", STAMP)
    assert EvidenceFolder.find(tmp_path, STAMP).path == folder.path


def test_a_taken_stamp_is_refused_and_a_free_one_is_the_next_second(tmp_path):
    first = _folder(tmp_path)
    with pytest.raises(UsageError) as refusal:
        _folder(tmp_path)
    assert refusal.value.slug == "stamp-taken"
    assert str(first.path) in str(refusal.value)
    free = EvidenceFolder.create_free(tmp_path, "gradient-flow", "a", STAMP)
    assert free.stamp == "20261123T061001Z"
    assert (
        EvidenceFolder.create_free(tmp_path, "gradient-flow", "a", "20261123T235959Z").stamp
        == "20261123T235959Z"
    )
    assert (
        EvidenceFolder.create_free(tmp_path, "gradient-flow", "a", "20261123T235959Z").stamp
        == "20261124T000000Z"
    )


@pytest.mark.parametrize("campaign", ["", "..", "../x", "a/b", ".hidden", "a\nb", "-x", "x" * 101, "é"])
def test_a_campaign_cannot_leave_reports(tmp_path, campaign):
    with pytest.raises(UsageError):
        EvidenceFolder.create(tmp_path, campaign, "a", STAMP)
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    "stamp", ["", "20261123", "20261323T061000Z", "20261123T061000Z/..", "latest", "٢٠٢٦1123T061000Z"]
)
def test_only_a_moment_is_a_stamp(tmp_path, stamp):
    with pytest.raises(UsageError) as refusal:
        EvidenceFolder.create(tmp_path, "x", "a", stamp)
    assert refusal.value.slug == "bad-stamp"


@pytest.mark.parametrize("phase", ["", "A", "ab", "../a", "1"])
def test_only_a_letter_is_a_phase(tmp_path, phase):
    with pytest.raises(UsageError):
        EvidenceFolder.create(tmp_path, "x", phase, STAMP)


def test_find_says_what_there_is(tmp_path):
    with pytest.raises(UsageError, match="no runs yet"):
        EvidenceFolder.find(tmp_path, STAMP)
    _folder(tmp_path)
    with pytest.raises(UsageError, match=f"latest are {STAMP}"):
        EvidenceFolder.find(tmp_path, "20261123T061001Z")
    EvidenceFolder.create(tmp_path, "other", "b", STAMP)
    with pytest.raises(UsageError) as refusal:
        EvidenceFolder.find(tmp_path, STAMP)
    assert refusal.value.slug == "ambiguous-stamp"
    assert EvidenceFolder.find(tmp_path, STAMP, phase="b").campaign == "other"
    assert EvidenceFolder.find(tmp_path, STAMP, campaign="gradient-flow").phase == "a"


def test_redaction_reaches_every_string_and_keeps_keys_apart(tmp_path):
    folder = _folder(tmp_path, lambda text: text.replace("hunter22", "***").replace("hunter33", "***"))
    path = folder.write_json("x.json", {"hunter22": ["a hunter22", {"b": ("hunter33",)}], "hunter33": 1})
    assert json.loads(path.read_text()) == {"***": ["a ***", {"b": ["***"]}], "*** (2)": 1}
    assert folder.write_text("x.txt", "hunter22\n").read_text() == "***\n"


def test_json_is_standard_even_for_what_json_cannot_say(tmp_path):
    path = _folder(tmp_path).write_json(
        "x.json", {"v": [float("nan"), float("-inf")], "s": "\ud800\x1b", "p": Path("a")}
    )
    text = path.read_bytes().decode("ascii")
    assert json.loads(text) == {"v": ["NaN", "-Infinity"], "s": "\ud800\x1b", "p": "a"}


def test_a_name_cannot_leave_the_folder(tmp_path):
    folder = _folder(tmp_path)
    for name in ("../x", "/tmp/x", "chunks/../../x"):
        with pytest.raises(UsageError):
            folder.write_text(name, "x")


def test_a_planted_link_is_replaced_not_followed(tmp_path):
    folder = _folder(tmp_path)
    precious = tmp_path / "precious"
    precious.write_text("keep")
    (folder.path / "summary.md").symlink_to(precious)
    with pytest.raises(UsageError):
        folder.write_text("summary.md", "new")
    (folder.path / "inside").write_text("old")
    (folder.path / "link").symlink_to("inside")
    folder.write_text("link", "new")
    assert precious.read_text() == "keep"
    assert (folder.path / "inside").read_text() == "old"
    assert not (folder.path / "link").is_symlink()


def test_a_sealed_folder_takes_no_more_writes(tmp_path):
    folder = _folder(tmp_path)
    folder.write_text("a.txt", "a")
    assert not folder.sealed
    folder.seal()
    assert folder.sealed
    with pytest.raises(CheckError):
        folder.write_text("b.txt", "b")
    with pytest.raises(CheckError):
        folder.seal()


def test_the_manifest_sees_each_kind_of_damage(tmp_path):
    folder = _folder(tmp_path)
    for name in ("a.txt", "chunks/chunk_01/log", "b.txt"):
        folder.write_text(name, name)
    os.mkfifo(folder.path / "pipe")
    (folder.path / "link").symlink_to("/etc/passwd")
    folder.seal()
    assert manifest.compare(folder.path) == ()
    (folder.path / "a.txt").write_text("A.txt")
    (folder.path / "b.txt").unlink()
    (folder.path / "c.txt").write_text("c")
    (folder.path / "link").unlink()
    (folder.path / "link").symlink_to("/etc/shadow")
    found = {flaw.path: flaw.problem for flaw in manifest.compare(folder.path)}
    assert found == {
        "a.txt": "changed",
        "b.txt": "missing",
        "c.txt": "not in the manifest",
        "link": "changed",
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 2, "files": {}}', '{"files": {"a": {"sha1": "x"}}}'])
def test_a_broken_manifest_is_one_clear_line(tmp_path, text):
    folder = _folder(tmp_path)
    (folder.path / "manifest.json").write_text(text)
    with pytest.raises(CheckError) as refusal:
        manifest.compare(folder.path)
    assert refusal.value.slug == "manifest-unreadable"
    assert "\n" not in str(refusal.value)


def test_an_unsealed_folder_says_so(tmp_path):
    with pytest.raises(CheckError) as refusal:
        manifest.compare(_folder(tmp_path).path)
    assert refusal.value.slug == "not-sealed"


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "ledger.md"
    path.write_text("old")
    code = (
        "import resource, sys, signal; from pathlib import Path; from triage.evidence import atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "atomic.write_bytes(Path(sys.argv[1]), b'x' * 100000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert "[file-size-limit]" in done.stderr
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["ledger.md"]


def test_a_full_disk_takes_back_half_a_line(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"a": 1}\n')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    code = (
        "import resource, sys, signal; from pathlib import Path; from triage.evidence import atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "atomic.append_line(Path(sys.argv[1]), 'x' * 100000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert path.read_text() == '{"a": 1}\n'
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == (soft, hard)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_clear_line(tmp_path):
    (tmp_path / "reports").mkdir(mode=0o555)
    with pytest.raises(VoidError) as refusal:
        _folder(tmp_path)
    assert refusal.value.slug == "read-only"


@pytest.mark.parametrize(
    ("number", "slug"),
    [
        (errno.EROFS, "read-only"),
        (errno.EACCES, "read-only"),
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EIO, "cannot-write"),
        (errno.ENAMETOOLONG, "cannot-write"),
    ],
)
def test_each_refusal_of_the_disk_has_its_slug(number, slug):
    error = atomic.disk_error(OSError(number, os.strerror(number), "a/b"), Path("a"))
    assert (error.slug, error.exit_code) == (slug, 3)
    assert "a/b" in str(error)


def test_reports_that_is_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "reports").write_text("not a folder")
    with pytest.raises(TriageError) as refusal:
        _folder(tmp_path)
    assert "\n" not in str(refusal.value)
    assert (tmp_path / "reports").read_text() == "not a folder"


def test_a_write_keeps_the_mode_and_follows_a_link_only_when_told(tmp_path):
    target, link = tmp_path / "real.md", tmp_path / "link.md"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    atomic.write_text(link, "new", follow_symlink=True)
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    fresh = tmp_path / "fresh"
    atomic.write_text(fresh, "x")
    assert fresh.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_append_heals_a_torn_line(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": ')
    atomic.append_line(path, '{"c": 3}')
    assert path.read_bytes() == b'{"a": 1}\n{"b": \n{"c": 3}\n'


def test_appends_of_several_processes_do_not_mix(tmp_path):
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys; from pathlib import Path; from triage.evidence import atomic\n"
        "for n in range(50): atomic.append_line(Path(sys.argv[1]), sys.argv[2] * 3000 + str(n))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(path), who]) for who in "abc"]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(who * 3000 + str(n) for who in "abc" for n in range(50))


def test_a_held_folder_gives_up_with_one_line(tmp_path):
    code = (
        "import sys; from pathlib import Path; from triage.evidence import atomic\n"
        "with atomic.locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(VoidError) as refusal, atomic.locked(tmp_path, timeout=0.1):
            pass
        assert refusal.value.slug == "locked"
        child.kill()
    with atomic.locked(tmp_path, timeout=5):
        pass


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_written_is_read_back(value):
    assert json.loads(atomic.json_text(value)) == value


def test_a_link_in_the_place_of_a_stamp_folder_is_not_written_through(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    phase = tmp_path / "reports" / "c" / "phase_a"
    phase.mkdir(parents=True)
    (phase / STAMP).symlink_to(elsewhere)
    with pytest.raises(UsageError, match="outside-output"):
        EvidenceFolder.open(phase / STAMP)


def test_a_folder_is_in_use_as_long_as_its_maker_lives(tmp_path):
    script = (
        "import sys; from pathlib import Path; from triage.evidence.folder import EvidenceFolder;"
        f"EvidenceFolder.create(Path(sys.argv[1]), 'c', 'b', {STAMP!r}); print('made', flush=True); input()"
    )
    maker = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert maker.stdout.readline() == "made\n"
    (folder,) = EvidenceFolder.all(tmp_path)
    assert folder.in_use
    maker.kill()
    maker.communicate()
    assert not folder.in_use


def test_a_discarded_folder_leaves_nothing_but_what_others_wrote(tmp_path):
    kept = EvidenceFolder.create(tmp_path, "c", "a", "20260101T000000Z")
    gone = EvidenceFolder.create(tmp_path, "c", "b", "20260101T000000Z")
    gone.write_text("runs/1/pytest.log", "x")
    gone.discard()
    assert sorted(path.name for path in (tmp_path / "reports" / "c").iterdir()) == ["phase_a"]
    kept.seal()
    with pytest.raises(CheckError):
        kept.discard()
