"""Find texts that a missing file may have, scripts that make it, and files in an unusual form."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from triage.probe.api import Case
from triage.probe.related_files import related
from triage.text.pattern import pattern

_SAMPLE_SUFFIXES = (
    ".example", ".sample", ".template", ".dist", ".default", ".orig", ".bak", ".golden", ".in",
)  # fmt: skip
"""What samples of a file are called: its name and one of these."""
_EMPTY_DOCUMENTS: dict[str, tuple[str, ...]] = {".json": ("{}", "[]"), ".yaml": ("{}",), ".yml": ("{}",)}
"""Documents without content; an empty file is tried for every kind."""
_MAKER_NAMES = re.compile(
    r"make|gen|build|creat|updat|prepar|record|dump|golden|fixture|snapshot|setup", re.IGNORECASE
)
_WRITES_FILES = pattern(
    r"""
    \.write
    | open\( .* ['"] [wx]b? ['"]     # opened for writing
    | dump\( | save | to_csv | copy
    | > \s* ["'\w$]                  # redirected by a shell
    """,
    matches=["path.write_text(x)", "open(name, 'wb')", "json.dump(x, f)", "echo > out.txt"],
    rejects=["open(name, 'r')", "assert a"],
)
_REACHES_OUTSIDE = pattern(
    r"""
    \b (?: requests | boto\w* | urllib | upload | push | deploy
         | ssh | scp | rsync | curl | wget | rmtree | rm[ ]- ) \b
    """,
    matches=["import requests", "shutil.rmtree(x)", "curl -O x"],
    rejects=["dump(x)", "pushing"],
)
"""A script that talks to the outside or removes trees is not run."""
_CODE = (".py", ".pyi", ".pyc", ".so", ".toml", ".cfg", ".lock")
_MOST_NAMESAKES, _MOST_MAKERS, _MOST_ODD = 4, 3, 6
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
EMPTY_FOLDER = "an empty folder"


def replacements(case: Case, path: str) -> Iterator[tuple[str, str]]:
    """Origin and text of what may stand in for a missing file: from git, namesakes, samples, then empty."""
    in_git: Mapping[str, Sequence[tuple[str, str]]] = case.facts.get("kept_in_git", {})
    if path in in_git:
        yield from in_git[path]
    for other in _namesakes(case, path)[:_MOST_NAMESAKES]:
        text = case.source(other)
        if text is not None:
            yield f"a copy of {other}", text
    name = posixpath.basename(path)
    if "." not in name:
        yield EMPTY_FOLDER, ""
    yield "an empty file", ""
    for text in _EMPTY_DOCUMENTS.get(posixpath.splitext(name)[1], ()):
        yield f"a file with {text}", text


def _namesakes(case: Case, path: str) -> list[str]:
    """Files of the same name elsewhere, samples, other spellings, then neighbours with the same stem."""
    name = posixpath.basename(path)
    stem = name.partition(".")[0].lower()
    others = [file for file in case.files if file != path]
    neighbours = [file for file in others if posixpath.dirname(file) == posixpath.dirname(path)]
    found = [
        *(file for file in others if posixpath.basename(file) == name),
        *(path + suffix for suffix in _SAMPLE_SUFFIXES if path + suffix in case.files),
        *(file for file in others if file.lower() == path.lower()),
        *(file for file in others if posixpath.basename(file).lower() == name.lower()),
        *(file for file in neighbours if posixpath.basename(file).partition(".")[0].lower() == stem),
    ]
    return list(dict.fromkeys(found))


def makers(case: Case, path: str) -> list[str]:
    """Scripts of the suite that by name and text write this file, and reach for nothing outside."""
    name = posixpath.basename(path)
    found = []
    for script in case.files:
        if not script.endswith((".py", ".sh")) or not _MAKER_NAMES.search(script):
            continue
        if posixpath.basename(script).startswith(("test_", "conftest")):
            continue
        text = case.source(script)
        if text is None or name not in text:
            continue
        if _WRITES_FILES.search(text) and not _REACHES_OUTSIDE.search(text):
            found.append(script)
    return found[:_MOST_MAKERS]


@dataclass(frozen=True)
class OddFile:
    """A data file in a form that a reader may stumble over."""

    path: str
    oddity: str
    text: str
    """The same content in UTF-8 with LF."""
    other_encoding: bool = False
    """Whether it is not UTF-8 at all."""


def odd_files(case: Case) -> list[OddFile]:
    """Data files that the test's sources name, with CRLF, a byte order mark or another encoding."""
    raw: Mapping[str, bytes] = case.facts.get("bytes", {})
    data = [path for path in case.files if not path.endswith(_CODE)]
    if not raw or not data:
        return []
    code = "\n".join(case.source(path) or "" for path in related(case))
    found = []
    for path in data:
        if posixpath.basename(path) in code:
            odd = _odd_file(path, raw.get(path, b""))
            if odd is not None:
                found.append(odd)
    return found[:_MOST_ODD]


def _odd_file(path: str, content: bytes) -> OddFile | None:
    if b"\0" in content[:4096]:
        return None  # binary
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        # Latin-1 decodes any bytes; where it is wrong, the experiment shows it.
        return OddFile(path, "another encoding than UTF-8", content.decode("latin-1"), other_encoding=True)
    if content.startswith(_BYTE_ORDER_MARK):
        return OddFile(path, "a byte order mark", text[1:])
    if b"\r\n" in content:
        return OddFile(path, "CRLF line endings", text.replace("\r\n", "\n"))
    return None
