"""Find secrets among literals: arguments of calls, items of lists, values shown before their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from triage.text.mark import Span
from triage.text.pattern import pattern
from triage.text.quoted import MOST_VALUE, OPENING, quoted_text
from triage.text.secret_names import Strength, strength_of
from triage.text.secret_values import Written, is_secret_value

MIN_LISTED = 12
"""Characters of a word in a list that may be a secret; a shorter one is what the list is about."""
_MOST_ITEMS = 50
_ARGUMENT = re.compile(r"""[ \t]*(?:[A-Za-z_]\w*[ \t]*=[ \t]*)?(?=[rbuRBU]{0,2}\\*["'])""")
_SECRET_CALL = pattern(
    r"""
    (?: (?: set | check | verify | change | make | hash | validate | encrypt | reset | confirm | update )_?
        (?: \w{0,20}_ )? (?: password | passwd | passphrase | secret | api_?key | token )
      | secret_?str | secret_?bytes | secret | password | passphrase | api_?key | bearer_?(?:token|auth)
      | credentials? | (?: http )? (?: basic | digest | proxy ) _? auth )
    """,
    matches=["set_password", "SecretStr", "HTTPBasicAuth", "PASSWORD", "set_admin_password"],
    rejects=["get_password", "getpass", "PasswordField"],
    flags=re.IGNORECASE,
    how="fullmatch",
)
_LITERAL = r"""(?P<value> '(?:[^'\\\n]|\\.){3,400}' | "(?:[^"\\\n]|\\.){3,400}" | \\'[^'\\\n]{2,400}\\' )"""
_WHERE = pattern(
    rf"""
    (?: where | and ) [ \t]+ {_LITERAL} [ \t]* = [ \t]*
    [^\n]{{0,300}} \. (?P<name> [A-Za-z_]\w{{2,60}} ) (?: \( [^()\n]{{0,60}} \) )?
    (?= [ \t]* (?: $ | \\+n | "[,}}\]] ) )
    """,
    matches=["where 'abc123' = Client(host='x').password", "and 'abc123' = get().token()"],
    rejects=["where 'ab' = x", "where 3 = f().password"],
    flags=re.MULTILINE,
)
"""How pytest shows what had a value."""
_COMPARISON = pattern(
    rf"""
    {_LITERAL} [ \t]* (?: == | != | is[ ]not | is | not[ ]in | in ) [ \t]*
    [\w.()\[\]]{{0,80}}? (?P<name> [A-Za-z_][\w-]{{2,60}} ) (?: ['"]\] )? (?: \( [^()\n]{{0,40}} \) )?
    (?= \s | $ | [\\"',;:)\]}}] )
    """,
    matches=["'abc123' == client.token"],
    rejects=["'ab' == x"],
    flags=re.MULTILINE,
)
"""A comparison whose left side is the literal."""
_SIDE = r"'(?:[^'\\\n]|\\.){0,400}' | \"(?:[^\"\\\n]|\\.){0,400}\" | [^\s'\"]{1,200}"
_FAILED_ASSERT = pattern(
    rf"""
    > [ ]+ assert [ ]
    (?P<left> [^\n]{{1,300}}? ) [ ] (?P<operator> == | != | is | in | not[ ]in ) [ ]
    (?P<right> [^\n]{{1,300}} ) \n
    E [ ]+ (?: AssertionError:[ ] )? assert [ ]
    (?P<shown_left> {_SIDE} ) [ ] (?P=operator) [ ] (?P<shown_right> {_SIDE} )
    """,
    matches=[
        ">   assert a.token == 'x'\nE   AssertionError: assert 'abc123' == 'x'",
        "> assert a == b\nE  assert 1 == 2",
    ],
    rejects=[">   f(token)\nE   ValueError"],
    how="match",
)
"""A failed assertion as it stands in the source, and below it with the values that its sides had."""
_LAST_NAME = re.compile(r"""(?P<name>[A-Za-z_]\w*)['"\])]*(?:\([^()\n]{0,80}\))?$""")


def is_secret_call(name: str) -> bool:
    """Whether a callable of this name is given a secret."""
    return _SECRET_CALL.fullmatch(name) is not None


def argument_spans(text: str, position: int, name: str) -> Iterator[Span]:
    """Yield the literal arguments of a callable that is given a secret."""
    is_login = name.lower().endswith("auth")
    return item_spans(text, position, name, Strength.STRONG, is_login=is_login, is_sure=True)


def item_spans(
    text: str, position: int, name: str, strength: Strength, *, is_login: bool, is_sure: bool = False
) -> Iterator[Span]:
    """Yield the literals between brackets that are secrets; of a login (user, password) only the second one.

    `is_sure` says that even a short word among them is a secret.
    """
    for number in range(_MOST_ITEMS):
        skipped = _ARGUMENT.match(text, position)
        opened = None if skipped is None else OPENING.match(text, skipped.end())
        if opened is None:
            return
        span = quoted_text(text, opened)
        value = text[span.start : span.end]
        is_word = value.isalpha() and len(value) < MIN_LISTED
        is_wanted = number == 1 if is_login else is_sure or not is_word
        if is_wanted and is_secret_value(value, strength, Written.QUOTED, name):
            yield span
        position = span.end + len(opened["quote"])
        if text[position : position + 1] != ",":
            return
        position += 1


def asserted_spans(text: str, line_start: int) -> Iterator[Span]:
    """Yield the values of a failed assertion whose sides are named in the source line above them."""
    failed = _FAILED_ASSERT.match(text, line_start)
    if failed is None:
        return
    for side in ("left", "right"):
        named = _LAST_NAME.search(failed[side])
        shown = failed[f"shown_{side}"]
        if named is None or shown[0] not in "'\"":
            continue
        if is_secret_value(shown[1:-1], strength_of(named["name"]), Written.QUOTED, named["name"]):
            yield Span(failed.start(f"shown_{side}") + 1, failed.end(f"shown_{side}") - 1, line_start)


def spans_before_names(text: str, line_start: int) -> Iterator[Span]:
    """Yield literals of a line that stand before their names: `where 'value' = client.password`."""
    line_end = text.find("\n", line_start, line_start + MOST_VALUE)
    if line_end < 0:
        line_end = min(len(text), line_start + MOST_VALUE)
    for regex in (_WHERE, _COMPARISON):
        for match in regex.finditer(text, line_start, line_end):
            value = match["value"].lstrip("\\")[1:-1].rstrip("\\")
            if is_secret_value(value, strength_of(match["name"]), Written.QUOTED, match["name"]):
                start = text.index(value, match.start("value"))
                yield Span(start, start + len(value))
