"""What identifies a failure once its volatile parts are masked, and what it shows beside that.

`Feature` and `ProcessState` are the vocabulary between `triage.signature`, which reads them off a failure,
and the join rules of `triage.cluster`, which join failures by them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from pydantic import field_validator

from triage.model.base import Value

_FORM = re.compile(r"[a-z][a-z0-9-]*/[1-9][0-9]*:[0-9a-f]{16}")


class Feature(StrEnum):
    """A kind of evidence that a failure shows; no part of its identity."""

    SITE = "site"
    """The product line that raised."""
    EXPRESSION = "expression"
    """The same, where the interpreter or a library failed in evaluating it."""
    MESSAGE = "message"
    """A message that says something wherever it is raised."""
    TEMPLATE = "template"
    """The wording without values: what a format string may have been."""
    CAUSE = "cause"
    """The innermost exception of the chain, or the named cause of a failure without a chain."""
    LINE = "line"
    """The assertion of the test itself, whatever its parameters."""
    CALLS = "calls"
    """Dotted names that the failing line of the test calls."""
    SUBJECT = "subject"
    """Attributes that an assertion looks at."""
    COMPARED = "compared"
    """Kinds of the two values of an assertion, such as `tuple == dict`."""
    VALUES = "values"
    """The masked comparison, where its values are too special to occur twice by chance."""
    GIVEN = "given"
    """Functions that gave another kind of value than was due, such as `loads() gave tuple`."""
    CHANGED = "changed"
    """Words that stand in place of others, such as `'inch' for 'cm'`."""
    NONE = "none"
    """Functions that gave None where something was due."""
    DIFFERENCE = "difference"
    """|a - b| of two numbers that should have been equal or close."""
    FACTOR = "factor"
    """a / b of two such numbers."""
    NEAR = "near"
    """Ids of the signatures that differ by one decade of the error."""
    MEASURED = "measured"
    """Largest errors and tolerance, for people to read."""
    MISSING = "missing"
    """Relative paths and modules that the failure says are not there."""
    FOLDER = "folder"
    """Folders of files that are not there."""
    NAMED = "named"
    """Relative paths in the command of a process that ended without saying why."""
    STATE = "state"
    """Members of `ProcessState`."""
    PROCESS = "process"
    """What of the process the failing lines look at, such as `environment variable HOME`."""


class ProcessState(StrEnum):
    """What a failure shows of the state of its process or of the load of its machine."""

    WORKING_DIRECTORY_MOVED = "working directory moved"
    DEFAULT_DTYPE_CHANGED = "default dtype is not float32"
    DTYPES_MIXED = "float32 meets float64"
    TIME_COMPARED = "compares a measured time with a limit"


class Signature(Value):
    """`algorithm/version:hash`. Its meaning never moves: a change of output is a new version."""

    id: str
    title: str = ""
    """One line for people; no part of the identity."""
    fields: dict[str, str] = {}
    """What went into the hash, by name, so that a join can be explained."""
    features: dict[Feature, tuple[str, ...]] = {}
    """Evidence seen beside the hash, such as `Feature.DIFFERENCE`: ("0.5",); no part of the identity."""

    @field_validator("id")
    @classmethod
    def _well_formed(cls, text: str) -> str:
        if not _FORM.fullmatch(text):
            raise ValueError(f"{text!r} is not algorithm/version:hash with 16 lower-case hex digits")
        return text

    @property
    def algorithm(self) -> str:
        """Name and version, such as `reason/1`."""
        return algorithm_of(self.id)


def algorithm_of(signature_id: str) -> str:
    """Name and version of the algorithm that gave an id, such as `reason/1`."""
    return signature_id.partition(":")[0]


def signature_id(algorithm: str, fields: Mapping[str, str]) -> str:
    """`algorithm:` and the first 16 hex digits of SHA-256 over the named fields; empty ones do not count."""
    return _digest(algorithm, tuple(sorted(item for item in fields.items() if item[1])))


@lru_cache(maxsize=65536)
def _digest(algorithm: str, content: tuple[tuple[str, str], ...]) -> str:
    text = json.dumps(dict(content), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"{algorithm}:{hashlib.sha256(text.encode('utf-8')).hexdigest()[:16]}"
