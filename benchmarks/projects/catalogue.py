"""Which projects are used, which bugs were chosen for them, and which half each is in."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from triage.model.base import Value

PROJECTS = Path(__file__).parent / "projects.toml"
MUTANTS = Path(__file__).parent / "mutants.json"


class Half(StrEnum):
    """Whether anybody may look at a project's failures."""

    LOOK = "look"
    UNSEEN = "unseen"


class Project(Value):
    """A source distribution on the index with a quick pytest suite."""

    name: str
    version: str
    package: str
    """Folder of the product's code, from the root of the distribution."""
    tests: tuple[str, ...]
    """Folders or files for pytest, from the root."""
    path: str = "."
    """Folder that has to be on the import path, from the root."""
    needs: tuple[str, ...] = ()
    """What the suite imports beside pytest, as pip takes it."""
    arguments: tuple[str, ...] = ()
    """More arguments for pytest."""
    seen: bool = False
    """Whether the score of the unseen half it was in has been read: from then on rules may follow it."""

    @property
    def key(self) -> str:
        """Name of its files in the cache."""
        return f"{self.name}-{self.version}"

    @property
    def half(self) -> Half:
        """Decided once, by the name alone: nobody can choose what is hard to see.

        When the scores of an unseen half were read all its projects are looked at, not the bad ones alone.
        """
        if self.seen:
            return Half.LOOK
        digest = hashlib.sha256(self.name.encode("utf-8")).digest()
        return Half.LOOK if digest[0] % 2 == 0 else Half.UNSEEN


class Mutant(Value):
    """One bug: where it is made and how. What the code says there is not recorded."""

    project: str
    version: str
    file: str
    """From the root of the distribution."""
    function: str
    """Qualified name."""
    line: int
    operator: str
    seed: int
    """Which of the operator's edits in this function."""

    @property
    def label(self) -> str:
        """Names the bug among those of its project."""
        return f"{self.operator} in {self.file}:{self.function}"

    @property
    def digest(self) -> str:
        """Names the bug's files in the cache."""
        return hashlib.sha256(self.model_dump_json().encode("utf-8")).hexdigest()[:16]


def projects() -> list[Project]:
    """Every project, by name."""
    rows = tomllib.loads(PROJECTS.read_text(encoding="utf-8"))["project"]
    return sorted((Project.model_validate(row) for row in rows), key=lambda project: project.name)


def mutants_of(project: Project) -> list[Mutant]:
    """The bugs chosen for a project; none before the search."""
    return [mutant for mutant in _all_mutants() if mutant.project == project.name]


def record_mutants(project: Project, found: Sequence[Mutant]) -> None:
    """Replace the bugs of one project by others."""
    others = [mutant for mutant in _all_mutants() if mutant.project != project.name]
    rows = sorted((*others, *found), key=lambda mutant: (mutant.project, mutant.file, mutant.line))
    lines = ",\n".join(f"  {json.dumps(row.model_dump())}" for row in rows)
    MUTANTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _all_mutants() -> list[Mutant]:
    if not MUTANTS.exists():
        return []
    return [Mutant.model_validate(row) for row in json.loads(MUTANTS.read_text(encoding="utf-8"))]
