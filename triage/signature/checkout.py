"""Write `<root>` for the folder that a project was checked out to, in whatever a failure quotes.

The same failure then reads alike in every checkout: below /tmp or home, in a folder with blanks, through a
symbolic link, in the workspace of a CI system, on Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote

from triage.model.failure import Captured, Failure, Frame, Raised, beneath, origin_of, posix
from triage.model.root import guess_root, workspace_in

ROOT = "<root>"
"""Stands in texts for the absolute root of the project; `origin_of` and `beneath` take it as one."""
_BACKSLASHES = re.compile(rf"{ROOT}(?:\\{{1,2}}[\w .@+~-]+)+")
"""A path of Windows behind its root; of the words that follow only backslashes would be touched."""
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")
_SHORTEST_ROOT = 2
"""Characters: the root of the file system is no folder of a project."""


def in_any_checkout(failure: Failure) -> Failure:
    """The failure with `<root>` for its project's root; the very same where its texts do not quote one."""
    roots = failure.roots or _guessed_roots(failure)
    roots = tuple(root for root in roots if len(root) >= _SHORTEST_ROOT)
    if not roots:
        return failure
    expression = _expression(roots)
    hints = _hints(roots)
    chain = tuple(_raised(raised, expression, hints) for raised in failure.chain)
    longrepr = _replaced(failure.longrepr, expression, hints)
    captured = _captured(failure.captured, expression, hints)
    is_same = longrepr is failure.longrepr and captured is failure.captured
    if is_same and all(new is old for new, old in zip(chain, failure.chain, strict=True)):
        return failure
    return failure.model_copy(update={"chain": chain, "longrepr": longrepr, "captured": captured})


def root_in_texts(failure: Failure) -> str | None:
    """The root under which quoted tracebacks show files of the project; None where that is unknown."""
    is_known = bool(failure.roots) or any(ROOT in text for text in _texts(failure))
    return ROOT if is_known else None


def _guessed_roots(failure: Failure) -> tuple[str, ...]:
    """Of an imported failure: where its texts show the test's own file, or a source file of the project."""
    frames = [frame for raised in failure.chain for frame in raised.frames]
    absolute = " ".join(f'"{frame.path}"' for frame in frames if _ABSOLUTE.match(frame.path))
    texts = [text for text in (*_texts(failure), absolute) if "/" in text or "\\" in text]
    if not texts:
        return ()
    product = {frame.path for frame in frames if frame.origin == "product"}
    for file in (posix(failure.nodeid.partition("::")[0]), *sorted(product)):
        for text in texts:
            root = guess_root(text, file)
            if root is not None:
                return (root,)
    workspaces = (workspace_in(text) for text in texts)
    return tuple(filter(None, workspaces))[:1]


def _texts(failure: Failure) -> Iterator[str]:
    yield failure.longrepr
    for raised in failure.chain:
        yield raised.message
    yield failure.captured.stderr


@lru_cache(maxsize=256)
def _expression(roots: tuple[str, ...]) -> re.Pattern[str]:
    """Finds any spelling of the roots, the longest first."""
    spellings = "|".join(_spelling(root) for root in sorted(roots, key=len, reverse=True))
    # `/w/shop` is not in `/x/w/shop`, and is not the beginning of `/w/shop-2` or `/w/shop.old`
    return re.compile(rf"(?<![\w.@~+-])(?:/private)?(?:{spellings})(?![\w@+-]|\.\w)")


def _spelling(root: str) -> str:
    """One root as programs print it: plain, in a URL, quoted for a shell, with letters escaped."""
    parts = re.split(r"[\\/]+", root.rstrip("/\\"))
    is_windows = re.match(r"[A-Za-z]:", root) is not None
    separator = r"[\\/]{1,2}" if is_windows else "/"
    return separator.join(_part(part) for part in parts)


def _part(part: str) -> str:
    escaped = part.encode("unicode_escape").decode("ascii")
    spellings = (part, quote(part), part.replace(" ", "\\ "), escaped, ascii(part)[1:-1])
    return "(?:" + "|".join(re.escape(spelling) for spelling in dict.fromkeys(spellings)) + ")"


@lru_cache(maxsize=256)
def _hints(roots: tuple[str, ...]) -> tuple[str, ...]:
    """A part of each root that any spelling of it holds: looked for first, because it is quick."""
    plain = re.compile(r"[A-Za-z0-9_]+")
    return tuple(max(plain.findall(root), key=len, default="") for root in roots)


def _replaced(text: str, expression: re.Pattern[str], hints: tuple[str, ...]) -> str:
    """The text with `<root>`; the very same where it has none."""
    if not any(hint in text for hint in hints):
        return text
    replaced, count = expression.subn(ROOT, text)
    if not count:
        return text
    return _BACKSLASHES.sub(lambda found: found[0].replace("\\\\", "/").replace("\\", "/"), replaced)


def _raised(raised: Raised, expression: re.Pattern[str], hints: tuple[str, ...]) -> Raised:
    message = _replaced(raised.message, expression, hints)
    notes = tuple(_replaced(note, expression, hints) for note in raised.notes)
    frames = tuple(_frame(frame, expression, hints) for frame in raised.frames)
    is_same = message is raised.message and notes == raised.notes
    if is_same and all(new is old for new, old in zip(frames, raised.frames, strict=True)):
        return raised
    return raised.model_copy(update={"message": message, "notes": notes, "frames": frames})


def _frame(frame: Frame, expression: re.Pattern[str], hints: tuple[str, ...]) -> Frame:
    path = _replaced(frame.path, expression, hints)
    if path is frame.path or not path.startswith(ROOT):
        return frame
    return frame.model_copy(update={"path": beneath(path, ROOT), "origin": origin_of(path, ROOT)})


def _captured(captured: Captured, expression: re.Pattern[str], hints: tuple[str, ...]) -> Captured:
    texts = (captured.stdout, captured.stderr, captured.log)
    replaced = tuple(_replaced(text, expression, hints) for text in texts)
    if all(new is old for new, old in zip(replaced, texts, strict=True)):
        return captured
    stdout, stderr, log = replaced
    return Captured(stdout=stdout, stderr=stderr, log=log)
