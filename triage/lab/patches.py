"""Make a patch, an option for phase C, of the texts that an experiment gave files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.model.experiment import Patch
from triage.text.diff import diff_of


def patch_of_files(
    texts: Mapping[str, tuple[str | None, str | None]], title: str, reason: str = "", **more: Any
) -> Patch:
    """Edits of files as one patch: by path the text before and the text after, None where there is no file.

    `path` and `after` of the patch are those of the first file; its `diff` has all of them. `more` are other
    fields of the patch.
    """
    first, (_, after) = next(iter(texts.items()))
    diff = "".join(diff_of(path, before, new) for path, (before, new) in texts.items())
    edits = {path: new for path, (_, new) in texts.items()}
    return Patch(title=title, path=first, after=after or "", diff=diff, reason=reason, edits=edits, **more)
