"""Read what the project's settings said at an earlier commit: they are part of the tree."""

from __future__ import annotations

from dataclasses import dataclass

from triage.config import Settings, declared
from triage.errors import TriageError
from triage.model.criterion import Conditions
from triage.process.git import Repository
from triage.process.git_history import text_at

SETTINGS_FILE = "pyproject.toml"


@dataclass(frozen=True)
class DeclaredSettings:
    """Settings of a commit: what a run had beside them was given to that run alone."""

    settings: Settings

    @classmethod
    def at(cls, repository: Repository, commit: str) -> DeclaredSettings | None:
        """The settings of a commit; None where it cannot be read, or triage understands it no more."""
        if repository.resolve(commit) is None:
            return None
        try:
            return cls(declared(text_at(repository, commit, SETTINGS_FILE) or ""))
        except TriageError:
            return None

    def redeclared(self, conditions: Conditions, now: Settings) -> tuple[str, ...]:
        """Variables of a run that the settings gave it, and that today's settings give otherwise.

        A repair may lie in the settings alone; a variable that somebody gave to one run (`--env`) is none.
        """
        declared_names = {*self.settings.process_env, *now.process_env}
        return tuple(
            name
            for name, value in conditions.env.items()
            if name in declared_names and value == self.settings.process_env.get(name)
        )

    def as_declared_now(self, conditions: Conditions, now: Settings) -> Conditions:
        """The conditions of a run, with today's settings in the place of those of then."""
        own = self.redeclared(conditions, now)
        then_args, args = self.settings.pytest_args, conditions.pytest_args
        if args is not None and args[: len(then_args)] == then_args:
            args = (*now.pytest_args, *args[len(then_args) :])
        limit = conditions.test_timeout
        return conditions.model_copy(
            update={
                "env": {name: value for name, value in conditions.env.items() if name not in own},
                "pytest_args": args,
                "test_timeout": None if limit == self.settings.test_timeout else limit,
            }
        )
