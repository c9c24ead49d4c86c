"""A ledger that git could not merge: regions are rendered again, people's text is theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from triage.documents.merge_conflicts import conflicted_line, without_conflicts
from triage.documents.regions import scan, splice
from triage.errors import UsageError


def rendered(data: bytes, **contents: str) -> bytes:
    return splice(data, contents, "plan.md")


def merged(folder: Path, base: bytes, ours: bytes, theirs: bytes, *style: str) -> bytes:
    """What git leaves of three versions of a file."""
    names = []
    for name, data in (("ours", ours), ("base", base), ("theirs", theirs)):
        (folder / name).write_bytes(data)
        names.append(name)
    command = ["git", "merge-file", "-p", *style, *names]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout


BASE = rendered(b"# Plan\n\nOurs: 1.\n\n", clusters="| C1 |\n", attempts="none\n")


@pytest.mark.parametrize("style", [(), ("--diff3",), ("--zdiff3",)])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_conflict_inside_of_regions_is_rendered_again(tmp_path, style, newline):
    base = BASE.replace(b"\n", newline)
    ours = rendered(base, clusters="| C1 |\n| C2 ours |\n", attempts="one\n")
    theirs = rendered(base, clusters="| C1 |\n| C2 theirs |\n", attempts="two\n")
    theirs += b"A note of theirs." + newline
    data = merged(tmp_path, base, ours, theirs, *style)
    assert b"<<<<<<<" in data
    assert conflicted_line(data, "plan.md") is not None
    settled = without_conflicts(data, "plan.md")
    assert b"C2" not in settled, "neither side of a view is kept"
    after = rendered(settled, clusters="| C1 |\n| C2 |\n| C3 |\n", attempts="both\n")
    expected = rendered(base, clusters="| C1 |\n| C2 |\n| C3 |\n", attempts="both\n")
    assert after == expected + b"A note of theirs." + newline


def test_a_region_that_only_one_branch_has_is_made_again(tmp_path):
    ours, theirs = rendered(BASE, one="1\n"), rendered(BASE, two="2\n")
    settled = without_conflicts(merged(tmp_path, BASE, ours, theirs), "plan.md")
    after = rendered(settled, clusters="| C1 |\n", one="1\n", two="2\n")
    assert [region.name for region in scan(after, "plan.md")] == ["clusters", "attempts", "one", "two"]
    assert b"<<<<<<<" not in after


def test_differing_text_of_people_beside_a_region_is_theirs_to_settle(tmp_path):
    ours = rendered(BASE, clusters="ours\n").replace(b"Ours: 1.\n\n", b"Ours: 2.\n")
    theirs = rendered(BASE, clusters="theirs\n").replace(b"Ours: 1.\n\n", b"Ours: 3.\n")
    data = merged(tmp_path, BASE, ours, theirs)
    with pytest.raises(UsageError, match="reaches into text outside") as refusal:
        without_conflicts(data, "plan.md")
    assert refusal.value.slug == "merge-conflict"


@pytest.mark.parametrize(
    "text",
    [
        "```\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> other\n```\n",
        "<<<<<<< HEAD\nno end\n",
        "Title\n=======\n",
    ],
)
def test_text_that_touches_no_region_stays_to_the_byte(text):
    data = BASE + text.encode()
    assert without_conflicts(data, "plan.md") == data
    assert conflicted_line(data, "plan.md") is None
