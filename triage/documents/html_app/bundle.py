"""Join the script's modules to one text that a browser runs without loading anything.

The modules are plain ES modules, one idea a file. An inline script cannot import, so their `import` lines
and `export` words are taken off and their texts stand one behind the other, those that are imported first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from triage.text.pattern import pattern

FOLDER = Path(__file__).parent
ENTRY = "main.js"
_IMPORT = pattern(
    r"""
    ^ import [ ] \{ (?P<names> [^}]* ) \} [ ] from [ ] "\./ (?P<module> [a-z_]+\.js ) ";? $
    """,
    flags=re.MULTILINE,
    matches=['import { el } from "./dom.js";', 'import {\n  a,\n  b,\n} from "./x.js";'],
    rejects=['import x from "y";', ' import { a } from "./b.js";'],
)
_EXPORT = pattern(
    r"^ export [ ] (?= (?: async [ ] )? (?: function | const | class ) \b )",
    flags=re.MULTILINE,
    matches=["export function f() {", "export const A = 1;", "export async function g() {"],
    rejects=["export default f;", "  export const a = 1;"],
)


@cache
def script() -> str:
    """The whole script, in a scope of its own."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.js"))}
    body = "\n".join(without_module_words(texts[name]) for name in in_order(texts, ENTRY))
    return f'"use strict";\n(() => {{\n{body}\n}})();\n'


@cache
def style() -> str:
    """The style in one line, so that the lines of the page below it stay where its claims say they are."""
    lines = (FOLDER / "app.css").read_text(encoding="utf-8").splitlines()
    return " ".join(line.strip() for line in lines if line.strip())


def in_order(texts: Mapping[str, str], entry: str) -> list[str]:
    """Names of the modules that `entry` needs and itself, each behind those that it imports."""
    ordered: list[str] = []
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name in begun:
            return
        begun.add(name)
        for imported in imports_of(texts[name]):
            visit(imported)
        ordered.append(name)

    visit(entry)
    return ordered


def imports_of(text: str) -> Iterator[str]:
    """Names of the modules that a module imports."""
    for found in _IMPORT.finditer(text):
        yield found["module"]


def without_module_words(text: str) -> str:
    """A module's text as it stands in the joined script."""
    return _EXPORT.sub("", _IMPORT.sub("", text)).strip("\n")
