"""Put data, script and style into a rendered page, under a policy that lets nothing else run.

The data is JSON that a browser never takes for markup: small data as text with every `<` escaped, large data
packed. The policy names the hash of each script and style, so that nothing that a test printed could run
even if it came to stand in the page as markup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import zlib
from typing import Any

from triage.documents.html_app.bundle import script, style
from triage.text.pattern import pattern

STYLE_MARK = "<!-- triage: style -->"
APP_MARK = "<!-- triage: app -->"
POLICY_MARK = "triage: policy"
"""Where a template wants what is embedded here; one without them stays a page without script."""
PLAIN_BYTES = 300_000
"""Larger data is packed: other programs read small reports with ease, and large ones have to travel."""
_DATA = pattern(
    r"""
    <script [ ] type="application/(?P<kind> json | gzip )" [ ] id="triage-data">
    (?P<data> [^<]* )
    </script>
    """,
    matches=['<script type="application/json" id="triage-data">{}</script>'],
    rejects=["<script>{}</script>"],
)
_RUNS = pattern(
    r"<(?P<tag> script | style )> (?P<text> .*? ) </(?P=tag)>",
    flags=re.DOTALL,
    matches=["<style>a{}</style>", "<script>\n1\n</script>"],
    rejects=['<script type="application/json">{}</script>'],
)


def embed(page: str, data: str) -> str:
    """The page with script, style and a data element (as `data_element` makes it); same number of lines
    before its claims.
    """
    app = f'<div id="app"></div>\n{data}\n<script>{script()}</script>'
    with_style = page.replace(STYLE_MARK, f"<style>{style()}</style>", 1)
    with_app = with_style.replace(APP_MARK, app, 1)
    return with_app.replace(POLICY_MARK, policy(with_app), 1)


def policy(page: str) -> str:
    """The content security policy of a page: its own scripts and styles, images within it, nothing else."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for found in _RUNS.finditer(page):
        digest = hashlib.sha256(found["text"].encode("utf-8", "backslashreplace")).digest()
        hashes[found["tag"]].append(f"'sha256-{base64.b64encode(digest).decode()}'")
    scripts = " ".join(hashes["script"]) or "'none'"
    styles = " ".join(hashes["style"]) or "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; base-uri 'none';"
        " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def data_element(document: Any) -> str:
    """The element that holds a JSON document."""
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    if len(text) <= PLAIN_BYTES:
        escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        return f'<script type="application/json" id="triage-data">{escaped}</script>'
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return f'<script type="application/gzip" id="triage-data">{packed}</script>'


def find_data_element(page: str) -> str | None:
    """The data element of a page, as it stands there; None where it has none."""
    found = _DATA.search(page)
    return found[0] if found is not None else None


def read_data(element: str) -> Any:
    """The document in a data element. Raises `ValueError` where it is none."""
    found = _DATA.fullmatch(element)
    if found is None:
        raise ValueError("it is no data of a report")
    if found["kind"] == "json":
        return json.loads(found["data"])
    try:
        return json.loads(gzip.decompress(base64.b64decode(found["data"], validate=True)))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
