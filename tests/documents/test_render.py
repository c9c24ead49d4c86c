"""Templates: shipped ones are found, a team's own replace them, broken ones are one clear line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from triage.documents.render import earlier_templates, load_templates
from triage.documents.template_engine import Source, render
from triage.errors import UsageError
from triage.model.claim import Artifact


def test_every_shipped_template_parses():
    texts = load_templates()
    assert {"summary.md.j2", "design.md.j2", "verify.md.j2", "plan.md.j2", "report.html.j2"} <= texts.keys()
    documents = [name for name in texts if not name.startswith("ci/")]  # pipelines show no evidence
    for name in documents:
        with pytest.raises(UsageError) as refusal:
            render(name, {"nothing": Source(Artifact(path="x", sha256=""), {})}, texts, document="x")
        assert "undefined" in str(refusal.value), name


def test_a_teams_folder_replaces_by_name(tmp_path):
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger/tracker.md.j2").write_text("ours")
    (tmp_path / "more.j2").write_text("more")
    texts = load_templates(tmp_path)
    assert texts["ledger/tracker.md.j2"] == "ours"
    assert texts["more.j2"] == "more"
    assert texts["summary.md.j2"] == load_templates()["summary.md.j2"]


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError) as refusal:
        load_templates(tmp_path / "absent")
    assert refusal.value.slug == "no-templates"
    (tmp_path / "bad.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError) as refusal:
        load_templates(tmp_path)
    assert refusal.value.slug == "bad-template"
    assert "bad.j2" in str(refusal.value)


def test_earlier_templates_take_the_place_of_those_that_replaced_them():
    texts = {"a.md.j2": "new", "b.md.j2": "b", "earlier/1/a.md.j2": "oldest", "earlier/2/a.md.j2": "old"}
    assert [(known["a.md.j2"], known["b.md.j2"]) for known in earlier_templates(texts)] == [
        ("old", "b"),
        ("oldest", "b"),
    ]


def test_the_templates_of_every_release_are_kept():
    """Whoever changes a released template keeps it in `templates/earlier/`: old documents need it."""
    tags = _git("tag", "--list", "v*").split()
    if not tags:
        pytest.skip("nothing is released yet")
    known = set(load_templates().values())
    for tag in tags:
        for name in _git("ls-tree", "-r", "--name-only", tag, "templates").split():
            if name.endswith(".j2"):
                assert _git("show", f"{tag}:{name}") in known, f"{name} of {tag} is not in templates/earlier/"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parents[2]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
