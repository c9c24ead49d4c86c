"""Files that lie, bomb, break off or never end: a clear error, or what can be saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.formats.limits import Limits
from triage.formats.xml_stream import READ_BYTES
from triage.model.outcome import Outcome
from triage.model.run import RunRecord

Take = Callable[..., RunRecord]
Sample = Callable[[str], Path]

CASE = (
    '<testcase classname="tests.test_a" name="test_{n}">'
    '<failure message="boom {n}">E   ValueError: boom {n}</failure></testcase>'
)
LATIN = "latin-1"
SAYS = "<?xml version='1.0' encoding='{}'?>"
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE testsuite [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><testsuite><testcase name="&c;"/></testsuite>'
)
EXTERNAL = '<!DOCTYPE testsuite SYSTEM "file:///etc/passwd"><testsuite><testcase name="a"/></testsuite>'
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&e;"/></testsuite>'


def notes(record: RunRecord) -> str:
    return " | ".join(record.notes)


@pytest.mark.parametrize("bomb", [LAUGHS, EXTERNAL, ENTITY])
def test_a_document_type_is_refused_whole(take: Take, bomb: str) -> None:
    with pytest.raises(UsageError, match="refused: it declares a document type") as error:
        take(bomb)
    assert error.value.slug == "no-report"
    assert "\n" not in str(error.value)


def test_a_refused_file_spoils_no_other(take: Take) -> None:
    record = take(LAUGHS, f"<testsuite>{CASE.format(n=1)}</testsuite>")
    assert len(record.results) == 1
    assert "refused" in notes(record)


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        (f"<testsuite>{CASE.format(n=1)}</testsuite> junk & more", ["test_1"], "behind the root"),
        (
            f"<testsuite>{CASE.format(n=1)}</testsuite><testsuite>{CASE.format(n=2)}</testsuite>",
            ["test_1", "test_2"],
            "behind the root",
        ),
        (f"<testsuites>{CASE.format(n=1)}{CASE.format(n=2)}", ["test_1", "test_2"], "does not end"),
        (f"<testsuite>{CASE.format(n=1)}<testcase name='x'><failure>a & b", ["test_1"], "damage"),
        (
            f"<testsuite><testcase name='bad'>&nbsp;</testcase>{CASE.format(n=2)}</testsuite>",
            ["bad", "test_2"],
            "",
        ),
        (f"<testsuite></wrong>{CASE.format(n=3)}</testsuite>", ["test_3"], "damage"),
    ],
)
def test_damage_costs_what_is_damaged(take: Take, text: str, names: list[str], said: str) -> None:
    record = take(text)
    assert [result.nodeid.rpartition("::")[2] for result in record.results] == names
    assert said in notes(record)


@pytest.mark.parametrize("split_at", range(-1, len("</oops>") + 2))
def test_damage_across_read_buffers(take: Take, split_at: int) -> None:
    """The damage lies where one read ends and the next begins."""
    before, damage = f"<testsuite>{CASE.format(n=1)}", "</oops>"
    padding = " " * (READ_BYTES - split_at - len(before))
    record = take(f"{before}{padding}{damage}{CASE.format(n=2)}</testsuite>")
    assert [result.nodeid.rpartition("::")[2] for result in record.results] == ["test_1", "test_2"]
    assert "damage" in notes(record)


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        ("<testsuite><testcase name='täst'/></testsuite>".encode("utf-8-sig"), False),
        ("<testsuite><testcase name='täst'/></testsuite>".encode("utf-16"), False),
        (
            f"{SAYS.format('ISO-8859-1')}<testsuite><testcase name='täst'/></testsuite>".encode("latin-1"),
            False,
        ),
        (
            f"{SAYS.format('utf-8')}<testsuite><testcase name='täst'/></testsuite>".encode("latin-1"),
            True,
        ),
        (f"{SAYS.format('no-such')}<testsuite><testcase name='test'/></testsuite>".encode(), False),
        (f"{SAYS.format('utf-16')}<testsuite><testcase name='test'/></testsuite>".encode(), False),
        (f"{SAYS.format('rot13')}<testsuite><testcase name='test'/></testsuite>".encode(), False),
        (b"<testsuite><testcase name='a\x00\x08b\x1b'/></testsuite>", True),
    ],
)
def test_encodings_that_lie_cost_characters_and_not_the_file(take: Take, data: bytes, lost: bool) -> None:
    record = take(data)
    assert len(record.results) == 1
    assert record.results[0].nodeid[:1] in "ta"
    assert ("characters" in notes(record)) is lost


def test_deep_nesting_is_bounded(take: Take) -> None:
    deep = "<a>" * 200_000
    record = take(f"<testsuite>{CASE.format(n=1)}{deep}{'</a>' * 200_000}{CASE.format(n=2)}</testsuite>")
    assert len(record.results) == 2
    assert "nested deeper than 64" in notes(record)


def test_every_limit_counts_what_it_drops(take: Take) -> None:
    cases = "".join(CASE.format(n=n) for n in range(50))
    few = take(f"<testsuite>{cases}</testsuite>", limits=Limits(results=10))
    assert len(few.results) == 10
    assert "rows beyond 10 (40 times)" in notes(few)
    short = take(f"<testsuite>{cases}</testsuite>", limits=Limits(elements=21))
    assert len(short.results) == 10
    assert "what lies behind 21 elements" in notes(short)
    cut = take(f"<testsuite>{cases}</testsuite>", limits=Limits(file_bytes=100))
    assert "what lies behind 100 bytes" in notes(cut)
    long = take(
        f"<testsuite><testcase name='a'><failure>{'x' * 5000}</failure></testcase></testsuite>",
        limits=Limits(field_chars=100),
    )
    assert len(long.failures[0].longrepr) < 400
    assert "middle was cut" in notes(long)


FILE_BYTES = 24 << 20
GIANT = f"""
import sys, resource
from pathlib import Path
from triage.formats.importer import read
from triage.formats.limits import Limits
from triage.formats.xml_stream import READ_BYTES
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
limits = Limits(file_bytes={FILE_BYTES}, elements=100_000)
record = read([Path(sys.argv[1])], root=Path("/nowhere"), stamp="S", limits=limits)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
print(" | ".join(record.notes))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "block", "said"),
    [
        (b"<testsuite><testcase name='a'><failure>", b"x" * (1 << 20), f"behind {FILE_BYTES:,} bytes"),
        (b"<testsuite><testcase name='", b"x" * (1 << 20), "longer than 16,777,216 bytes"),
        (
            b"<testsuite>",
            b"<testcase classname='tests.test_a' name='t'/>" * 20_000,
            "behind 100,000 elements",
        ),
        (b"<testsuite>", b"\0" * (1 << 20), f"behind {FILE_BYTES:,} bytes"),
    ],
    ids=["one text", "one attribute", "many cases", "zeros"],
)
def test_a_giant_is_read_in_bounded_memory(tmp_path: Path, head: bytes, block: bytes, said: str) -> None:
    """A process of its own, whose memory is measured, reads more than it may."""
    path = tmp_path / "giant.xml"
    with path.open("wb") as stream:
        stream.write(head)
        while stream.tell() < 2 * FILE_BYTES:
            stream.write(block)
    shell = subprocess.run(
        [sys.executable, "-c", GIANT, str(path)], capture_output=True, text=True, timeout=300, check=False
    )
    path.unlink()
    assert shell.returncode == 0, shell.stderr[-2000:]
    megabytes, _, noted = shell.stdout.partition("\n")
    assert int(megabytes) < 250
    assert said in noted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a report at all\n",
        "{}",
        "[]",
        '{"a": ' * 50_000,
        "\x00\x01\x02" * 100,
        "<html><body>404</body></html>",
        "PASSED all good, says nobody",
        '{"name": "package.json", "version": "1.0"}',
    ],
)
def test_what_is_no_report_is_one_clear_line(take: Take, text: str) -> None:
    with pytest.raises(UsageError, match="no test report in") as error:
        take(text)
    assert "\n" not in str(error.value)


def test_a_path_that_is_not_there_or_no_file(take: Take, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        take(tmp_path / "gone.xml")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="neither file nor folder"):
        take(pipe)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no test report"):
        take(tmp_path / "empty")


def test_links_out_of_a_folder_are_not_followed(take: Take, tmp_path: Path) -> None:
    (tmp_path / "outside.xml").write_text(f"<testsuite>{CASE.format(n=9)}</testsuite>")
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "in.xml").write_text(f"<testsuite>{CASE.format(n=1)}</testsuite>")
    (folder / "link.xml").symlink_to(tmp_path / "outside.xml")
    (folder / "loop").symlink_to(folder)
    assert [r.nodeid for r in take(folder).results] == ["tests/test_a.py::test_1"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_spoils_no_other(take: Take, tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text("<testsuite/>")
    secret.chmod(0)
    record = take(secret, f"<testsuite>{CASE.format(n=1)}</testsuite>")
    assert len(record.results) == 1


def test_a_truncated_archive_gives_what_it_has(take: Take, tmp_path: Path) -> None:
    import gzip

    whole = gzip.compress(f"<testsuite>{''.join(CASE.format(n=n) for n in range(9000))}</testsuite>".encode())
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[: len(whole) // 2])
    record = take(path, f"<testsuite>{CASE.format(n='other')}</testsuite>")
    assert any(result.nodeid.endswith("test_other") for result in record.results)
    assert not record.complete


@pytest.mark.parametrize("name", ["report.json", "ctrf.json"])
def test_a_json_report_that_is_cut_gives_its_whole_tests(take: Take, sample: Sample, name: str) -> None:
    data = sample(name).read_bytes()
    record = take(data[: len(data) * 2 // 3])
    assert not record.complete
    assert 0 < len(record.results) < 13
    assert "were saved" in notes(record)


def test_json_of_the_wrong_types(take: Take) -> None:
    tests = [
        None, 3, "x", [], {}, {"nodeid": 3}, {"nodeid": "a::b"}, {"nodeid": "a::c", "outcome": []},
        {"nodeid": "a::d", "outcome": "failed", "call": [1]},
        {"nodeid": "a::e", "outcome": "failed",
         "call": {"outcome": "failed", "longrepr": {"x": 1}, "crash": 0}},
        {"nodeid": "a::f", "outcome": "failed",
         "call": {"outcome": "failed", "log": [1, {}], "duration": "x"}},
    ]  # fmt: skip
    record = take(
        json.dumps({"summary": 1, "tests": tests, "collectors": [1, {"outcome": "failed"}], "exitcode": 9})
    )
    assert {"a::b", "a::c", "a::d", "a::e", "a::f"} == {result.nodeid for result in record.results}
    assert "without a node id (6 times)" in notes(record)
    assert "exit code 9" in notes(record)


def test_no_text_can_act_as_a_terminal_escape(take: Take) -> None:
    escapes = "\\u001b]0;owned\\u0007\\u001b[2J\\u001b[31mred\\u009b31m"
    call = f'{{"outcome": "failed", "longrepr": "E   {escapes}", "stdout": "{escapes}"}}'
    test = f'{{"nodeid": "a::b", "outcome": "failed", "call": {call}}}'
    text = f'{{"summary": {{}}, "exitcode": 1, "tests": [{test}]}}'
    dumped = take(text).model_dump_json()
    assert "\\u001b" not in dumped
    assert "\x1b" not in dumped
    assert "red" in dumped


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_a_real_report_raises(take: Take, sample: Sample, data: st.DataObject) -> None:
    """Bytes cut out, doubled or replaced anywhere: read, or refused in one line."""
    name = data.draw(
        st.sampled_from(["junit2.xml", "report.json", "reportlog.jsonl", "ctrf.json", "quiet.log"])
    )
    text = bytearray(sample(name).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 400))
        text[at : at + length] = data.draw(st.binary(max_size=12))
    try:
        record = take(bytes(text))
    except UsageError:
        return  # refused as a whole, which the tests above look at
    assert record.counts.adds_up
    assert all(result.failures for result in record.results if result.outcome is Outcome.FAILED)
