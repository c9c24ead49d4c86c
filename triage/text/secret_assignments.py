"""Find values beside names that say secret: `password='...'`, `token: ...`, `--api-key ...`, `<secret>...`.

A name is found by its hint, read to its borders and judged (`secret_names`); then comes what joins it with a
value (`JOINT`), then the value, in quotes or without; the value is judged in turn (`secret_values`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from triage.text.mark import Span
from triage.text.quoted import MOST_VALUE, OPENING, quoted_text
from triage.text.secret_headers import AUTHORIZATION, COOKIES, authorization_spans, cookie_spans
from triage.text.secret_joints import (
    BARE,
    BARE_CELL,
    BARE_END,
    ELEMENT_TEXT,
    IN_BRACES,
    JOINT,
    NEXT_LINE,
    OPENS_CELL,
    PROMPTED,
    YAML_MARK,
)
from triage.text.secret_literals import (
    MIN_LISTED,
    argument_spans,
    asserted_spans,
    is_secret_call,
    item_spans,
    spans_before_names,
)
from triage.text.secret_names import NAME_HINT, Strength, strength_of, words_of
from triage.text.secret_values import (
    Written,
    has_random_case,
    is_password_like,
    is_plain,
    is_secret_value,
    looks_random,
)

_NAME = re.compile(r"[A-Za-z0-9_-]*(?<!-)")
_MOST_NAME = 80
"""Characters of a name; longer words are data."""
_MOST_LINE = 500
"""Characters of a line that are looked at in front of a name."""
_MOST_INDENT = 60
"""A name further to the right does not open a line."""
_MIN_IN_SENTENCE = 7
_MIN_IN_ADDRESS = 4
_CONTAINER = re.compile(r"[A-Za-z_][\w.]{0,60}\(|[\[(]")
_NETRC = re.compile(r"\blogin\s+\S+\s+$")
_SQL = re.compile(r"\b(?:with|encrypted|user|by|identified)[ ]$", re.IGNORECASE)
_PAIR_OPENS = re.compile(r"[(\[{][bBuU]?['\"]$")
_SETS_VARIABLE = re.compile(r"(?:\A|[ \t+])(?:export|set|setx|env|ENV|-e)[ \t]+$")
_INDENT = " \tE|>-'\""
"""What pytest, YAML and literals put before the first name of a line."""


@dataclass(frozen=True)
class _Named:
    """A name that says secret, and what joins it with what follows."""

    text: str
    name: str
    start: int
    strength: Strength
    is_option: bool
    joint: re.Match[str]

    @property
    def kind(self) -> str:
        """The group of `JOINT` that matched."""
        return self.joint.lastgroup or ""

    @property
    def before(self) -> str:
        """A few characters in front of the name."""
        return self.text[max(0, self.start - _MOST_INDENT) : self.start]

    @property
    def is_in_address(self) -> bool:
        """Whether the name is a parameter of a form, or in an address."""
        return self.before.endswith(("?", "&", "#", "&amp;"))

    @property
    def opens_line(self) -> bool:
        """Whether only a margin, or a command that sets a variable, stands before the name in its line."""
        line = self.text.rfind("\n", max(0, self.start - _MOST_INDENT), self.start) + 1
        if line == 0 and self.start > _MOST_INDENT:
            return False
        indent = self.text[line : self.start]
        return not indent.strip(_INDENT) or _SETS_VARIABLE.match(indent) is not None

    def is_secret(self, value: str, written: Written) -> bool:
        """Judge a value beside this name."""
        return is_secret_value(value, self.strength, written, self.name)


def assignment_spans(text: str) -> Iterator[Span]:
    """Yield where values stand whose names say secret."""
    done = 0
    line_done = -1
    for hint in NAME_HINT.finditer(_lowered(text)):
        if hint.start() < done:
            continue
        start = _name_start(text, hint.start(), done)
        end = _name_end(text, hint.start())
        done = end
        name = text[start:end].strip("-")
        strength = strength_of(name)
        if strength is Strength.NONE and not is_secret_call(name):
            continue
        line = text.rfind("\n", max(0, start - _MOST_LINE), start) + 1
        if line > line_done and text.startswith(">", line):
            line_done = line
            yield from asserted_spans(text, line)
        elif line > line_done and _has_quote(text[line:start]):
            line_done = line
            yield from spans_before_names(text, line)
        joint = JOINT.match(text, end)
        if joint is None:
            continue
        for span in _values(_Named(text, name, start, strength, text[start] == "-", joint)):
            done = max(done, span.end)
            yield Span(span.start, span.end, start)


def _lowered(text: str) -> str:
    """Return the text in lower case, each character in its place: a few capitals become two characters."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _name_start(text: str, position: int, floor: int) -> int:
    """Return where the word around a hint begins."""
    start = position
    lowest = max(floor, position - _MOST_NAME)
    while start > lowest and (text[start - 1].isalnum() or text[start - 1] in "_-"):
        start -= 1
    is_escaped = text[start - 1 : start] == "\\" and text[start : start + 1] in ("n", "r", "t")
    if is_escaped and text[start + 1 : start + 2] != "_":
        start += 1  # an escaped line end before the name: `\npassword`
    return start


def _name_end(text: str, position: int) -> int:
    match = _NAME.match(text, position, position + _MOST_NAME)
    return position if match is None else match.end()


def _has_quote(text: str) -> bool:
    return "'" in text or '"' in text


def _values(named: _Named) -> Iterator[Span]:
    """Yield the secrets that a joint leads to."""
    if named.kind == "call":
        is_taken = is_secret_call(named.name)
        return argument_spans(named.text, named.joint.end(), named.name) if is_taken else iter(())
    if named.strength is Strength.NONE:
        return iter(())
    if named.kind in _NOTHING_ELSE:
        return _password_like(_alone(named))
    prompted = _prompted(named)
    if prompted is not None:
        return _password_like(prompted)
    return _judged_by_name(named)


_NOTHING_ELSE = ("prompt", "cell", "column", "plist", "part")
"""Joints behind which a value is all of a cell, a line or an element."""


def _alone(named: _Named) -> re.Match[str] | None:
    """Return the one word of a cell, an element or the rest of a line."""
    if named.kind == "plist":
        return ELEMENT_TEXT.match(named.text, named.joint.end())
    if named.kind == "column" and not named.opens_line and OPENS_CELL.search(named.before) is None:
        return None  # `str | bytes`: types, not cells
    return BARE_CELL.match(named.text, named.joint.end())


def _prompted(named: _Named) -> re.Match[str] | None:
    """Return what was typed below a prompt, or a value of ODBC in braces."""
    position = named.joint.end()
    if named.kind == "assign" and named.strength is Strength.STRONG:
        return IN_BRACES.match(named.text, position)
    if named.kind != "colon":
        return None
    prompted = PROMPTED.match(named.text, position)
    is_typed = prompted is not None and is_password_like(prompted["secret"])
    return prompted if is_typed else None


def _value_start(named: _Named) -> int:
    """Return where a value begins: behind a tag of YAML, in the next line, or just behind the joint."""
    position = named.joint.end()
    if named.kind == "colon":
        mark = YAML_MARK.match(named.text, position)
        position = position if mark is None else mark.end()
    if named.kind in ("assign", "colon"):
        next_line = NEXT_LINE.match(named.text, position)
        position = position if next_line is None else next_line.end()
    return position


def _judged_by_name(named: _Named) -> Iterator[Span]:
    """Yield the values that are secrets because of their name."""
    text, kind, position = named.text, named.kind, _value_start(named)
    words = " ".join(words_of(named.name))
    if words in AUTHORIZATION and kind in ("colon", "comma", "pair", "assign", "verb"):
        return authorization_spans(text, position, is_header=kind != "assign")
    is_cookie_header = words in COOKIES and kind in ("colon", "comma", "pair")
    is_cookie_repr = words == "cookie" and kind == "blank" and named.before.endswith("<")
    if is_cookie_header or is_cookie_repr:
        return cookie_spans(text, position)
    opened = OPENING.match(text, position)
    if opened is not None:
        return _quoted(named, opened)
    container = _CONTAINER.match(text, position)
    if container is not None and kind in ("assign", "colon", "comma"):
        return _contained(named, container, words)
    if kind == "element":
        return _element(named, position)
    return iter(()) if kind == "compare" else _bare(named, position)


def _password_like(match: re.Match[str] | None) -> Iterator[Span]:
    """Yield the group `secret` of a match, if it may be a password: where nothing but its looks tells."""
    if match is not None and is_password_like(match["secret"]):
        yield Span(*match.span("secret"))


def _quoted(named: _Named, opened: re.Match[str]) -> Iterator[Span]:
    """Yield the text between two quotes, if it is a secret."""
    span = quoted_text(named.text, opened)
    value = named.text[span.start : span.end]
    if named.kind == "comma" and not _may_follow_comma(named, value, span):
        return
    if named.kind in ("blank", "verb") and not named.is_option:
        is_sql = named.name.isupper() or _SQL.search(named.before) is not None
        if not is_sql and not looks_random(value) and not _has_digit_and_letter(value):
            return
    if named.kind == "element" and not named.joint["close"]:
        return
    is_sure_option = named.is_option and named.kind != "blank"
    strength = Strength.STRONG if is_sure_option else named.strength
    if is_secret_value(value, strength, Written.QUOTED, named.name):
        yield span


def _may_follow_comma(named: _Named, value: str, span: Span) -> bool:
    """Whether two strings side by side are an option, or a name, and its value: most are just a list."""
    if named.is_option:
        return not value.startswith("-")
    if not named.joint["close"]:
        return False
    if looks_random(value) and (named.strength is Strength.STRONG or len(value) >= MIN_LISTED):
        return True
    is_pair = _PAIR_OPENS.search(named.before) and named.text[span.end + 1 : span.end + 2] in (")", "]")
    return bool(is_pair) and named.strength is Strength.STRONG and any(char.isdigit() for char in value)


def _contained(named: _Named, container: re.Match[str], words: str) -> Iterator[Span]:
    """Yield the literals of a list, a tuple or a call behind a name."""
    called = container[0][:-1].rpartition(".")[2]
    is_login = words.endswith(("auth", "credentials", "login", "creds"))
    if not called:
        strength = Strength.STRONG if is_login else named.strength
        return item_spans(named.text, container.end(), named.name, strength, is_login=is_login)
    if is_secret_call(called) or (is_login and called[0].isupper()):
        return argument_spans(named.text, container.end(), called)
    return iter(())


def _element(named: _Named, position: int) -> Iterator[Span]:
    """Yield the text of an element: `<password>x</password>`, `<property name="password">x</property>`."""
    tag = named.before.rstrip("abcdefghijklmnopqrstuvwxyz:")
    if not tag.endswith("<") and not named.joint["close"]:
        return
    text = named.text
    limit = min(len(text), position + MOST_VALUE)
    end = text.find("<", position, limit)
    if end < 0:
        line_end = text.find("\n", position, limit)
        end = line_end if line_end >= 0 else limit
    value = text[position:end].strip()
    if named.is_secret(value, Written.QUOTED):
        start = text.index(value, position)
        yield Span(start, start + len(value))


def _bare(named: _Named, position: int) -> Iterator[Span]:
    """Yield a value without quotes, if it is a secret."""
    text, kind = named.text, named.kind
    word = BARE.match(text, position, position + MOST_VALUE)
    if word is None or kind == "comma":
        return
    end = word.end()
    ends_line = end == len(text) or text[end] in "\r\n"
    is_line = named.opens_line and ends_line and kind in ("assign", "colon")
    found = BARE_END.search(text, position, end)
    if found is not None and not (is_line and _ends_like_password(text[position:end])):
        end = found.start()
    value = text[position:end]
    if named.is_in_address and kind == "assign":
        is_variable = value.replace("_", "").isalpha() and strength_of(value) is not Strength.NONE
        if len(value) >= _MIN_IN_ADDRESS and not is_plain(value, named.name) and not is_variable:
            yield Span(position, end)
        return
    if kind in ("blank", "verb") and not _may_follow_blank(named, value):
        return
    if named.is_option and kind == "assign":
        is_secret = is_secret_value(value, Strength.STRONG, Written.SETTING, named.name)
    else:
        is_secret = named.is_secret(value, _written(named, is_line=is_line, follows=text[end : end + 1]))
    if is_secret:
        yield Span(position, end)


def _written(named: _Named, *, is_line: bool, follows: str) -> Written:
    """Tell a setting, in which a word is a value, from code, in which it is a variable."""
    is_tight = not any(char.isspace() for char in named.joint[0])
    if named.kind == "assign" and is_tight and follows not in (",", ")", "]", "}"):
        return Written.SETTING
    if named.kind == "colon" and is_line:
        return Written.SETTING
    if named.kind == "blank" and _NETRC.search(named.before):
        return Written.SETTING
    return Written.CODE


def _may_follow_blank(named: _Named, value: str) -> bool:
    """Whether a value may stand behind a name and a blank: of an option, in .netrc, in a sentence."""
    has_digit = any(char.isdigit() for char in value)
    if named.is_option:
        has_sign = any(not char.isalnum() and char not in "-_.,:;'/()[]<>" for char in value)
        return not value.startswith("-") and (has_digit or has_sign or has_random_case(value))
    if named.before.endswith("/"):
        return False  # the path of a request: GET /cookies HTTP/1.1
    if named.before.endswith("::"):
        return False  # a test, and what it wrote behind its id: test_x.py::test_session PASSED1.2 s
    if _NETRC.search(named.before):
        return True
    if _SETS_VARIABLE.search(named.before):
        return has_digit
    return looks_random(value) and _has_digit_and_letter(value) and len(value) >= _MIN_IN_SENTENCE


def _ends_like_password(value: str) -> bool:
    """Whether the last sign of a setting belongs to it: `abc1!`, not `f(x)` or `x,`."""
    return value[-1:] in "!?" and "(" not in value and _has_digit_and_letter(value)


def _has_digit_and_letter(value: str) -> bool:
    has_digit = any(char.isdigit() for char in value)
    return has_digit and any(char.isalpha() for char in value) and " " not in value
