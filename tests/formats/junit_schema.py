"""The structure that pytest's own tests demand of JUnit XML in the family xunit2, in our own words.

The file that they use (`junit-10.xsd`, by the authors of Jenkins' xunit plugin) is not in pytest's wheel.
What it allows is written here as a table: the attributes of each element, those it must have, its children,
and whether it may hold text. Order and number of children are free.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, fromstring


@dataclass(frozen=True)
class Rule:
    """What one element may have."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


EXPLAINED = Rule(optional=words("type message"), text=True)
RERUN = Rule(
    required=words("type"),
    optional=words("message"),
    children=words("stackTrace system-out system-err"),
    text=True,
)
RULES = {
    "testsuites": Rule(
        optional=words("name time tests failures disabled errors"), children=words("testsuite")
    ),
    "testsuite": Rule(
        required=words("name tests failures errors"),
        optional=words("group time skipped timestamp hostname id package file log url version"),
        children=words("testsuite properties testcase system-out system-err"),
    ),
    "properties": Rule(children=words("property")),
    "property": Rule(required=words("name value")),
    "testcase": Rule(
        required=words("name"),
        optional=words("time classname group"),
        children=words(
            "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"
        ),
    ),
    "failure": EXPLAINED,
    "error": EXPLAINED,
    "skipped": EXPLAINED,
    "rerunFailure": RERUN,
    "rerunError": RERUN,
    "flakyFailure": RERUN,
    "flakyError": RERUN,
    "stackTrace": Rule(text=True),
    "system-out": Rule(text=True),
    "system-err": Rule(text=True),
}
TIME = re.compile(r"(?:[0-9]{1,3}(?:,?[0-9]{3})*|[0-9]*)(?:\.[0-9]{0,3})?")
"""Seconds with at most three decimals, perhaps with commas between the thousands."""


def violations(document: str) -> list[str]:
    """What the document has that the schema does not allow; empty where it is valid."""
    root = fromstring(document.encode("utf-8"))
    found = [] if root.tag in ("testsuites", "testsuite") else [f"{root.tag} as the root"]
    return found + _violations(root)


def _violations(element: Element) -> list[str]:
    rule = RULES.get(element.tag)
    if rule is None:
        return [f"an element {element.tag}"]
    names = set(element.attrib)
    found = [f"{element.tag} without {name}" for name in sorted(rule.required - names)]
    found += [f"{element.tag} with {name}" for name in sorted(names - rule.required - rule.optional)]
    texts = [element.text, *(child.tail for child in element)]
    if not rule.text and any(text and text.strip() for text in texts):
        found.append(f"text in {element.tag}")
    time = element.get("time")
    if time is not None and not TIME.fullmatch(time):
        found.append(f"{element.tag} with time {time!r}")
    for child in element:
        if child.tag not in rule.children:
            found.append(f"{child.tag} in {element.tag}")
        found += _violations(child)
    return found
