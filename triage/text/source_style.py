"""Write the added lines of an edit as the file around them is written: indentation and quotes."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

BYTE_ORDER_MARK = "\ufeff"
"""Stands at the beginning of some files from Windows; Python's parser takes it in bytes only."""
_DEFAULT_STEP = "    "
"""The indentation of edits, and of files that have none."""
_PREFIXES = "rbuRBUfF"
"""Letters in front of a literal's quote."""


def in_style_of(before: str, after: str, like: str | None = None) -> str:
    """The text of a Python file after an edit, its added lines written as `like` is, or as `before`.

    Blocks that an edit has indented by four blanks get the file's own indentation, and texts on one line get
    the quotes that most texts of the file have. What cannot be tokenized stays as it is.
    """
    model = before if like is None else like
    step = step_of(model)
    quote = usual_quote(model)
    styled = after
    try:
        if step != _DEFAULT_STEP:
            styled = _indented(styled, _added(before, after), step)
        styled = _quoted(styled, _added(before, styled), quote)
        ast.parse(styled)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return after  # a block that mixes indentations, or no Python
    return styled


def step_of(source: str) -> str:
    """The indentation that most blocks of a source have: a tab, or blanks; four blanks where none has any."""
    steps: Counter[str] = Counter()
    outer = [""]
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.INDENT:
                steps[token.string.removeprefix(outer[-1])] += 1
                outer.append(token.string)
            elif token.type == tokenize.DEDENT:
                outer.pop()
    except (tokenize.TokenError, SyntaxError):
        pass  # what was seen so far counts
    return steps.most_common(1)[0][0] if steps else _DEFAULT_STEP


def usual_quote(source: str) -> str:
    """The quote of most texts on one line that could have either; a double one where neither has more."""
    quotes: Counter[str] = Counter()
    try:
        for token in _plain_texts(source):
            quotes[token.string[-1]] += 1
    except (tokenize.TokenError, SyntaxError):
        pass
    return "'" if quotes["'"] > quotes['"'] else '"'


def _added(before: str, after: str) -> set[int]:
    """Numbers of the lines, from 1, that `before` does not have at their place."""
    old, new = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    added: set[int] = set()
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag != "equal":
            added.update(range(first + 1, last + 1))
    return added


def _plain_texts(source: str) -> Iterator[tokenize.TokenInfo]:
    """Literals of texts on one line that hold neither a quote nor a backslash."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.STRING:
            continue
        literal = token.string.lstrip(_PREFIXES)
        inner = literal[1:-1]
        if inner and not any(sign in inner for sign in "'\"\\\n"):
            yield token


def _quoted(source: str, added: set[int], quote: str) -> str:
    lines = source.splitlines(keepends=True)
    for token in _plain_texts(source):
        row, start = token.start
        end = token.end[1]
        own = token.string[-1]
        if row in added and own != quote:
            line = lines[row - 1]
            # both quotes take one column, so the columns of later texts stay right
            lines[row - 1] = line[:start] + token.string.replace(own, quote) + line[end:]
    return "".join(lines)


def _indented(source: str, added: set[int], step: str) -> str:
    """The source whose added blocks have this indentation where an edit gave them four blanks."""
    lines = source.splitlines(keepends=True)
    wanted = [""] * (len(lines) + 1)
    """By line: the indentation that its block should have."""
    actual = [""] * (len(lines) + 1)
    blocks = [("", "")]
    """Of the blocks around a token: the indentation as it is, and as it should be."""
    row = 1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.INDENT:
            own = token.string.removeprefix(blocks[-1][0])
            is_ours = token.start[0] in added and own == _DEFAULT_STEP
            blocks.append((token.string, blocks[-1][1] + (step if is_ours else own)))
        elif token.type == tokenize.DEDENT:
            blocks.pop()
        if token.type in (tokenize.NL, tokenize.COMMENT, tokenize.ENCODING, tokenize.ENDMARKER):
            continue
        # every line up to the end of the token belongs to the block, those of a text over lines too
        for line in range(max(row, token.start[0]), min(token.end[0], len(lines)) + 1):
            actual[line], wanted[line] = blocks[-1]
        row = token.end[0]
    for number in sorted(added):
        text = lines[number - 1]
        if actual[number] != wanted[number] and text.startswith(actual[number]):
            lines[number - 1] = wanted[number] + text[len(actual[number]) :]
    return "".join(lines)


def line_end_of(text: str) -> str:
    """How most lines of a text end."""
    windows = text.count("\r\n")
    return "\r\n" if windows > text.count("\n") - windows else "\n"


def with_line_ends(text: str, end: str) -> str:
    """The text with these ends of lines."""
    plain = text.replace("\r\n", "\n")
    return plain if end == "\n" else plain.replace("\n", end)
