"""Find the paths that a failure says are not there."""

from __future__ import annotations

import re
from typing import NamedTuple

from triage.text.hints import holds_any
from triage.text.pattern import pattern

_MOST_PATHS = 20
_MOST_FOLDERS = 5
_LONGEST_LINE = 2000

_ASKS_WHETHER = r"\b(?:exists|is_?file|is_?dir|lexists)\b"
_ASKS = re.compile(_ASKS_WHETHER)
_IS_THERE = pattern(
    rf"""
    ^(?:E\s+)?\s*(?:\+\s*)?
    (?: assert[ ]not\b.*{_ASKS_WHETHER} | where[ ]True[ ]=[ ](?:<function[ ])?{_ASKS_WHETHER} )
    """,
    flags=re.MULTILINE,
    matches=[
        "assert not Path('x').exists()",
        "E    +  where True = exists()",
        " +  where True = exists()",
        " +  where True = <function exists at 0x7f31>('x/y.csv')",
    ],
    rejects=["assert Path('x').exists()", "where False = exists()"],
)
"""The complaint is that a path is there: the opposite of a missing one."""
_MISSING = pattern(
    r"""
      [Nn]o[ ]such[ ]file | [Nn]ot[ ]found | does[ ]not[ ]exist | doesn't[ ]exist | [Mm]issing
    | cannot[ ]open | can't[ ]open | could[ ]not[ ]open | [Uu]nable[ ]to[ ]open | cannot[ ]find
    | exists\( | is_file\( | No[ ]module[ ]named | not[ ]readable
    """,
    matches=["[Errno 2] No such file or directory: 'x'", "can't open file 'x'", "where False = exists()"],
    rejects=["the beam is off"],
)
_RELATIVE = pattern(
    r"""
      (?<![\w/.~<-])(?:\.{1,2}/)*(?:[\w.+-]+/)+[\w.+-]*\w
    | (?<![\w/.])\.{1,2}/[\w.+-]+
    | (?<=['\"])[\w+-]+\.\w{1,5}(?=['\"])
    """,
    matches=["'data/elements.csv'", "../x", "'table.csv'"],
    rejects=["/tmp/x", "a.b"],
)
_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NOT_THERE = pattern(
    r"No[ ]such[ ]file[ ]or[ ]directory:[ ]b?['\"]([^/'\"\n][^'\"\n]{0,300})['\"]",
    matches=["No such file or directory: 'Makefile'"],
    rejects=["No such file or directory: '/etc/x'"],
)
_BARE = pattern(
    r"""
      (?: [Nn]o[ ]such[ ]file(?:[ ]or[ ]directory)? | [Nn]ot[ ]found | [Mm]issing
        | (?:[Cc]annot|[Cc]an't|[Cc]ould[ ]not|[Uu]nable[ ]to)[ ](?:open|find|read|load) )
      :? [ ] (?:(?:the|input|data|file)[ ]){0,2} (?P<behind> [\w+-]+ \. [A-Za-z]\w{0,7} ) \b (?! [\w.(/] )
    | (?<![\w./'\"]) (?P<before> [\w+-]+ \. [A-Za-z]\w{0,7} )
      [ ] (?: (?:was|is)[ ]not[ ]found | not[ ]found | does[ ]not[ ]exist | doesn't[ ]exist | is[ ]missing )
    """,
    matches=["Missing scaled.hkl", "cannot open the file table.csv", "elements.csv does not exist"],
    rejects=["missing argument", "cannot find os.path.join", "Missing shop.load()", "data/x.csv is missing"],
)
"""A file that is named without a folder and without quotation marks."""
_FOLDER = pattern(
    r"No[ ]such[ ]file[ ]or[ ]directory:[ ]b?['\"](?P<folder>[^'\"\n]{1,300})/[^/'\"\n]{1,200}['\"]",
    matches=["No such file or directory: 'data/elements.csv'"],
    rejects=["No such file or directory: 'Makefile'"],
)
_TEMPORARY = ("/tmp", "/var", "/private", "/dev")


_MISSING_HINTS = (
    "o such file", "ot found", "t exist", "issing", "t open", "to open", "t find", "xists(", "is_file(",
    "o module named", "t readable",
)  # fmt: skip
"""Every match of `_MISSING` holds one of these, which `in` finds many times faster."""


def says_missing(text: str) -> bool:
    """Whether the text complains that something is not there."""
    return holds_any(text, _MISSING_HINTS) and _MISSING.search(text) is not None


def concerns_paths(text: str) -> bool:
    """Whether what `missing_paths` gives for a longer text may depend on this part of it."""
    return says_missing(text) or _ASKS.search(text) is not None


class MissingInPart(NamedTuple):
    """What a part of a text, of whole lines, brings to what `missing_paths` gives for all of it."""

    complains_of_presence: bool
    """The opposite of a missing path: lines that ask whether one is there then say nothing, in any part."""
    paths: tuple[str, ...]
    paths_if_present: tuple[str, ...]
    """Where some part complains that a path is there."""


NOTHING_MISSING = MissingInPart(complains_of_presence=False, paths=(), paths_if_present=())


def missing_in_part(text: str) -> MissingInPart:
    """What this part of a longer text says is not there."""
    if not concerns_paths(text):
        return NOTHING_MISSING
    complains = _IS_THERE.search(text) is not None
    return MissingInPart(complains, _missing(text, is_there=False), _missing(text, is_there=True))


def missing_paths(text: str) -> tuple[str, ...]:
    """Relative paths and modules that the text says are not there."""
    if not says_missing(text):
        return ()
    return _missing(text, is_there=_IS_THERE.search(text) is not None)


def _missing(text: str, *, is_there: bool) -> tuple[str, ...]:
    found: set[str] = set()
    for line in text.splitlines():
        if not _MISSING.search(line) or (is_there and _ASKS.search(line)):
            continue
        paths = [*_RELATIVE.findall(line[:_LONGEST_LINE]), *_NOT_THERE.findall(line)]
        for bare in _BARE.finditer(line[:_LONGEST_LINE]):
            paths.append(bare["behind"] or bare["before"])
        found.update(path.removeprefix("./") for path in paths)
        found.update(name.replace(".", "/") for name in _NO_MODULE.findall(line))
    return tuple(sorted(path for path in found if not path.startswith("http")))[:_MOST_PATHS]


def missing_folders(text: str) -> tuple[str, ...]:
    """Folders of files that are not there; temporary ones do not count."""
    found = {match["folder"] for match in _FOLDER.finditer(text)}
    return tuple(sorted(folder for folder in found if not folder.startswith(_TEMPORARY)))[:_MOST_FOLDERS]


def relative_paths(text: str) -> tuple[str, ...]:
    """Every relative path in the text."""
    return tuple(sorted(set(_RELATIVE.findall(text))))[:_MOST_PATHS]
