"""How much test files assert: what a repair must not lower."""

from __future__ import annotations

from triage.model.base import Value


class Strength(Value):
    """What the changed test files assert, before and after a patch."""

    before: int = 0
    after: int = 0
    changed: int = 0
    """Assertions of before that are not there, word for word, afterwards."""
    tautologies: int = 0
    """Assertions that the patch adds and that cannot fail."""
    skips: int = 0
    """Skip and expected-failure marks that the patch adds."""
    swallows: int = 0
    """Handlers that the patch adds and that may swallow a failure."""
    loosened: int = 0
    """Assertions of which only a limit or a tolerance is another one."""
    waits: int = 0
    """Sleeps, retries and reruns that the patch adds."""

    @property
    def treats_symptom(self) -> bool:
        """Whether the patch gives slack or time to a failure instead of mending it."""
        return bool(self.loosened or self.waits or self.skips)
