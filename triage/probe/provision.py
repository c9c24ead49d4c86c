"""What may stand in for a file that is not there or not as it should be, and from where."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from triage.probe.api import Case
from triage.probe.related import related

_SIBLINGS = (".example", ".sample", ".template", ".dist", ".default", ".orig", ".bak", ".golden", ".in")
_PLACEHOLDERS: dict[str, tuple[str, ...]] = {
    ".json": ("{}", "[]"),
    ".toml": ("",),
    ".yaml": ("{}",),
    ".yml": ("{}",),
}
_MAKERS = re.compile(
    r"make|gen|build|creat|updat|prepar|record|dump|golden|fixture|snapshot|setup", re.IGNORECASE
)
_WRITES = re.compile(r"\.write|open\(.*['\"][wx]b?['\"]|dump\(|save|to_csv|copy|>\s*[\"'\w$]")
_REACHES_OUT = re.compile(
    r"\b(requests|boto\w*|upload|urllib|ssh|scp|rsync|curl|wget|push|deploy|rmtree|rm -)\b"
)
_CODE = (".py", ".pyi", ".pyc", ".so", ".toml", ".cfg", ".lock")
_MOST_ODD = 6
_BOM = b"\xef\xbb\xbf"


def likenesses(case: Case, path: str) -> Iterator[tuple[str, str]]:
    """Texts that may be what is missing: from the history, namesakes, samples, then empty ones."""
    kept: Mapping[str, Sequence[tuple[str, str]]] = case.facts.get("kept_in_git", {})
    if path in kept:
        yield from kept[path]
    for other in _alike(case, path)[:4]:
        text = case.source(other)
        if text is not None:
            yield f"a copy of {other}", text
    name = posixpath.basename(path)
    if "." not in name:
        yield "an empty folder", ""
    yield "an empty file", ""
    for text in _PLACEHOLDERS.get(posixpath.splitext(name)[1], ()):
        if text:
            yield f"a file with {text}", text


def _alike(case: Case, path: str) -> list[str]:
    name = posixpath.basename(path)
    stem = name.partition(".")[0].lower()
    others = [f for f in case.files if f != path]
    near = [f for f in others if posixpath.dirname(f) == posixpath.dirname(path)]
    found = [
        *(f for f in others if posixpath.basename(f) == name),
        *(path + end for end in _SIBLINGS if path + end in case.files),
        *(f for f in others if f.lower() == path.lower()),
        *(f for f in others if posixpath.basename(f).lower() == name.lower()),
        *(f for f in near if posixpath.basename(f).partition(".")[0].lower() == stem),
    ]
    return list(dict.fromkeys(found))


def makers(case: Case, path: str) -> list[str]:
    """Scripts of the suite that by name and text write this file, and reach for nothing outside."""
    name = posixpath.basename(path)
    found = []
    for script in case.files:
        text = case.source(script) if script.endswith((".py", ".sh")) and _MAKERS.search(script) else None
        if text is None or name not in text or script.rpartition("/")[2].startswith(("test_", "conftest")):
            continue
        if _WRITES.search(text) and not _REACHES_OUT.search(text):
            found.append(script)
    return found[:3]


def odd_files(case: Case) -> list[tuple[str, str, str]]:
    """Data files that the test names with CRLF, a byte order mark or no UTF-8: path, oddity, plain text."""
    raw: Mapping[str, bytes] = case.facts.get("bytes", {})
    data = [path for path in case.files if not path.endswith(_CODE)]
    if not raw or not data:
        return []
    code = "\n".join(case.source(path) or "" for path in related(case))
    found = []
    for path in data:
        if posixpath.basename(path) in code and (odd := _oddity(raw.get(path, b""))) is not None:
            found.append((path, *odd))
    return found[:_MOST_ODD]


def _oddity(content: bytes) -> tuple[str, str] | None:
    if b"\0" in content[:4096]:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "another encoding than UTF-8", content.decode("latin-1")
    if content.startswith(_BOM):
        return "a byte order mark", text[1:]
    return ("CRLF line endings", text.replace("\r\n", "\n")) if b"\r\n" in content else None
