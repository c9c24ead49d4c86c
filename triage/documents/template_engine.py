"""Render templates to text and record a claim for everything that evidence says in it.

The engine is a sandboxed Jinja environment whose undefined names are errors. Each fact that reaches the
output is wrapped into marks that no text can contain; afterwards the marks are taken out and their
places become the spans of claims. A number from anywhere else than evidence or the template's own
text cannot be rendered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from triage.documents.charts import bars, outcome_bar
from triage.documents.template_values import DERIVING, Fact, unwrap
from triage.errors import UsageError
from triage.model.claim import (
    Artifact,
    Claim,
    Constant,
    Ref,
    Sidecar,
    Unfounded,
    digits_outside,
    offsets,
    show,
)
from triage.text import markup

Medium = Literal["markdown", "html"]
_MARKED = re.compile("\x02([0-9]+)\x03([^\x04]*)\x04")
_MARKS = re.compile("[\x02\x03\x04]")


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


@dataclass
class _Recorder:
    """The facts that one rendering showed so far, and the templates that took part."""

    medium: Medium
    folder: str
    shown: list[tuple[Fact, str]] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)

    def mark(self, fact: Fact, how: str) -> Markup:
        """The shown fact between marks."""
        self.shown.append((fact, how))
        return Markup(f"\x02{len(self.shown) - 1}\x03{show(fact.value, how)}\x04")

    def text(self, how: str) -> str:
        """The escape of this medium for one that a template names."""
        return "html" if self.medium == "html" else how

    def finalize(self, value: Any) -> Any:
        """What `{{ value }}` puts out."""
        if isinstance(value, Fact):
            return self.mark(value, self.text("prose"))
        if isinstance(value, Markup | jinja2.Undefined):
            return value
        if isinstance(value, str) and not re.search(r"\d", value):
            return Markup(markup.html(value) if self.medium == "html" else markup.prose(value))
        raise TypeError(f"{value!r} comes from no evidence")


def render(
    template: str, sources: Mapping[str, Source], templates: Mapping[str, str], *, document: str
) -> Rendered:
    """Render one template.

    `sources` are the only names that the template sees; `templates` holds the text of each template by
    name; `document` is the path of the result in the project. A template whose name ends in `.html.j2`
    gives HTML, any other markdown. Raises `UsageError` with the template's line where it cannot be rendered.
    """
    medium: Medium = "html" if template.endswith(".html.j2") else "markdown"
    recorder = _Recorder(medium, document.rpartition("/")[0])
    environment = _environment(recorder, templates)
    facts = {name: Fact(source.data, Ref(source=name)) for name, source in sources.items()}
    try:
        marked = environment.get_template(template).render(facts)
        text, claims = _unmarked(marked, recorder)
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
        sha256=hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest(),
        template=template,
        templates_sha256=digest(recorder.used),
        sources={name: source.artifact for name, source in sources.items()},
        claims=tuple(claims),
        constants=_constants(text, claims, medium),
    )
    return Rendered(text, sidecar)


def extended(rendered: Rendered, text: str) -> Rendered:
    """A document to which something was added behind its claims: what was added speaks for itself."""
    medium: Medium = "html" if rendered.sidecar.template.endswith(".html.j2") else "markdown"
    changes = {
        "sha256": hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest(),
        "templates_sha256": "extended",
        "constants": _constants(text, list(rendered.sidecar.claims), medium),
    }
    return Rendered(text, rendered.sidecar.model_copy(update=changes))


def digest(templates: Mapping[str, str]) -> str:
    """One hash for a set of templates."""
    whole = hashlib.sha256()
    for name in sorted(templates):
        whole.update(f"{name}\0{templates[name]}\0".encode("utf-8", "backslashreplace"))
    return whole.hexdigest()


class _Environment(ImmutableSandboxedEnvironment):
    """Facts are entered by name and index like the JSON that they stand for."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Attribute access in a template."""
        return self._member(obj, attribute) if isinstance(obj, Fact) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Subscription in a template, and in the built-in filters."""
        return self._member(obj, argument) if isinstance(obj, Fact) else super().getitem(obj, argument)

    def _member(self, fact: Fact, token: Any) -> Any:
        member = fact.member(token)
        return self.undefined(obj=fact.value, name=unwrap(token)) if member is None else member


def _environment(recorder: _Recorder, templates: Mapping[str, str]) -> _Environment:
    def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        text = templates.get(name)
        if text is None:
            return None
        if _MARKS.search(text):
            raise jinja2.TemplateSyntaxError("control characters are not allowed", 1, name, name)
        recorder.used[name] = text
        return text, name, lambda: True

    environment = _Environment(
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=recorder.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(DERIVING)
    environment.filters.update(_showing(recorder))
    environment.filters["outcome_bar"] = lambda counts: outcome_bar(counts, recorder.mark)
    environment.filters["bars"] = lambda items, label, value, title: bars(
        items, label, value, title, recorder.mark
    )
    environment.tests["none"] = lambda value: unwrap(value) is None
    environment.tests["text"] = lambda value: isinstance(unwrap(value), str)
    environment.tests["number"] = lambda value: isinstance(unwrap(value), int | float)
    environment.tests["several"] = lambda value: isinstance(unwrap(value), dict | list)
    return environment


def _showing(recorder: _Recorder) -> dict[str, Callable[..., Any]]:
    def shower(how: str) -> Callable[[Fact], Markup]:
        return lambda fact: recorder.mark(fact, recorder.text(how))

    def listed(facts: Any, how: str = "code", separator: str = ", ") -> Markup:
        shown = [recorder.mark(fact, recorder.text(how)) for fact in facts]
        return Markup(Markup(separator).join(shown))

    def href(fact: Fact) -> Markup:
        return recorder.mark(fact, f"href:{recorder.folder}")

    return {
        **{how: shower(how) for how in ("prose", "code", "cell", "block")},
        "num": lambda fact, spec="": recorder.mark(fact, f"num:{spec}"),
        "listed": listed,
        "href": href,
    }


def _unmarked(marked: str, recorder: _Recorder) -> tuple[str, list[Claim]]:
    """The text without marks, and each mark as a claim at its place.

    A template that reshaped what was shown (upper case, indentation) would state what evidence does not.
    """
    pieces: list[str] = []
    claims: list[Claim] = []
    line, column = 1, 0
    position = 0

    def put(text: str) -> None:
        nonlocal line, column
        pieces.append(text)
        line += text.count("\n")
        column = len(text) - text.rfind("\n") - 1 if "\n" in text else column + len(text)

    for found in _MARKED.finditer(marked):
        put(marked[position : found.start()])
        fact, how = recorder.shown[int(found[1])]
        if show(fact.value, how) != found[2]:
            raise Unfounded(f"a shown value was changed afterwards: {found[2]!r}")
        claims.append(Claim(line=line, start=column, text=found[2], basis=fact.basis, show=how))
        put(found[2])
        position = found.end()
    put(marked[position:])
    text = "".join(pieces)
    if _MARKS.search(text):
        raise ValueError("a shown value was shown or cut again: use `listed` for lists")
    return text, claims


def _constants(text: str, claims: list[Claim], medium: Medium) -> tuple[Constant, ...]:
    found = digits_outside(text, offsets(text, claims), markup=medium == "html")
    return tuple(
        Constant(
            line=text.count("\n", 0, start) + 1,
            start=start - text.rfind("\n", 0, start) - 1,
            text=text[start:end],
        )
        for start, end in found
    )


def _place(error: BaseException, template: str) -> str:
    """Name and line of the template where an error arose."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.name or template}:{error.lineno}"
    place, trace = template, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".j2"):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
