"""Write `<root>` for the folder that a project was checked out to, in whatever a failure quotes.

The same failure then reads alike in every checkout: below /tmp or home, in a folder with blanks, through a
symbolic link, in the workspace of a CI system, on Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from triage.model.failure import Captured, Failure, Frame, Raised, beneath, origin_of, posix
from triage.model.nodeid import file_of
from triage.model.root import guess_root, workspace_in

ROOT = "<root>"
"""Stands in texts for the absolute root of the project; `origin_of` and `beneath` take it as one."""
_BACKSLASHES = re.compile(rf"{ROOT}(?:\\{{1,2}}[\w .@+~-]+)+")
"""A path of Windows behind its root; of the words that follow only backslashes would be touched."""
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")
_DRIVE = re.compile(r"[A-Za-z]:")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_]+")
_SEPARATORS = re.compile(r"[\\/]+")
_SHORTEST_ROOT = 2
"""Characters: the root of the file system is no folder of a project."""
_BEFORE = r"(?<![\w.@~+-])(?:/private)?"
"""What a root may follow: `/w/shop` is not in `/x/w/shop`. macOS shows /tmp and /var below /private."""
_BEHIND = r"(?![\w@+-]|\.\w)"
"""What may follow a root: `/w/shop` is not the beginning of `/w/shop-2` or `/w/shop.old`."""


def in_any_checkout(failure: Failure) -> Failure:
    """Write `<root>` for the project's root in a failure; the very same where its texts do not quote one."""
    roots = failure.roots or _guessed_roots(failure)
    usable = tuple(root for root in roots if len(root) >= _SHORTEST_ROOT)
    return _rewriter(usable).failure(failure) if usable else failure


def root_in_texts(failure: Failure) -> str | None:
    """Return the root under which quoted tracebacks show files of the project; None where it is unknown."""
    is_known = bool(failure.roots) or any(ROOT in text for text in _texts(failure))
    return ROOT if is_known else None


def _guessed_roots(failure: Failure) -> tuple[str, ...]:
    """Guess the root of an imported failure: where its texts show a file of which the relative path is known.

    These are the test's own file and source files of the project; else the workspace of a CI service.
    """
    product: set[str] = set()
    absolute: list[str] = []
    for raised in failure.chain:
        for frame in raised.frames:
            if frame.origin == "product":
                product.add(frame.path)
            if _is_absolute(frame.path):
                absolute.append(f'"{frame.path}"')
    texts = _texts_with_paths(failure, " ".join(absolute))
    own_file = posix(file_of(failure.nodeid))
    for file in (own_file, *sorted(product)):
        for text in texts:
            root = guess_root(text, file)
            if root is not None:
                return (root,)
    for text in texts:
        workspace = workspace_in(text)
        if workspace:
            return (workspace,)
    return ()


def _texts_with_paths(failure: Failure, absolute: str) -> list[str]:
    """Return the texts that may quote a path; `absolute` has those of frames in quotation marks."""
    # an imported failure without a traceback has its message twice: one look is enough
    texts = dict.fromkeys((*_texts(failure), absolute))
    return [text for text in texts if "/" in text or "\\" in text]


@lru_cache(maxsize=4096)
def _is_absolute(path: str) -> bool:
    return _ABSOLUTE.match(path) is not None


def _texts(failure: Failure) -> Iterator[str]:
    yield failure.longrepr
    for raised in failure.chain:
        yield raised.message
    yield failure.captured.stderr


@dataclass(frozen=True)
class _Rewriter:
    """Writes `<root>` for some roots; gives back the very same value where nothing changes.

    Most failures quote no path: nothing is copied for them, and a caller can tell by identity.
    """

    expression: re.Pattern[str]
    """Finds any spelling of the roots."""
    hints: tuple[str, ...]
    """A word of each root that is in any spelling of it: looked for first, because that is quick."""

    def failure(self, failure: Failure) -> Failure:
        """Rewrite the texts and paths of a failure."""
        chain = tuple(self._raised(raised) for raised in failure.chain)
        longrepr = self._text(failure.longrepr)
        captured = self._captured(failure.captured)
        is_same_chain = _are_same(chain, failure.chain)
        if is_same_chain and longrepr is failure.longrepr and captured is failure.captured:
            return failure
        return failure.model_copy(update={"chain": chain, "longrepr": longrepr, "captured": captured})

    def _raised(self, raised: Raised) -> Raised:
        message = self._text(raised.message)
        notes = tuple(self._text(note) for note in raised.notes)
        frames = tuple(self._frame(frame) for frame in raised.frames)
        if message is raised.message and notes == raised.notes and _are_same(frames, raised.frames):
            return raised
        return raised.model_copy(update={"message": message, "notes": notes, "frames": frames})

    def _frame(self, frame: Frame) -> Frame:
        path = self._text(frame.path)
        if path is frame.path or not path.startswith(ROOT):
            return frame
        return frame.model_copy(update={"path": beneath(path, ROOT), "origin": origin_of(path, ROOT)})

    def _captured(self, captured: Captured) -> Captured:
        stdout = self._text(captured.stdout)
        stderr = self._text(captured.stderr)
        log = self._text(captured.log)
        if _are_same((stdout, stderr, log), (captured.stdout, captured.stderr, captured.log)):
            return captured
        return Captured(stdout=stdout, stderr=stderr, log=log)

    def _text(self, text: str) -> str:
        if not any(hint in text for hint in self.hints):
            return text
        replaced, count = self.expression.subn(ROOT, text)
        return _BACKSLASHES.sub(_with_slashes, replaced) if count else text


def _are_same(new: tuple[object, ...], old: tuple[object, ...]) -> bool:
    """Whether two rows have the very same values."""
    return all(one is other for one, other in zip(new, old, strict=True))


def _with_slashes(path: re.Match[str]) -> str:
    return path[0].replace("\\\\", "/").replace("\\", "/")


@lru_cache(maxsize=256)
def _rewriter(roots: tuple[str, ...]) -> _Rewriter:
    longest_first = sorted(roots, key=len, reverse=True)
    spellings = "|".join(_spelling(root) for root in longest_first)
    hints = tuple(max(_PLAIN_WORD.findall(root), key=len, default="") for root in roots)
    return _Rewriter(re.compile(f"{_BEFORE}(?:{spellings}){_BEHIND}"), hints)


def _spelling(root: str) -> str:
    """Return an expression for one root as programs print it."""
    parts = _SEPARATORS.split(root.rstrip("/\\"))
    is_windows = _DRIVE.match(root) is not None
    separator = r"[\\/]{1,2}" if is_windows else "/"
    return separator.join(_part(part) for part in parts)


def _part(part: str) -> str:
    """Return an expression for one folder of a root: plain, in a URL, for a shell, with letters escaped."""
    in_url = quote(part)
    in_shell = part.replace(" ", "\\ ")
    in_escapes = part.encode("unicode_escape").decode("ascii")
    in_ascii_repr = ascii(part)[1:-1]
    spellings = dict.fromkeys((part, in_url, in_shell, in_escapes, in_ascii_repr))
    return "(?:" + "|".join(re.escape(spelling) for spelling in spellings) + ")"
