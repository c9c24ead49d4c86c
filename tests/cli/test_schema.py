"""`triage schema`, the documents of --json held to it, their pages, and errors as documents."""

from __future__ import annotations

import json

import click
import jsonschema
import pytest

from triage.cli.app import TABLE, group
from triage.cli.json_documents.registry import DOCUMENTS
from triage.cli.json_documents.schema import schema_of

OTHER_OUTPUT = {"mcp"}
"""Commands with no document of their own."""


def commands_with_json():
    context = click.Context(group)
    for name in TABLE:
        command = group.get_command(context, name)
        if any("--json" in parameter.opts for parameter in command.params):
            yield name


def test_every_command_with_json_has_a_schema():
    assert set(commands_with_json()) - set(DOCUMENTS) == set()


def test_every_schema_is_of_a_command():
    assert set(DOCUMENTS) - {"error"} - set(commands_with_json()) == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schemas_are_valid_and_say_the_version(name):
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    for form in schema.get("anyOf", [schema]):
        assert "schema_version" in form["required"]


def closed(schema):
    """The schema with nothing beside what it names, so that a field without a model shows."""
    if isinstance(schema, dict):
        changed = {key: closed(value) for key, value in schema.items()}
        is_open = schema.get("title") == "ShownEvent"  # an event has the fields of its kind
        if "properties" in schema and not is_open:
            changed["additionalProperties"] = False
        return changed
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


LOOKS = [
    ("results",), ("results", "--only", "failed"), ("clusters",), ("clusters", "--all"), ("explain", "C19"),
    ("explain", "C19", "tests/test_a.py::test_fails"), ("explain", "C20", "tests/test_a.py::test_fails"),
    ("show", "C19"), ("status",), ("next",), ("flaky",), ("history", "tests/test_a.py::test_fails"),
    ("config",), ("doctor",), ("check",), ("schema",), ("quarantine",), ("init",),
]  # fmt: skip


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_documents_hold_to_their_schema(ran, words):
    document = ran.triage(*words, "--json").json
    jsonschema.validate(document, closed(schema_of(words[0])))


def test_a_run_holds_to_its_schema(ran):
    jsonschema.validate(ran.said.json, closed(schema_of("run")))
    stamp = ran.stamp
    jsonschema.validate(ran.triage("diff", stamp, stamp, "--json").json, closed(schema_of("diff")))


def test_clusters_of_a_run_that_the_journal_does_not_know(project):
    project.file("test_a.py", "def test_red():\n    assert [] == [1]\n")
    project.triage("run", "--no-ledgers")
    (cluster,) = project.triage("clusters", "--json").json["clusters"]
    assert cluster["cause"] is None


def test_fields_have_their_sentences():
    fields = schema_of("results")["properties"]
    assert fields["void"]["description"] == "Why the run can answer nothing."
    assert schema_of("clusters")["$defs"]["ClusterRow"]["properties"]["aliases"]["description"]


def test_pages_join_to_the_whole(ran):
    whole = ran.triage("results", "--json").json
    rows, cursor = [], []
    while True:
        page = ran.triage("results", "--json", "--limit", "2", *cursor).json
        assert page["total"] == len(whole["results"])
        assert page["counts"] == whole["counts"]
        rows += page["results"]
        if page["next_cursor"] is None:
            break
        cursor = ["--cursor", page["next_cursor"]]
    assert rows == whole["results"]


def test_a_page_is_of_the_run_of_the_page_before(project):
    project.file("test_a.py", "def test_one():\n    pass\n\ndef test_two():\n    pass\n")
    assert project.triage("run", "--stamp", "20260101T000000Z").code == 0
    first = project.triage("results", "--json", "--limit", "1").json
    project.file("test_a.py", "def test_other():\n    pass\n")
    assert project.triage("run", "--stamp", "20260102T000000Z").code == 0
    second = project.triage("results", "--json", "--cursor", first["next_cursor"]).json
    assert second["stamp"] == "20260101T000000Z"
    assert [row["nodeid"] for row in second["results"]] == ["test_a.py::test_two"]


def test_only_the_named_fields(ran):
    rows = ran.triage("results", "--json", "--fields", "nodeid,outcome").json["results"]
    assert {tuple(row) for row in rows} == {("nodeid", "outcome")}
    rows = ran.triage("clusters", "--json", "--fields", "id").json["clusters"]
    assert rows[0] == {"id": "C19"}


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("results", "--fields", "colour"), "bad-field"),
        (("results", "--cursor", "page two"), "bad-cursor"),
        (("results", "--cursor", "+-1"), "bad-cursor"),
        (("results", "20200101T000000Z"), "no-such-stamp"),
        (("show", "C999"), "unknown-cluster"),
        (("schema", "resulst"), "no-such-schema"),
        (("results", "--no-such-option"), "usage"),
    ],
)
def test_an_error_is_a_document_too(ran, words, slug):
    plain = ran.triage(*words)
    said = ran.triage(*words, "--json")
    jsonschema.validate(said.json, schema_of("error"))
    assert said.json["error"]["slug"] == slug
    assert said.json["exit_code"] == said.code == plain.code != 0
    assert plain.out == ""
    assert said.err == plain.err


def test_json_behind_the_dashes_is_pytests(project):
    said = project.triage("run", "--shard", "nonsense", "--", "--json")
    assert said.code == 2
    assert said.out == ""


def test_the_list_of_schemas(ran):
    listed = ran.triage("schema", "--json").json["schemas"]
    assert [row["name"] for row in listed] == list(DOCUMENTS)
    assert json.loads(ran.triage("schema", "status").out) == schema_of("status")
