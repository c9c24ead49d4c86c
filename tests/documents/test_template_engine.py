"""The engine: every fact becomes a claim, nothing else may state a number, templates are untrusted."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from triage.documents.template_engine import Source, render
from triage.errors import UsageError
from triage.evidence.atomic import json_text
from triage.model.claim import Artifact, Derived, Ref
from triage.model.claim_text import digits_outside, offsets, show
from triage.model.claim_value import compute


def _render(text: str, data: object, name: str = "x.md.j2", **more: str):
    source = Source(Artifact(path="a.json", sha256="0"), data)
    return render(name, {"e": source}, {name: text, **more}, document="reports/x/doc")


def test_a_shown_value_is_a_claim_at_its_place():
    rendered = _render(
        "# Loss\nis {{ e.loss | num('.2f') }} at {{ e.list[1] }}.\n",
        {"loss": 983760.6858, "list": ["a", "b c"]},
    )
    assert rendered.text == "# Loss\nis 983760.69 at b c.\n"
    loss, item = rendered.sidecar.claims
    assert (loss.line, loss.start, loss.text, loss.basis, loss.show) == (
        2,
        3,
        "983760.69",
        Ref(source="e", pointer="/loss"),
        "num:.2f",
    )
    assert item.basis == Ref(source="e", pointer="/list/1")
    assert offsets(rendered.text, rendered.sidecar.claims) == [(10, 19), (23, 26)]


def test_derived_values_keep_their_basis():
    data = {"rows": [{"o": "failed", "s": 1.5}, {"o": "passed", "s": 2.5}, {"o": "error", "s": None}], "n": 4}
    text = (
        "{{ e.rows | count(o='failed|error') | num }} {{ e.rows | total('s') | num }} "
        "{{ e.rows | most(field='s') | num }} {{ e.rows | mean(field='s') | num }} "
        "{{ e.n | allowed_rate | num('.2f') }} {{ e.rows | beyond(2) | num }}"
    )
    rendered = _render(text, data)
    assert rendered.text == "2 4.0 2.5 2.0 0.53 1"
    again = [show(compute(claim.basis, {"e": data}), claim.show) for claim in rendered.sidecar.claims]
    assert again == rendered.text.split()


def test_a_number_with_its_noun_is_singular_for_one_alone():
    text = "{{ e.a | things('run') }}, {{ e.b | things('run') }}, {{ e.c | things('entry', 'entries') }}"
    rendered = _render(text, {"a": 1, "b": 0, "c": 12})
    assert rendered.text == "1 run, 0 runs, 12 entries"
    assert [claim.text for claim in rendered.sidecar.claims] == ["1", "0", "12"]


def test_loops_filters_and_keys_point_to_their_items():
    data = {"m": {"b/c": 2, "a~": 1}, "rows": [{"s": 2, "k": "x"}, {"s": 1, "k": "y"}]}
    rendered = _render(
        "{% for k, v in e.m | pairs %}{{ k }}={{ v | num }};{% endfor %}"
        "{% for r in e.rows | ordered('s') %}{{ r.k }}{% endfor %}",
        data,
    )
    assert rendered.text == "b/c=2;a\\~=1;yx"
    pointers = [c.basis.pointer for c in rendered.sidecar.claims if isinstance(c.basis, Ref)]
    assert pointers == ["/m/b~1c", "/m/a~0", "/rows/1/k", "/rows/0/k"]
    assert isinstance(rendered.sidecar.claims[0].basis, Derived)


def test_macros_and_includes_keep_claims():
    rendered = _render(
        "{% macro m(x) %}<{{ x | code }}>{% endmacro %}{{ m(e.a) }}{% include 'y.j2' %}",
        {"a": "1"},
        **{"y.j2": "{{ e.a }}"},
    )
    assert rendered.text == "<`1`>1"
    assert len(rendered.sidecar.claims) == 2


@pytest.mark.parametrize(
    "text",
    [
        "{% for r in e.rows %}{{ loop.index }}{% endfor %}",
        "{{ e.rows | length }}",
        "{{ e.n ~ '' }}",
        "{{ 'n: %s' | format(e.n) }}",
        "{{ [e.n] | join }}",
        "{{ e.n + 1 }}",
        "{{ (e.s | code) | upper }}",
        "{{ (e.s | code) | replace('b', 'c') }}",
        "{{ e.absent }}",
        "{{ absent }}",
        "{{ e.s | num }}",
        "{{ e.n | num('.500f') }}",
        "{{ e.n | unknown }}",
        "{% if %}",
        "{% include 'nowhere.j2' %}",
        "{{ e.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ e.rows.append(1) }}",
        "\x02{{ e.n }}\x04",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    ],
)
def test_what_states_no_evidence_is_refused_with_its_line(text):
    with pytest.raises(UsageError) as refusal:
        _render("\n" + text, {"n": 3, "s": "abc", "rows": [1, 2]})
    assert refusal.value.slug == "bad-template"
    assert "\n" not in str(refusal.value)


def test_the_templates_own_numbers_are_recorded_as_constants():
    rendered = _render("## 1. Part, 95 % of {{ e.n | num }}\n", {"n": 12})
    assert [(c.line, c.start, c.text) for c in rendered.sidecar.constants] == [(1, 3, "1"), (1, 12, "95")]


def test_html_is_escaped_and_only_what_a_reader_sees_needs_a_claim():
    text = '<style>p{margin:4px}</style><p title="{{ e.s }}" class="c1">{{ e.s }} &#64; 7</p>'
    rendered = _render(text, {"s": '"><script>1</script>\x1b'}, "x.html.j2")
    assert "<script>" not in rendered.text
    assert rendered.text.count("&quot;&gt;&lt;script&gt;1&lt;/script&gt;\\x1b") == 2
    assert [constant.text for constant in rendered.sidecar.constants] == ["7"]


def test_links_lead_from_the_document_to_the_artifact():
    assert (
        _render("[x]({{ e.p | href }})", {"p": "reports/y/a b)(.json"}).text == "[x](../y/a%20b%29%28.json)"
    )


_TEXT = st.text(max_size=60) | st.text(alphabet="`|\\<>*_[]()#@&~!-+=\n\r\t :/1.$", max_size=30)


@given(_TEXT)
def test_text_in_markdown_shows_and_does_nothing_else(text):
    """A CommonMark parser sees plain text, whatever the evidence holds."""
    for place in ("x {} y", "{}", "- {}", "# {}"):
        document = _render(place.replace("{}", "{{ e.t }}"), {"t": text}).text
        for token in MarkdownIt("commonmark").parse(document):
            for inline in token.children or []:
                assert inline.type in ("text", "text_special", "softbreak"), document
        assert "\n" not in document


@given(_TEXT)
def test_code_in_markdown_shows_exactly_the_visible_text(text):
    document = _render("x {{ e.t | code }} y", {"t": text}).text
    (paragraph,) = [token for token in MarkdownIt("commonmark").parse(document) if token.type == "inline"]
    kinds = [inline.type for inline in paragraph.children]
    assert kinds == ["text", "code_inline", "text"], document


@given(st.lists(_TEXT, min_size=1, max_size=4))
def test_a_table_keeps_its_cells(texts):
    row = "| " + " | ".join(f"{{{{ e[{at}] | cell }}}}" for at in range(len(texts))) + " |\n"
    head = "|" + " h |" * len(texts) + "\n|" + " --- |" * len(texts) + "\n"
    tokens = MarkdownIt("commonmark").enable("table").parse(_render(head + row, texts).text)
    assert sum(token.type == "td_open" for token in tokens) == len(texts)
    assert sum(token.type == "tr_open" for token in tokens) == 2


@given(_TEXT)
def test_a_block_shows_the_text_and_ends(text):
    tokens = MarkdownIt("commonmark").parse(_render("{{ e.t | block }}\nafter\n", {"t": text}).text)
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.integers() | st.floats() | st.text(max_size=20),
        min_size=1,
        max_size=5,
    )
)
def test_every_rendering_is_founded_and_leaves_no_digit_uncovered(data):
    data = json.loads(json_text(data))
    text = "{% for k, v in e | pairs %}{{ k }} {{ k | code }} {{ v }} {{ v | block }}\n{% endfor %}"
    rendered = _render(text, data)
    for claim, (start, end) in zip(
        rendered.sidecar.claims, offsets(rendered.text, rendered.sidecar.claims), strict=True
    ):
        assert rendered.text[start:end] == claim.text == show(compute(claim.basis, {"e": data}), claim.show)
    spans = offsets(rendered.text, rendered.sidecar.claims)
    assert not digits_outside(rendered.text, spans, is_html=False)


@given(_TEXT)
def test_text_in_html_is_text(text):
    page = '<p title="{{ e.t }}">{{ e.t }}</p><svg><title>{{ e.t }}</title></svg>'
    seen = _Seen()
    seen.feed(_render(page, {"t": text}, "x.html.j2").text)
    seen.close()
    assert seen.tags == ["p", "svg", "title"]
    assert seen.names == ["title"]


class _Seen(HTMLParser):
    """Tags and attributes that a reader of HTML sees."""

    def __init__(self):
        super().__init__()
        self.tags, self.names = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]

    def handle_comment(self, data):
        self.tags.append("comment")
