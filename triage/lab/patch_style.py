"""Write patches as a maintainer would have: by the project's formatter, else in the style of each file.

A file that was not formatted before is never formatted: only the lines that the edit adds take on its
indentation and its quotes. Ends of lines and a byte order mark stay as the file has them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from triage.lab.patches import patch_of_files
from triage.model.experiment import Patch
from triage.process.formatters import Formatter, formatters_of
from triage.process.git import Repository
from triage.text.source_style import BYTE_ORDER_MARK, in_style_of, line_end_of, with_line_ends


def in_project_style(root: Path, patches: Iterable[Patch], python: str | None) -> tuple[Patch, ...]:
    """The patches with the texts of their files in the project's style.

    `python` is the suite's interpreter, beside which formatters are looked for.
    """
    style = ProjectStyle(root, python)
    styled = (style.of_patch(patch) for patch in patches)
    # without a difference somebody has made the edit meanwhile
    return tuple(patch for patch in styled if patch.diff)


@dataclass(frozen=True)
class ProjectStyle:
    """How the files of a project are written."""

    root: Path
    python: str | None = None
    _known: dict[tuple[Formatter, str], bool] = field(default_factory=dict)
    """Whether a formatter had written a file."""

    @cached_property
    def _formatters(self) -> tuple[Formatter, ...]:
        repository = Repository.find(self.root)
        top = repository.top if repository is not None else self.root
        return formatters_of(self.root.resolve(), top.resolve(), self.python)

    def of_patch(self, patch: Patch) -> Patch:
        """The patch with its texts in the style of their files; unchanged where it does not say its texts."""
        texts = {path: (self._before(path), after) for path, after in patch.edits.items()}
        if not texts:
            return patch
        styled = {
            path: (before, self._styled(path, before, after, is_verbatim=patch.is_verbatim))
            for path, (before, after) in texts.items()
        }
        made = patch_of_files(styled, patch.title)
        return patch.model_copy(update={"after": made.after, "diff": made.diff, "edits": made.edits})

    def _before(self, path: str) -> str | None:
        """The text of a file as it is on disk, ends of lines and byte order mark included."""
        file = self.root / path
        return file.read_bytes().decode("utf-8") if file.is_file() else None

    def _styled(self, path: str, before: str | None, after: str | None, *, is_verbatim: bool) -> str | None:
        if after is None:
            return None
        if before is None:
            return after if is_verbatim else self._as_new_file(path, after)
        mark = BYTE_ORDER_MARK if before.startswith(BYTE_ORDER_MARK) else ""
        end = line_end_of(before)
        old = before.removeprefix(mark)
        new = with_line_ends(after.removeprefix(BYTE_ORDER_MARK), end)
        if new == old:
            return after  # what it changes is the mark, or how lines end
        if path.endswith(".py") and not is_verbatim:
            new = in_style_of(with_line_ends(old, "\n"), with_line_ends(new, "\n"))
            new = self._formatted(path, old, with_line_ends(new, end))
        return mark + new

    def _as_new_file(self, path: str, text: str) -> str:
        """A file that the edit makes: in the project's style from its first line on."""
        if not path.endswith(".py"):
            return text
        text = in_style_of("", text, self._beside(path))
        for formatter in self._formatters:
            text = _checked(text, formatter.apply(path, text)) or text
        return text

    def _beside(self, path: str) -> str:
        """The largest Python file of the same folder: it shows best how the others are written."""
        files = [file for file in (self.root / path).parent.glob("*.py") if file.is_file()]
        largest = max(files, key=lambda file: (file.stat().st_size, file.name), default=None)
        return largest.read_text("utf-8-sig", "replace") if largest is not None else ""

    def _formatted(self, path: str, before: str, after: str) -> str:
        """The text as those formatters write it that would leave the file before as it is."""
        for formatter in self._formatters:
            if self._is_formatted(formatter, path, before):
                after = _checked(after, formatter.apply(path, after)) or after
        return after

    def _is_formatted(self, formatter: Formatter, path: str, before: str) -> bool:
        """Asked once for each file: several patches of one probe change the same."""
        key = (formatter, path)
        if key not in self._known:
            self._known[key] = formatter.apply(path, before) == before
        return self._known[key]


def _checked(text: str, formatted: str | None) -> str | None:
    """What a formatter gave; None where it is no longer the same program."""
    if not formatted:
        return None
    shape = _shape(text)
    return formatted if shape is not None and shape == _shape(formatted) else None


def _shape(text: str) -> list[str] | None:
    """The kinds of syntax nodes of a module, without its imports: these may be sorted and joined."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    others = [part for part in body if not isinstance(part, ast.Import | ast.ImportFrom)]
    return [type(node).__name__ for part in others for node in ast.walk(part)]
