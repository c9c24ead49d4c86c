"""The Jinja environment of templates: sandboxed, strict, and with filters that show and derive facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from triage.cluster.why_words import CLAUSES
from triage.documents.charts import bars, columns, outcome_bar, outcome_columns, trend
from triage.documents.shown_values import Recorder, has_marks
from triage.documents.template_code import code_of_templates
from triage.documents.template_values import DERIVING, Fact, unwrap


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Facts are entered by name and index like the JSON that they stand for."""

    def __init__(self, recorder: Recorder, templates: Mapping[str, str]) -> None:
        """`templates` holds the text of each template by name."""
        super().__init__(
            loader=jinja2.FunctionLoader(_loader(recorder, templates)),
            undefined=jinja2.StrictUndefined,
            autoescape=True,
            finalize=recorder.finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=code_of_templates(),
        )
        self.filters.update(DERIVING)
        self.filters.update(_showing(recorder))
        self.filters.update(_charts(recorder))
        self.tests.update(_TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Attribute access in a template."""
        return self._member(obj, attribute) if isinstance(obj, Fact) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Subscription in a template, and in the built-in filters."""
        return self._member(obj, argument) if isinstance(obj, Fact) else super().getitem(obj, argument)

    def _member(self, fact: Fact, token: Any) -> Any:
        member = fact.member(token)
        return self.undefined(obj=fact.value, name=unwrap(token)) if member is None else member


_Loaded = tuple[str, str, Callable[[], bool]]
"""What Jinja wants of a loader: the text, a file name for tracebacks, whether it is still up to date."""


def _loader(recorder: Recorder, templates: Mapping[str, str]) -> Callable[[str], _Loaded | None]:
    """A loader that records which templates take part, and refuses those that could forge a mark."""

    def load(name: str) -> _Loaded | None:
        text = templates.get(name)
        if text is None:
            return None
        if has_marks(text):
            raise jinja2.TemplateSyntaxError("control characters are not allowed", 1, name, name)
        recorder.templates[name] = text
        return text, name, lambda: True

    return load


def _showing(recorder: Recorder) -> dict[str, Callable[..., Markup]]:
    """Filters that show a fact."""

    def prose(fact: Fact) -> Markup:
        return recorder.mark_text(fact, "prose")

    def code(fact: Fact) -> Markup:
        return recorder.mark_text(fact, "code")

    def cell(fact: Fact) -> Markup:
        return recorder.mark_text(fact, "cell")

    def block(fact: Fact) -> Markup:
        return recorder.mark_text(fact, "block")

    def num(fact: Fact, spec: str = "") -> Markup:
        return recorder.mark(fact, f"num:{spec}")

    def things(fact: Fact, one: str, several: str = "") -> Markup:
        """A number with its noun: `1 run`, `2 runs`; `several` where the plural takes more than an s."""
        noun = one if fact.value == 1 else several or f"{one}s"
        return num(fact) + Markup(" ") + noun

    def listed(facts: Iterable[Fact], how: str = "code", separator: str = ", ") -> Markup:
        shown = [recorder.mark_text(fact, how) for fact in facts]
        return Markup(Markup(separator).join(shown))

    def because(why: Fact) -> Markup:
        """What follows `because` for a piece of evidence (a `Why`): `all raised KeyError`."""
        kind, detail = why.member("kind"), why.member("detail")
        clause = CLAUSES.get(kind.value) if kind is not None else None
        if clause is None or detail is None:
            raise jinja2.TemplateRuntimeError("`because` wants evidence of a known kind, with its detail")
        return Markup(clause) + " " + recorder.mark_text(detail, "prose")

    def href(fact: Fact) -> Markup:
        return recorder.mark(fact, f"href:{recorder.folder}")

    def source(fact: Fact) -> Markup:
        """A link to a file of the suite: its paths begin at the suite's root, not where the evidence lies."""
        return recorder.mark(fact, f"href:{recorder.folder_in_suite}")

    return {
        "prose": prose,
        "code": code,
        "cell": cell,
        "block": block,
        "num": num,
        "things": things,
        "listed": listed,
        "because": because,
        "href": href,
        "source": source,
    }


def _charts(recorder: Recorder) -> dict[str, Callable[..., Markup]]:
    """Filters that draw facts."""

    def draw_outcomes(counts: Fact) -> Markup:
        return outcome_bar(counts, recorder.mark)

    def draw_bars(items: Iterable[Fact], label: str, value: str, title: str) -> Markup:
        return bars(items, label, value, title, recorder.mark)

    def draw_columns(items: Iterable[Fact], label: str, value: str, title: str) -> Markup:
        return columns(items, label, value, title, recorder.mark)

    def draw_outcome_columns(runs: Iterable[Fact], title: str) -> Markup:
        return outcome_columns(runs, title, recorder.mark)

    def draw_trend(numbers: Fact, title: str) -> Markup:
        return trend(numbers, title, recorder.mark)

    return {
        "outcome_bar": draw_outcomes,
        "outcome_columns": draw_outcome_columns,
        "bars": draw_bars,
        "columns": draw_columns,
        "trend": draw_trend,
    }


def _is_none(value: Any) -> bool:
    return unwrap(value) is None


def _is_text(value: Any) -> bool:
    return isinstance(unwrap(value), str)


def _is_number(value: Any) -> bool:
    return isinstance(unwrap(value), int | float)


def _is_several(value: Any) -> bool:
    return isinstance(unwrap(value), dict | list)


_TESTS: dict[str, Callable[[Any], bool]] = {
    "none": _is_none,
    "text": _is_text,
    "number": _is_number,
    "several": _is_several,
}
"""What a template can ask: `{% if value is number %}`."""
