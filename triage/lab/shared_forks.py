"""Share warm parents among the laboratories of one process: for several clusters, or one phase after another.

A laboratory has parents of its own, which end with it. Inside `sharing_forks` the parents outlive it, and so
does what its forks have shown: the next laboratory forks from its first run on where code, environment and
test files are the same, and learns anew where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from triage.lab.warmth import ForkProofs
from triage.process.api import Executor
from triage.process.work_folder import LABORATORY, work_folder
from triage.run.warm_parents import WarmParents


@dataclass(frozen=True)
class SharedForks:
    """What the laboratories of one process have in common."""

    executor: Executor
    """It outlives each of them."""
    folder: Path
    """For the files of the parents; short-lived like them."""
    closing: ExitStack
    proofs: ForkProofs = field(default_factory=ForkProofs)
    _by_python: dict[str | None, WarmParents] = field(default_factory=dict)

    def parents(self, python: str | None, seconds: float | None) -> WarmParents:
        """The parents for a laboratory with this interpreter."""
        known = self._by_python.get(python)
        if known is None:
            folder = self.folder / f"warm{len(self._by_python)}"
            known = WarmParents(self.executor, folder, python=python, seconds=seconds, is_shared=True)
            self._by_python[python] = known
            self.closing.callback(known.close)
        known.begin_laboratory()
        return known


_SHARED: ContextVar[SharedForks | None] = ContextVar("shared_forks", default=None)


def shared_forks() -> SharedForks | None:
    """What laboratories share at this moment; None where each is on its own."""
    return _SHARED.get()


@contextmanager
def sharing_forks(root: Path, make_executor: Callable[[], Executor]) -> Iterator[None]:
    """Let all laboratories that are opened meanwhile share their parents; `root` is the suite's."""
    if _SHARED.get() is not None:
        yield
        return
    executor = make_executor()
    with work_folder(LABORATORY, root) as folder, ExitStack() as closing:
        closing.callback(executor.close)
        token = _SHARED.set(SharedForks(executor, folder, closing))
        try:
            yield
        finally:
            _SHARED.reset(token)
