"""A hook of mkdocs: the start page is the README, and the reference is made from the code.

Commands come from click, settings from their model, documents from their schemas, events from theirs, the
Python API from its docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from triage.cli.app import TABLE, group
from triage.cli.json_documents.registry import DOCUMENTS
from triage.cli.json_documents.schema import schema_of, title_of
from triage.cli.project import setting_descriptions
from triage.config import Settings
from triage.model import journal

ROOT = Path(__file__).resolve().parents[1]
OWN_REPORT = ROOT / "build/own/own-report.html"
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]*\)")
"""A link from docs/ to the rest of the checkout, which the site does not have."""
_FROM_README = re.compile(r"\]\(docs/([^)]+)\)")
_ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?![a-z-]+\.md|https?:|#)[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    pages = {
        "index.md": start_page(),
        "reference/commands.md": "\n".join(commands()),
        "reference/settings.md": "\n".join(settings()),
        "reference/documents.md": "\n".join(documents()),
        "reference/journal.md": "\n".join(events()),
        "reference/python.md": "\n".join(python_api()),
    }
    pages["own-run.md"] = own_run()
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    if OWN_REPORT.is_file():
        files.append(File.generated(config, OWN_REPORT.name, abs_src_path=str(OWN_REPORT)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name files of the checkout without a link."""
    return _OUTSIDE.sub(r"\1", markdown)


def own_run() -> str:
    """The report of this project's own quick tests, where `make own` has recorded a run of them."""
    heading = "# The report of this project's own tests\n\n"
    if not OWN_REPORT.is_file():
        return (
            f"{heading}This site was built without one: `make own docs` records a run and builds it again.\n"
        )
    return f"{heading}[The HTML report]({OWN_REPORT.name}) of its quick tests, run by `triage run`.\n"


def start_page() -> str:
    """The README, whose links are seen from docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return _ELSEWHERE.sub(r"\1", _FROM_README.sub(r"](\1)", text))


def commands() -> Iterator[str]:
    """Each command with its help, as `triage NAME --help` prints it."""
    yield "# Commands\n"
    context = click.Context(group, info_name="triage")
    for name in TABLE:
        command = group.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context, max_content_width=100)
        yield f"## triage {name}\n\n```text\n{command.get_help(own)}\n```\n"


def settings() -> Iterator[str]:
    """Each setting with its default and its sentence."""
    yield "# Settings\n\n`[tool.triage]` in `pyproject.toml`, then `TRIAGE_*` variables, then flags.\n"
    yield "| setting | default | |\n| --- | --- | --- |"
    for name, sentence in setting_descriptions().items():
        default = Settings.model_fields[name].get_default(call_default_factory=True)
        yield f"| `{name.replace('_', '-')}` | `{_cell(default)}` | {_cell(sentence)} |"


def documents() -> Iterator[str]:
    """Each document of --json with its fields."""
    yield "# Documents of --json\n\n`triage schema NAME` prints the JSON Schema.\n"
    for name in DOCUMENTS:
        yield f"## {name}\n\n{_escaped(title_of(name))}\n"
        schema = schema_of(name)
        for form in schema.get("anyOf", [schema]):
            yield f"{_escaped(form.get('title', name))}:\n\n| field | type | |\n| --- | --- | --- |"
            for field, value in form["properties"].items():
                yield f"| `{field}` | {_type(value)} | {_cell(value.get('description', ''))} |"
            yield ""


def events() -> Iterator[str]:
    """Each kind of event of plans/journal.jsonl with its fields."""
    yield "# Events of the journal\n\n`plans/journal.jsonl` has one event a line; all of them have"
    yield "`id`, `at`, `by`, `v`, `parents` and `opening`.\n"
    base = set(journal._Event.model_fields)
    for _, kind in inspect.getmembers(journal, inspect.isclass):
        if not issubclass(kind, journal._Event) or "event" not in kind.model_fields:
            continue
        (name,) = get_args(kind.model_fields["event"].annotation)
        fields = ", ".join(f"`{field}`" for field in kind.model_fields if field not in base | {"event"})
        yield f"## {name}\n\n{inspect.cleandoc(kind.__doc__ or '')}\n\nFields: {fields}\n"


PYTHON_MODULES = {
    "triage.api": "`import triage`",
    "triage.plugins": "Hooks of plugins",
    "triage.formats.registry": "Formats that plugins add",
    "triage.testing.executors": "Kit for executors",
    "triage.testing.stores": "Kit for stores",
    "triage.testing.probes": "Kit for probes",
}
"""What other packages may import, with its heading; mkdocstrings reads the docstrings."""


def python_api() -> Iterator[str]:
    """The modules for other packages, from their docstrings."""
    yield "# Python API\n\nHow it is used: [from Python](../python.md), [plugins](../plugins.md).\n"
    for module, heading in PYTHON_MODULES.items():
        yield f"## {heading}\n\n::: {module}\n    options:\n      heading_level: 3\n"


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def _cell(value: Any) -> str:
    return _escaped(str(value)).replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")
