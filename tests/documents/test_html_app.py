"""The script of the HTML report as text, and how it is put into a page; Chromium runs it in `e2e/`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.documents.html_app.bundle import ENTRY, FOLDER, imports_of, in_order, script, style
from triage.documents.html_app.embed import (
    APP_MARK,
    POLICY_MARK,
    STYLE_MARK,
    data_element,
    embed,
    find_data_element,
    read_data,
)

MODULES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.js"))}
HEAD = f'<head>\n<meta content="{POLICY_MARK}">\n{STYLE_MARK}\n</head>\n'
PAGE = f"{HEAD}<body>\n<p>7</p>\n{APP_MARK}\n</body>\n"
_TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
_NAMED_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+\.js)"', re.MULTILINE)


def test_every_module_is_used_and_no_line_of_modules_is_left():
    assert sorted(in_order(MODULES, ENTRY)) == sorted(MODULES)
    assert not re.search(r"^(import|export)\b", script(), re.MULTILINE)


def test_imports_name_what_is_exported():
    for name, text in MODULES.items():
        for names, module in _NAMED_IMPORT.findall(text):
            for imported in (each.strip() for each in names.split(",") if each.strip()):
                pattern = rf"^export (async )?(function|const|class) {imported}\b"
                assert re.search(pattern, MODULES[module], re.MULTILINE), f"{name}: {imported} of {module}"
        assert len(list(imports_of(text))) == len(re.findall(r"^import\b", text, re.MULTILINE)), name


def test_names_are_unique_since_the_modules_share_a_scope():
    names = Counter(name for text in MODULES.values() for name in _TOP_LEVEL.findall(text))
    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize(
    "word",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"],
)
def test_nothing_in_the_script_parses_markup_or_code(word):
    assert word not in script()


def test_script_and_style_stay_within_their_elements():
    assert "</script" not in script().lower()
    assert "<" not in style()
    assert "\n" not in style()
    assert "url(" not in style()


@pytest.mark.parametrize("size", [1, 400_000])
@given(text=st.text(max_size=60))
def test_data_comes_back_and_is_never_markup(text, size):
    document = {"text": f"</script><script>{text}<!--", "filling": "x" * size}
    element = data_element(document)
    assert read_data(element) == document
    inner = element.partition(">")[2].removesuffix("</script>")
    assert "<" not in inner
    assert find_data_element(f"<p>{element}</p>") == element


@pytest.mark.parametrize(
    "element",
    [
        '<script type="application/json" id="triage-data">{</script>',
        '<script type="application/gzip" id="triage-data">!</script>',
        '<script type="application/gzip" id="triage-data">AAAA</script>',
        "<p></p>",
    ],
)
def test_data_that_is_none_is_said(element):
    with pytest.raises(ValueError, match=r"\w"):
        read_data(element)


def test_the_policy_names_every_script_and_style_and_nothing_else():
    page = embed(PAGE, data_element({}))
    policy = re.search(r'content="([^"]*)"', page)
    assert policy is not None
    assert "unsafe" not in policy[1]
    for tag, name in (("script", "script-src"), ("style", "style-src")):
        texts = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(texts) == 1
        digest = base64.b64encode(hashlib.sha256(texts[0].encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy[1]


def test_what_stands_above_keeps_its_line():
    before, after = PAGE.splitlines(), embed(PAGE, data_element({})).splitlines()
    assert before.index("<p>7</p>") == after.index("<p>7</p>")


def test_small_data_can_be_read_by_other_programs():
    element = data_element({"v": 1})
    assert json.loads(element.partition(">")[2].removesuffix("</script>")) == {"v": 1}
