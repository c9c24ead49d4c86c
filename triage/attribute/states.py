"""The states of the code that a joint search runs: commits with the head's tests, with hunks taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from triage.base.trees import BaseTrees
from triage.lab.protocol import Setup
from triage.process.git import Repository
from triage.process.scratch import Overlay, Scratch
from triage.text.hunks import Difference

_CHECKOUT = "checkout"
"""The instrument that turns imports of the user's tree to the copy, and tells where one led there still."""


class SearchedStates:
    """Resolves setups with `head_tests` and `reverted`: the trees of commits, and the texts of hunks."""

    def __init__(self, scratch: Scratch, repository: Repository, modules: Iterable[str]) -> None:
        """`modules` are the files with collected tests."""
        self._scratch = scratch
        self._repository = repository
        self._modules = tuple(modules)
        self._trees: dict[str, BaseTrees] = {}
        self._differences: dict[str, Difference] = {}

    def trees(self, commit: str) -> BaseTrees:
        """A commit in both forms; makes its copies, so not from two threads."""
        if commit not in self._trees:
            self._trees[commit] = BaseTrees(self._scratch, self._repository, commit, self._modules)
        return self._trees[commit]

    def know(self, commit: str | None, difference: Difference) -> None:
        """From now on resolve hunks of setups on this commit (None: today's tree) by this difference."""
        self._differences[commit or ""] = difference

    def overlay(self, setup: Setup) -> Overlay | None:
        """The head's tests, where the setup asks for them."""
        if setup.commit is None or not setup.head_tests:
            return None
        return self.trees(setup.commit).overlay

    def edits(self, setup: Setup) -> Mapping[str, str | None]:
        """The texts without the setup's reverted hunks, then its own edits."""
        if not setup.reverted:
            return setup.edits
        difference = self._differences[setup.commit or ""]
        return {**difference.edits(difference.named(setup.reverted)), **setup.edits}

    def instruments(self, setup: Setup, tree: Path) -> Mapping[str, Any]:
        """Those of the setup, and the one that keeps imports inside of the copy."""
        below = len(self._repository.root.relative_to(self._repository.top).parts)
        top = tree.parents[below - 1] if below else tree
        return {**setup.instruments, _CHECKOUT: {"from": str(self._repository.top), "to": str(top)}}


def foreign_files(measured: Mapping[str, tuple[dict[str, Any], ...]]) -> tuple[str, ...]:
    """Files of the user's tree that a run imported all the same: then it says nothing of its own state."""
    lines = measured.get(_CHECKOUT, ())
    return tuple(sorted({name for line in lines for name in line.get("files", ())}))
