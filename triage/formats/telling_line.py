"""Find the first line of a failure's text that tells what went wrong, whatever tool wrote it.

Writers put the reason in the message, in the text of the element, or nowhere but in the output, and before it
what says nothing: the test's own name, a location, a heading, "Failed". So a line is judged by what is left
of it without these; where nothing is left, the next line is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from triage.model.failure import UNTOLD
from triage.text.pattern import pattern

_KEPT_LINES = 40
"""Of a reason: the difference of two values has more, and the whole text is kept beside it."""
_LOOKED_AT_CHARS = 500
"""Of a line that is judged: what a line says stands at its beginning, and some lines have a megabyte."""
_LOOKED_AT_LINES = 4000
"""Of an output, from its end: what went wrong is said late."""
_SHORTEST_NAME = 3
"""Characters of a name that is taken out of a line: shorter ones are parts of words."""

_STACK_FRAME = pattern(
    r"""
      ^ \s* at [ ] \S .* [(:] .* \d                    # at total (src/cart.js:4:21), at a.b.C.d(C.java:7)
    | ^ \s* at [ ] [\w.$<>`\[\]+]+ \( .* \)            # at Shop.Cart.Total() in C:\cart.cs:line 7
    | ^ \s* at [ ] (?: async[ ] )? (?: file:// )? / \S+ $
    | ^ \s* File [ ] "[^"]+" , [ ] line [ ] \d+        # Python
    | ^ \s* \#? \d+ [ :]? [ ]* (?: 0x[0-9a-f]+ \b | /\S+ \( \d+ \) )  # gdb, PHP
    | ^ \s* (?: from [ ] )? \S+ : \d+ (?: :\d+ )? :? in [ ] [`'] \S    # Ruby
    | ^ \s* \S+ \.go : \d+ [ ] \+ 0x                   # Go
    | ^ \s* \.\.\. [ ] \d+ [ ] more                    # Java
    | ^ \s* >? \s* \d+ \s \|                            # a quoted source line
    | ^ \s* \| [ ]* \^                                  # its marker
    """,
    matches=[
        "    at Object.<anonymous> (src/cart.test.js:4:21)",
        "\tat com.acme.CartTest.total(CartTest.java:7)",
        "   at Shop.Cart.Total() in C:\\cart.cs:line 7",
        '  File "/srv/a.py", line 3, in total',
        "#1 /srv/vendor/phpunit/TestCase.php(1548): run()",
        "> 4 |   expect(total).toBe(3)",
        "\t/go/src/testing/testing.go:1595 +0xff",
    ],
    rejects=["at least one gradient is zero", "Expected: 3", "want 0, got 1", "File not found: a.txt"],
    how="match",
)
_STACK_HEADING = pattern(
    r"""
    ^ \s* (?: Traceback [ ] \( most [ ] recent [ ] call [ ] last \) | (?: stack | back ) [ ]? trace
            | error [ ] trace | call [ ] stack | goroutine [ ] \d+ [ ] \[ .* \] ) \s* :?
      (?: \s+ \S+ :\d+ )? \s* $
    """,
    matches=["Traceback (most recent call last):", "Stack trace:", "Error Trace:\t/x/cart_test.go:12",
             "goroutine 7 [running]:", "Stacktrace"],
    rejects=["Backtrace is empty", "Error: trace is off"],
    flags=re.IGNORECASE,
    how="match",
)  # fmt: skip
_LOCATION = pattern(
    r"""
      (?: in [ ] test [ ] file [ ] )? (?: [A-Za-z]:[\\/] )? [^\s:()'"]{1,200}
          \. \w{1,20} (?: : \d{1,9} ){1,2} :?
    | (?: in [ ] test [ ] file [ ] )? [^\s:()'"]{1,200} \. \w{1,20} , [ ] line [ ] \d{1,9}
    """,
    matches=["src/lib.rs:10:9:", "cart_test.go:9:", "in test file test/a.bats, line 3", "C:\\x\\a.cs:12"],
    rejects=["expected: 3", "10:09:12", "total 3"],
)
_LEADING_LOCATION = re.compile(rf"\s*\(?(?:{_LOCATION.pattern})\)?\s*(?:-\s+)?", re.VERBOSE)
_NUMBERED = re.compile(r"^\s*\d+[).]\s+")
_MEASURE = pattern(
    r"""
      \( [^()]{0,40} \d [\d.,:]* \s* (?: ns | [mµu]?s | sec \w* | min \w* )? \)     # (0.00s), (took 3 ms)
    | \b \d+ (?= \s+ (?: tests? | failures? | failed | errors? | passed ) \b )
    """,
    matches=["(0.00s)", "(3 ms)", "(took 1.2 s)", "1 test"],
    rejects=["(a, b)", "3 apples"],
)
_STATUS_COLUMN = pattern(
    r"^ \s* \[ [ =A-Z-]{3,14} \] ",
    matches=["[ RUN      ] Math.Adds", "[==========] Running 1 test", "[  FAILED  ] Math.Adds"],
    rejects=["[1, 2] != [1]", "[chromium] fails"],
)
_WORDS_OF_FAILING = frozenset(
    {"a", "an", "the", "test", "tests", "testcase", "case", "cases", "fail", "fails", "failed",
     "failing", "failure", "failures", "error", "errors", "errored", "exception", "assertion", "assert",
     "run", "running", "ran", "in", "at", "of", "on", "with", "thread", "panicked", "main", "exit",
     "exited", "code", "status", "process", "undefined", "null", "none", "true", "false", "unknown",
     "reason", "stack", "trace", "ok", "not"}
)  # fmt: skip
"""What a line may be made of and still say no more than that something failed."""
_WORD = re.compile(r"[^\W\d_]+")
_LABEL = pattern(
    r"^ (?P<label> Error | Messages? | Failure/Error | Failure | Reason ) : \s+ (?= \S )",
    matches=["Error:      \tNot equal:", "Message: bad", "Failure/Error: expect(1).to eq 2"],
    rejects=["Error:", "Errors: 3", "TypeError: x"],
)
_DUE = pattern(
    r"^ \s* (?: expected | want(?:ed)? | left ) \s* : \s* \S .* $",
    matches=["Expected: 3", "    expected: 1", "  left: 4"],
    rejects=["Expected:", "Expected equality of these values:", "leftover: 3"],
    flags=re.IGNORECASE,
    how="match",
)
_CAME = pattern(
    r"^ \s* (?: received | but[ ]was | actual | got | right ) \s* : \s* \S .* $",
    matches=["Received: 2", "  But was:  2", "actual  : 2", " right: 5"],
    rejects=["Received:", "copyright: 3"],
    flags=re.IGNORECASE,
    how="match",
)
_REMOVED = pattern(
    r"^ \s* - \s* (?! Expected | actual | - ) \S .* $",
    matches=["-     3,", "      -2"],
    rejects=["- Expected  - 1", "--- a", "+ 2"],
    how="match",
)
_ADDED = pattern(
    r"^ \s* \+ \s* (?! Received | expected | \+ ) \S .* $",
    matches=["+     2,", "      +3"],
    rejects=["+ Received  + 1", "+ expected - actual", "+++ b"],
    how="match",
)
"""Lines of a difference, without its heading."""
_VALUES_BELOW = 2
"""Lines below one that ends with a colon which belong to it: what was due, what came."""
_SOUNDS_WRONG = pattern(
    r"error | fail | assert | exception | panic | fatal | expected | abort | segmentation | not[ ]ok "
    r"| cannot | unable | denied | refused | no[ ]such | not[ ]found | timed?[ ]?out",
    matches=["a.out: a.c:5: main: Assertion `x == 1' failed.", "Segmentation fault", "No such file"],
    rejects=["total 3", "starting"],
    flags=re.IGNORECASE,
)


def telling_text(reasons: Sequence[str], outputs: Sequence[str], names: Collection[str]) -> str:
    """The reason of a failure from its first telling line on, without its stack; empty where nothing tells.

    `reasons` are asked first, in order, then `outputs` from the first line that sounds wrong. `names` are
    those of the test and of where it ran: a line that only repeats them says nothing.
    """
    longest_first = sorted((name for name in names if len(name) >= _SHORTEST_NAME), key=len, reverse=True)
    for text in reasons:
        found = _from_first_telling(text.splitlines(), longest_first)
        if found:
            return found
    for text in outputs:
        lines = text.splitlines()[-_LOOKED_AT_LINES:]
        wrong = next((index for index, line in enumerate(lines) if _SOUNDS_WRONG.search(line)), None)
        if wrong is not None:
            found = _from_first_telling(lines[wrong:], longest_first)
            if found:
                return found
    return _last_resort(reasons, outputs, longest_first)


def _last_resort(reasons: Sequence[str], outputs: Sequence[str], names: Sequence[str]) -> str:
    """Where nothing sounds wrong: the last words of an output, which are no reason and no identity."""
    shown = next((line.strip() for text in reasons for line in text.splitlines() if line.strip()), "")
    for text in outputs:
        for line in reversed(text.splitlines()[-_LOOKED_AT_LINES:]):
            if _tells(line, names):
                return f"{shown or UNTOLD}; its last words: {line.strip()}"
    return shown


def _from_first_telling(lines: Sequence[str], names: Sequence[str]) -> str:
    start = next((index for index, line in enumerate(lines) if _tells(line, names)), None)
    if start is None:
        return ""
    first = _LABEL.sub(r"\g<label>: ", _without_location(lines[start]))
    rest = [*_until_stack(lines[start + 1 : start + _KEPT_LINES])]
    while rest and _ends_without_telling(rest[-1], names):
        rest.pop()
    return "\n".join([_completed(" ".join(first.split()), rest), *rest])


def _without_location(line: str) -> str:
    line = _NUMBERED.sub("", line)
    location = _LEADING_LOCATION.match(line[:_LOOKED_AT_CHARS])
    return line[location.end() :].strip() if location else line.strip()


def _ends_without_telling(line: str, names: Sequence[str]) -> bool:
    """Whether a last line is empty or a heading; a bare number may be a value."""
    return not line.strip() or (_WORD.search(line) is not None and not _tells(line, names))


def _completed(first: str, rest: Sequence[str]) -> str:
    """The line with what was due and what came, which many tools write below it.

    Without them it is the same for every failure of one matcher: `expect(received).toBe(expected)`.
    """
    came = _first_match(_CAME, rest)
    if came and _DUE.match(first):
        return f"{first}, {came}"
    due = _first_match(_DUE, rest)
    if due and came:
        return f"{first.rstrip(':')}: {due}, {came}"
    if first.endswith(":"):
        return f"{first} {', '.join(_values_below(rest))}".rstrip()
    removed, added = _first_match(_REMOVED, rest), _first_match(_ADDED, rest)
    return f"{first}: {removed} {added}" if removed and added else first


def _first_match(expression: re.Pattern[str], lines: Sequence[str]) -> str:
    """The first line that matches, white space folded; empty where none does."""
    return next((" ".join(line.split()) for line in lines if expression.match(line)), "")


def _values_below(lines: Sequence[str]) -> list[str]:
    """What a line that ends with a colon goes on with: the first lines that are not empty."""
    shown = [line.strip() for line in lines if line.strip()]
    return shown[:_VALUES_BELOW]


def _until_stack(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if _is_of_stack(line[:_LOOKED_AT_CHARS]):
            return
        yield line.rstrip()


def _is_of_stack(line: str) -> bool:
    return bool(_STACK_FRAME.match(line) or _STACK_HEADING.match(line))


def _tells(line: str, names: Sequence[str]) -> bool:
    """Whether something is left of the line without names, locations, headings and words for "failed"."""
    line = line[:_LOOKED_AT_CHARS]
    if _is_of_stack(line) or _STATUS_COLUMN.match(line):
        return False
    rest = _LOCATION.sub(" ", _NUMBERED.sub(" ", line))
    for name in names:
        rest = rest.replace(name, " ")
    rest = _MEASURE.sub(" ", rest)
    words = [word.lower() for word in _WORD.findall(rest)]
    if any(word not in _WORDS_OF_FAILING for word in words):
        return True
    compares = any(sign in rest for sign in ("==", "!=", "<", ">"))
    return compares and any(character.isdigit() for character in rest)
