"""JSON Schemas (2020-12) of the documents, from the models that print them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema, JsonSchemaValue

from triage.cli.json_documents.base import Document
from triage.cli.json_documents.registry import document_classes

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Schemas(GenerateJsonSchema):
    """Every field is there in what is printed, a further one may come, and each has its sentence."""

    def field_is_required(self, *_args: Any, **_settings: Any) -> bool:
        """A document prints its defaults too."""
        return True

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """The schema of one model, with the sentences that stand under its fields in the source."""
        found = super().model_schema(schema)
        sentences = field_sentences(schema["cls"])
        # somebody who validates an answer of a newer version must not fail for a field that came with it
        found.pop("additionalProperties", None)
        for name, field in found.get("properties", {}).items():
            if name in sentences:
                field.setdefault("description", sentences[name])
        return found


def schema_of(name: str) -> dict[str, Any]:
    """The schema of one command's document; of several forms any one holds. Raises KeyError."""
    classes = document_classes(name)
    schema: dict[str, Any]
    if len(classes) == 1:
        schema = _generated(classes[0])
    else:
        forms = [_generated(each) for each in classes]
        definitions: dict[str, Any] = {}
        for form in forms:
            definitions.update(form.pop("$defs", {}))
        schema = {"title": name, "anyOf": forms, "$defs": definitions}
    return {"$schema": DIALECT, **schema}


def title_of(name: str) -> str:
    """What the document is, in one line."""
    return inspect.cleandoc(document_classes(name)[0].__doc__ or name).partition("\n")[0]


def _generated(document: type[Document]) -> dict[str, Any]:
    adapter: TypeAdapter[Document] = TypeAdapter(document)
    return adapter.json_schema(
        by_alias=True,
        ref_template=DEFAULT_REF_TEMPLATE,
        schema_generator=_Schemas,
        mode="serialization",
    )


@cache
def field_sentences(model: type[Any]) -> dict[str, str]:
    """The text under each field of a class and its bases, as the source has it."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not cls.__module__.startswith("triage."):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, text in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                sentence = _text_of(text)
                if sentence is not None:
                    found[field.target.id] = sentence
    return found


def _text_of(node: ast.stmt) -> str | None:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return None
    value = node.value.value
    return " ".join(value.split()) if isinstance(value, str) else None
