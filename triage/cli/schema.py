"""`triage schema`: JSON Schemas of what --json prints."""

from __future__ import annotations

import difflib
import json

import click

from triage.cli.context import App, app_command, examples
from triage.errors import UsageError


@app_command(epilog=examples("triage schema", "triage schema results > results.schema.json"))
@click.argument("name", required=False)
def schema_command(app: App, name: str | None) -> None:
    """List the documents that --json prints, or print the JSON Schema (2020-12) of one.

    NAME is a command, or `error`: what any command prints with --json where it fails. A document may get
    further fields; `schema_version` rises where one goes away or changes its meaning. With --fields, rows
    have the named fields alone.
    """
    from triage.cli.json_documents.project import SchemaRow, SchemasDocument
    from triage.cli.json_documents.registry import DOCUMENTS
    from triage.cli.json_documents.schema import schema_of, title_of

    if name is None:
        rows = tuple(SchemaRow(name=each, title=title_of(each)) for each in DOCUMENTS)
        app.emit(SchemasDocument(schemas=rows))
        for row in rows:
            app.say(f"{row.name:<11} {row.title}")
        return
    if name not in DOCUMENTS:
        near = difflib.get_close_matches(name, DOCUMENTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "'triage schema' lists them"
        raise UsageError("no-such-schema", f"there is no document {name!r}", hint)
    # the schema is a document itself, so --json changes nothing
    click.echo(json.dumps(schema_of(name), indent=2))
