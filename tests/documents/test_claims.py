"""Claims: a planted digit, a missing artifact, a number without evidence are each found, by line."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.documents.claims import check_document, sidecar_of
from triage.documents.render import write_document
from triage.evidence.atomic import write_json, write_text

TEMPLATE = """# Loss

Loss {{ e.loss | num('.2f') }}, {{ e.rows | count | num }} rows: {{ e.rows | listed('code') }}.
{{ e.log | block }}
Done in 1 go.
"""
DATA = {"loss": 983760.6858, "rows": ["a", "b"], "log": "x 1\ny 2"}


@pytest.fixture
def document(tmp_path):
    """A document with its claims in a project."""
    folder = tmp_path / "reports/x/phase_b/20261123T061000Z"
    folder.mkdir(parents=True)
    write_json(folder / "e.json", DATA)
    path = folder / "doc.md"
    write_document(tmp_path, path, "t.md.j2", {"e": folder / "e.json"}, {"t.md.j2": TEMPLATE})
    return path


def _problems(root, path):
    return [(problem.line, problem.what) for problem in check_document(root, path)[0]]


def test_a_rendered_document_holds(tmp_path, document):
    assert check_document(tmp_path, document) == ([], 5)


@pytest.mark.parametrize(
    ("change", "line", "word"),
    [
        (("983760.69", "983761.69"), 3, "983760.69"),
        (("2 rows", "3 rows"), 3, "count"),
        (("`b`", "`c`"), 3, "`b`"),
        (("y 2", "y 3"), 4, "y 2"),
        (("1 go", "2 go"), 8, "no claim"),
        (("# Loss", "# Loss of 7"), 1, "7"),
        (("# Loss", "# Gain"), 0, "by hand"),
        (("Done", "99 done"), 8, "99"),
        (("Loss 9", "Loss -9"), 3, "983760.69"),
    ],
)
def test_each_change_is_found_where_it_is(tmp_path, document, change, line, word):
    old, new = change
    text = document.read_text()
    assert text.count(old) == 1
    write_text(document, text.replace(old, new))
    found = [(at, what) for at, what in _problems(tmp_path, document) if at == line]
    assert found
    assert any(word in what for _, what in found)


def test_evidence_that_changed_or_went_is_named(tmp_path, document):
    artifact = document.parent / "e.json"
    write_json(artifact, {**DATA, "loss": 1.0})
    problems = _problems(tmp_path, document)
    assert any("is not the one" in what for _, what in problems)
    artifact.unlink()
    assert any("e.json is missing" in what for _, what in _problems(tmp_path, document))


def test_changing_document_evidence_and_hash_together_still_fails(tmp_path, document):
    """Whoever changes a figure in the artifact and mends its hash has changed every statement from it."""
    artifact = document.parent / "e.json"
    write_json(artifact, {**DATA, "loss": 1.0})
    sidecar = json.loads(sidecar_of(document).read_text())
    sidecar["sources"]["e"]["sha256"] = hashlib.sha256(artifact.read_bytes()).hexdigest()
    write_json(sidecar_of(document), sidecar)
    assert any("'1.00'" in what for _, what in _problems(tmp_path, document))


@pytest.mark.parametrize("path", ["../../outside.json", "/etc/passwd"])
def test_claims_cannot_read_outside_of_the_project(tmp_path, document, path):
    sidecar = json.loads(sidecar_of(document).read_text())
    sidecar["sources"]["e"]["path"] = path
    write_json(sidecar_of(document), sidecar)
    assert any("outside of the project" in what for _, what in _problems(tmp_path, document))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"v": 2}', "\xff"])
def test_broken_claims_are_one_line(tmp_path, document, text):
    sidecar_of(document).write_text(text, encoding="latin-1")
    ((_, what),) = _problems(tmp_path, document)
    assert "unreadable" in what
    assert "\n" not in what


def test_a_missing_document_is_named(tmp_path, document):
    document.unlink()
    assert _problems(tmp_path, document) == [(0, "the document is missing")]


def test_a_document_that_moved_is_not_the_one_of_its_claims(tmp_path, document):
    for path in (document, sidecar_of(document)):
        path.rename(path.with_name(path.name.replace("doc", "other")))
    assert any("recorded for" in what for _, what in _problems(tmp_path, document.with_name("other.md")))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_single_changed_digit_is_found(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("claims")
    write_json(root / "e.json", DATA)
    path = root / "doc.md"
    write_document(root, path, "t.md.j2", {"e": root / "e.json"}, {"t.md.j2": TEMPLATE})
    text = path.read_text()
    places = [at for at, char in enumerate(text) if char.isdigit()]
    at = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != text[at]]))
    write_text(path, text[:at] + digit + text[at + 1 :])
    problems = _problems(root, path)
    assert problems
    assert problems[0][0] > 0
