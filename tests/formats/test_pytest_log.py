"""Terminal logs as real sessions and build servers write them: styles, colours, prefixes, line ends."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.errors import UsageError
from triage.formats.importer import read
from triage.formats.input_text import unprefixed
from triage.model.run import RunRecord
from triage.signature.api import signatures_of

Take = Callable[..., RunRecord]
SUITE = """
import pytest, sys
from product import divide

def test_passes(): print("fine")
def test_compares():
    print("====== FAILURES ======")
    print("2024-01-01 10:00:00 a time of its own", file=sys.stderr)
    assert divide(4, 2) == 3
@pytest.mark.parametrize("text", ["a-b", "a::b", "[x]", "s p", "a - b"])
def test_texts(text): assert text == "z"
def test_raises(): divide(1, 0)
@pytest.fixture
def broken(): raise RuntimeError("the fixture is broken")
def test_setup(broken): pass
@pytest.mark.skip(reason="never")
def test_skipped(): pass
@pytest.mark.xfail
def test_expected(): assert 0
@pytest.mark.xfail
def test_unexpected(): pass
"""
RED = {
    "test_compares",
    "test_raises",
    "test_setup",
    *(f"test_texts[{x}]" for x in ("a-b", "a::b", "[x]", "s p")),
}
RED |= {"test_texts[a - b]"}


def session(folder: Path, *options: str) -> str:
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "product.py").write_text("def divide(a, b):\n    return a / b\n")
    (folder / "tests" / "test_it.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONPATH": str(folder), "COLUMNS": "200", **NO_FOREIGN_PLUGINS},
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout


def names_of(record: RunRecord) -> set[str]:
    return {failure.nodeid.partition("::")[2] for failure in record.failures}


@pytest.fixture(scope="module")
def verbose(tmp_path_factory: pytest.TempPathFactory) -> str:
    return session(tmp_path_factory.mktemp("verbose"), "-v", "--tb=short", "--color=yes")


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("-q",),
        ("-rA", "--color=yes"),
        ("-v", "--tb=line"),
        ("-q", "--tb=no"),
        ("-v", "--tb=native"),
        ("-v", "-p", "xdist", "-n1"),
    ],
    ids=" ".join,
)
def test_every_style_names_the_same_failures(take: Take, tmp_path: Path, options: tuple[str, ...]) -> None:
    if "-n1" in options:
        pytest.importorskip("xdist")
    record = take(session(tmp_path, *options))
    assert names_of(record) == RED
    assert (record.counts.failed, record.counts.error) == (7, 1)
    assert record.complete
    types = {f.nodeid.partition("::")[2].partition("[")[0]: f.exception for f in record.failures}
    assert types == {
        "test_compares": "AssertionError", "test_texts": "AssertionError", "test_raises": "ZeroDivisionError",
        "test_setup": "RuntimeError",
    }  # fmt: skip
    if options[0] in ("-v", "-rA"):
        passed = {result.nodeid for result in record.results if result.outcome.value == "passed"}
        assert passed == {"tests/test_it.py::test_passes"}
        assert (record.counts.xfailed, record.counts.xpassed) == (1, 1)


PREFIXES = {
    "github": "2024-01-01T00:00:00.1234567Z ",
    "gitlab": "2024-01-01T00:00:00.123456Z 01O ",
    "jenkins": "[2024-01-01T00:00:00.123Z] ",
    "teamcity": "[12:01:30] : ",
    "container": "#12 3.456 ",
    "buildkite": "\x1b_bk;t=1700000000123\x07",
}


@pytest.mark.slow
def test_a_build_servers_prefix_changes_nothing(take: Take, verbose: str) -> None:
    plain = take(verbose)
    assert names_of(plain) == RED
    for server, prefix in PREFIXES.items():
        text = "".join(f"{prefix}{line}\n" for line in verbose.splitlines())
        found = take(text)
        assert found.counts == plain.counts, server
        assert [signatures_of(f) for f in found.failures] == [signatures_of(f) for f in plain.failures], (
            server
        )
        assert found.complete, server
    section = "section_start:1700000000:step_script\r\x1b[0K\x1b[36;1mRun\x1b[0;m\r\n"
    folded = section + verbose.replace("\n", "\r\n") + "section_end:1700000001:step_script\r\x1b[0K\r\n"
    assert take(folded).counts == plain.counts


def test_a_time_that_a_line_has_of_its_own_stays() -> None:
    bare = unprefixed("=== test session starts ===\n2024-01-01 10:00:00 INFO ready\nplain\nplain\n")
    assert bare("2024-01-01 10:00:00 INFO ready") == "2024-01-01 10:00:00 INFO ready"
    always = unprefixed("2024-01-01T00:00:00.1Z a\n2024-01-01T00:00:00.1Z b\n")
    assert always("2024-01-01T00:00:00.1Z 2024-01-01 10:00:00 INFO ready") == "2024-01-01 10:00:00 INFO ready"
    assert always("a line that was wrapped") == "a line that was wrapped"


def test_logs_beside_allure_results_are_no_reports(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "allure"
    folder.mkdir()
    (folder / "1-result.json").write_text(
        '{"uuid": "1", "name": "test_a", "fullName": "tests.test_a#test_a", "status": "passed"}'
    )
    (folder / "2-attachment.txt").write_text("====== FAILURES ======\n____ test_x ____\nE   boom\n")
    record = take(folder)
    assert Counter(result.outcome.value for result in record.results) == {"passed": 1}
    assert record.complete
    assert "allure: attachments of Allure results" in record.notes


def test_a_log_that_begins_with_a_bracket_is_no_json(take: Take) -> None:
    lines = ("==== short test summary info ====", "FAILED a.py::b - ValueError: x")
    text = "".join(f"[2024-01-01T00:00:00Z] {line}\n" for line in lines)
    (failure,) = take(text).failures
    assert (failure.nodeid, failure.exception, failure.message) == ("a.py::b", "ValueError", "x")


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    """A circle of links ends, and what links lead to outside of the folder is left alone."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    (tmp_path / "out.log").write_text("FAILED a.py::outside - ValueError: x\n")
    (tmp_path / "in" / "out.log").symlink_to(tmp_path / "out.log")
    (tmp_path / "in" / "own.log").write_text("FAILED a.py::inside - ValueError: x\n")
    record = read([tmp_path / "in"], root=tmp_path, stamp="S")
    assert [failure.nodeid for failure in record.failures] == ["a.py::inside"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("name", ["verbose.log", "quiet.log", "report.json", "reportlog.jsonl"])
def test_what_a_shell_wrote_in_another_encoding(
    take: Take, sample: Callable[[str], Path], name: str, encoding: str
) -> None:
    text = sample(name).read_text("utf-8")
    plain, other = take(text), take(text.encode(encoding))
    assert other.counts == plain.counts
    assert other.failures == plain.failures


def test_a_refusal_says_what_was_wrong_with_the_file(take: Take) -> None:
    whole = gzip.compress(b"<testsuite/>" * 9000)
    with pytest.raises(UsageError, match="cannot be read to its end"):
        take(whole[:20])
    with pytest.raises(UsageError, match="a zip archive: unpack it first"):
        take(b"PK\x03\x04" + b"\0" * 40)
