"""Render templates to text and record a claim for everything that evidence says in it.

A number from anywhere else than evidence or the template's own text cannot be rendered: `shown_values`
says how facts become claims, `template_environment` what a template can do with them.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2

from triage.documents.shown_values import Medium, Recorder, unmarked
from triage.documents.template_environment import TemplateEnvironment
from triage.documents.template_values import Fact
from triage.errors import UsageError
from triage.model.claim import Artifact, Claim, Constant, Ref, Sidecar
from triage.model.claim_text import digits_outside, offsets

_EXTENDED = "extended"
"""In place of the templates' hash: the document holds more than templates render, so none can check it."""


@dataclass(frozen=True)
class Source:
    """A JSON artifact: where it lies, its hash, what it holds."""

    artifact: Artifact
    data: Any


@dataclass(frozen=True)
class Rendered:
    """A document's text and the claims in it."""

    text: str
    sidecar: Sidecar


def render(
    template: str,
    sources: Mapping[str, Source],
    templates: Mapping[str, str],
    *,
    document: str,
    output: str = "",
) -> Rendered:
    """Render one template.

    `sources` are the only names that the template sees; `templates` holds the text of each template by
    name; `document` is the path of the result in the project, whose paths begin at `output` as seen from the
    suite's root. A template whose name ends in `.html.j2`
    gives HTML, any other markdown. Raises `UsageError` with the template's line where it cannot be rendered.
    """
    folder = document.rpartition("/")[0]
    recorder = Recorder(_medium(template), folder=folder, folder_in_suite=posixpath.join(output, folder))
    environment = TemplateEnvironment(recorder, templates)
    facts = {name: Fact(source.data, Ref(source=name)) for name, source in sources.items()}
    try:
        marked = environment.get_template(template).render(facts)
        text, claims = unmarked(marked, recorder)
    except jinja2.TemplateNotFound as error:
        raise UsageError(
            "bad-template", f"there is no template {error.name}", "add it or remove its use"
        ) from error
    except (jinja2.TemplateError, TypeError, ValueError, AttributeError, RecursionError) as error:
        place = _place(error, template)
        reason = " ".join(str(getattr(error, "message", None) or error).split())
        raise UsageError("bad-template", f"template {place}: {reason}", "mend the template") from error
    sidecar = Sidecar(
        document=document,
        sha256=_sha256(text),
        template=template,
        templates_sha256=digest(recorder.templates),
        sources={name: source.artifact for name, source in sources.items()},
        claims=claims,
        constants=_constants(text, claims, recorder.medium),
        output=output,
    )
    return Rendered(text, sidecar)


def extended(rendered: Rendered, text: str) -> Rendered:
    """A document to which something was added behind its claims: what was added speaks for itself."""
    sidecar = rendered.sidecar
    changes = {
        "sha256": _sha256(text),
        "templates_sha256": _EXTENDED,
        "constants": _constants(text, sidecar.claims, _medium(sidecar.template)),
    }
    return Rendered(text, sidecar.model_copy(update=changes))


def digest(templates: Mapping[str, str]) -> str:
    """One hash for a set of templates."""
    whole = hashlib.sha256()
    for name in sorted(templates):
        whole.update(_bytes(f"{name}\0{templates[name]}\0"))
    return whole.hexdigest()


def _medium(template: str) -> Medium:
    return "html" if template.endswith(".html.j2") else "markdown"


def _sha256(text: str) -> str:
    return hashlib.sha256(_bytes(text)).hexdigest()


def _bytes(text: str) -> bytes:
    """The text as it is written to disk: what is no Unicode text (lone surrogates) is escaped."""
    return text.encode("utf-8", "backslashreplace")


def _constants(text: str, claims: Iterable[Claim], medium: Medium) -> tuple[Constant, ...]:
    """The numbers that the template itself writes."""
    constants = []
    for start, end in digits_outside(text, offsets(text, claims), is_html=medium == "html"):
        line = text.count("\n", 0, start) + 1
        line_start = text.rfind("\n", 0, start) + 1
        constants.append(Constant(line=line, start=start - line_start, text=text[start:end]))
    return tuple(constants)


def _place(error: BaseException, template: str) -> str:
    """Name and line of the template where an error arose."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.name or template}:{error.lineno}"
    place = template
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            place = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
