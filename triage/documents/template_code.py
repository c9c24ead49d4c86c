"""Keep compiled templates: within a process, and on the disk beside Python's own compiled modules.

To compile the templates of a run takes longer than a small run of tests. A file holds the code of one
template text as one version of Python and Jinja compiled it under this environment; where it cannot be
written (an installation of another user) each process compiles for itself.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket

from triage.documents import charts, shown_values, template_values

_DAMAGED = (OSError, EOFError, pickle.UnpicklingError)
"""What reading a file meets that is not there, or not whole."""
_DIGITS = 16
"""Of the digest in a file's name."""


class TemplateCode(jinja2.BytecodeCache):
    """Compiled templates of this process: each document has an environment of its own, and few templates."""

    def __init__(self, folder: Path | None, compiled_under: str) -> None:
        """`folder` keeps code for later processes; code of another `compiled_under` is not taken."""
        self._code: dict[tuple[str, str], CodeType | None] = {}
        self._folder = folder
        self._compiled_under = compiled_under

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take the code of a template with this name and this text."""
        known = self._code.get((bucket.key, bucket.checksum))
        if known is not None:
            bucket.code = known
            return
        path = self._path(bucket)
        if path is None:
            return
        # Jinja compares its version, Python's and the checksum of the text
        with suppress(*_DAMAGED), path.open("rb") as stream:
            bucket.load_bytecode(stream)
        if bucket.code is not None:
            self._code[bucket.key, bucket.checksum] = bucket.code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._code[bucket.key, bucket.checksum] = bucket.code
        path = self._path(bucket)
        if path is None or sys.dont_write_bytecode:
            return
        temporary = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            with temporary.open("wb") as stream:
                bucket.write_bytecode(stream)
            os.replace(temporary, path)

    def _path(self, bucket: Bucket) -> Path | None:
        """The file of a template: its name follows from all that its code depends on."""
        if self._folder is None:
            return None
        said = "\0".join((bucket.key, bucket.checksum, self._compiled_under))
        digest = hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]
        return self._folder / f"template-{digest}.{sys.implementation.cache_tag}.j2c"


@cache
def code_of_templates() -> TemplateCode:
    """What every environment of this process takes its code from."""
    compiled = Path(importlib.util.cache_from_source(__file__))
    return TemplateCode(compiled.parent, _compiled_under())


def _compiled_under() -> str:
    """Jinja's version, and the state of what it may call while it compiles: filters of constants."""
    states = [jinja2.__version__]
    for module in (charts, shown_values, template_values):
        status = os.stat(str(module.__file__))
        states.append(f"{module.__name__} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(states)
