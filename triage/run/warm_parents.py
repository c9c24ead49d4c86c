"""Keep processes that have imported the suite's libraries; fork from the one whose imports fit a request.

A fork must be what a new interpreter would be. So a parent has the environment of the request that it was
started for, and serves another one only where no variable differs that its start or its imports may have
read: of the start a table says so, of the imports the parent itself (see `recorder.warm_parent`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from triage.process.api import FOLDER, Executor, ForkServer, ProcessOutcome, ProcessRequest
from triage.recorder.warm_parent import COMMAND
from triage.run.command import carried

_READ_BY_THE_START = (
    # the interpreter and the C library
    "PYTHON", "LANG", "LC_", "LOCPATH", "LD_", "MALLOC_", "GLIBC_", "NLSPATH", "__PYVENV",
    # which plugins pytest loads
    "PYTEST_",
    # libraries in C, which read them where Python does not see it
    "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_", "NUMBA_",
    "TORCH", "PYTORCH_", "ATEN_", "CUDA_", "NVIDIA_", "NCCL_", "HIP_", "ROCR_", "TF_", "XLA_", "JAX_",
    "DNNL_", "ONEDNN_", "OPENSSL_", "SSL_", "TBB_", "GDAL_", "PROJ_", "QT_", "HDF5_", "MPI", "OMPI_",
)  # fmt: skip
"""Beginnings of variables whose value must be there when the parent starts."""
_SET_FOR_EACH = frozenset(
    {"PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "TRIAGE_RECORD", "TRIAGE_INSTRUMENT"}
)
"""Variables that a fork takes over from its request whatever its parent had."""
_EVERY_VARIABLE = "*"
"""A parent says so where a module has copied the whole environment."""
_MOST_PARENTS = 4
"""Each holds what it has imported: some 300 megabytes with torch."""


Step = str | tuple[str, str | None]
"""The name of a module to import, or a variable to set (None: to remove)."""


@dataclass(frozen=True)
class Imports:
    """What a session of the suite had imported when its collection was over, in order."""

    steps: tuple[Step, ...]
    later: tuple[str, ...] = ()
    """Modules that it imported while its tests ran or when it ended."""
    collected: tuple[str, ...] = ()
    """Modules that were imported during collection, not before it."""
    sets_variables: bool = False
    """Whether the suite itself set a variable before one of these imports: its code may be changed."""
    trouble: str = ""
    """Why nothing may be imported beforehand."""

    @classmethod
    def read(cls, path: Path) -> Imports | None:
        """What `recorder.modules` has written; None where the session never came so far."""
        try:
            noted = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        steps: list[Step] = []
        changes: list[Step] = []
        sets_variables = False
        for step in noted["steps"]:
            if not isinstance(step, str):
                changes.append((step[0], step[1]))
                continue
            # behind the last import a change is of no interest
            sets_variables = sets_variables or bool(changes)
            steps += [*changes, step]
            changes = []
        trouble = f"Python itself imports the suite's {noted['early'][0]}" if noted["early"] else ""
        return cls(
            tuple(steps),
            later=tuple(noted["later"]),
            collected=tuple(noted["collected"]),
            sets_variables=sets_variables,
            trouble=trouble,
        )


@dataclass(frozen=True)
class _Parent:
    """A fork server with the environment of its start."""

    server: ForkServer
    env: Mapping[str, str]
    imports: Imports
    reads: frozenset[str]
    """Variables that Python code read during the imports."""

    def fits(self, env: Mapping[str, str], imports: Imports) -> bool:
        """Whether a session in this environment with these imports may be forked."""
        # what it has loaded for later is given to whoever imports it, and nobody else sees it
        if (self.imports.steps, self.imports.collected) != (imports.steps, imports.collected):
            return False
        for name in {*self.env, *env}:
            if name in _SET_FOR_EACH or self.env.get(name) == env.get(name):
                continue
            if name.startswith(_READ_BY_THE_START) or name in self.reads or _EVERY_VARIABLE in self.reads:
                return False
        return True


class WarmParents:
    """The parents of one laboratory, or of several in turn; several threads may ask."""

    def __init__(
        self,
        executor: Executor,
        folder: Path,
        *,
        python: str | None,
        seconds: float | None,
        is_shared: bool = False,
    ) -> None:
        """`python` is the suite's interpreter; `seconds` is how long the imports of a parent may take.

        Parents that are shared live until they are closed, whatever becomes of the run that started one.
        """
        self._is_shared = is_shared
        self._executor = executor
        self._folder = folder
        self._python = python
        self._seconds = seconds
        self._parents: list[_Parent] = []
        self._mutex = threading.Lock()
        self.unfit = ""
        """Why no fork of a parent would be independent."""
        self.import_seconds = 0.0
        """Processor seconds until all parents were ready: their imports, and little else."""
        self.started = 0
        self._processes = 0
        self._loads_later = True
        """Whether parents load what sessions import behind their collection, too."""

    def from_parent(
        self, request: ProcessRequest, imports: Imports, stop: Callable[[], bool], *, may_start: bool
    ) -> ProcessRequest:
        """The request as a fork where there is a parent for it, or one may be started; else unchanged."""
        with self._mutex:
            for parent in self._parents:
                if parent.server.alive and parent.fits(request.env, imports):
                    return replace(request, fork_server=parent.server)
            if not may_start or self.unfit or self.started >= _MOST_PARENTS:
                return request
            started = self._start(request, imports, stop)
        return request if started is None else replace(request, fork_server=started.server)

    def _start(self, request: ProcessRequest, imports: Imports, stop: Callable[[], bool]) -> _Parent | None:
        """Start a parent; where what is imported later makes it unfit, another one without."""
        self.started += 1
        env = {name: value for name, value in request.env.items() if name not in _SET_FOR_EACH}
        later = imports.later if self._loads_later else ()
        server = self._start_server(request, env, replace(imports, later=later), stop)
        if later and (server is None or server.said["unfit_later"]):
            self._loads_later, self.unfit = False, ""
            if server is not None:
                server.close()
            server = self._start_server(request, env, replace(imports, later=()), stop)
        if server is None:
            return None
        parent = _Parent(server, env, imports, frozenset(server.said["reads"]))
        self._parents.append(parent)
        return parent

    def _start_server(
        self, request: ProcessRequest, env: Mapping[str, str], imports: Imports, stop: Callable[[], bool]
    ) -> ForkServer | None:
        """Start one process; None, and why in `unfit`, where it may not be forked."""
        interpreter, carry = carried(self._python, self._folder)
        self._processes += 1
        server = self._executor.start_fork_server(
            ProcessRequest(
                argv=(interpreter, "-c", COMMAND, f"{FOLDER}/settings.json"),
                cwd=request.cwd,
                env={**env} if carry is None else {**env, "PYTHONPATH": carry},
                folder=self._folder / f"parent.{self._processes}",
                test_timeout=self._seconds,
                settings={
                    "steps": list(imports.steps),
                    "collected": list(imports.collected),
                    "later": list(imports.later),
                },
            ),
            _ignore,
            _never if self._is_shared else stop,
        )
        if not server.wait_ready():
            outcome = server.close() or ProcessOutcome("lost")
            how = outcome.signal or f"exit code {outcome.exit_code}"
            self.unfit = f"a parent ended while it imported the libraries ({how})"
            return None
        self.import_seconds += float(server.said["seconds"])
        if server.unfit:
            self.unfit = "; ".join(server.unfit)
            server.close()
            return None
        return server

    def begin_laboratory(self) -> None:
        """Let the next laboratory start as many parents as the first one could."""
        self.unfit = ""
        if self.started >= _MOST_PARENTS:
            self.close()
            self.started = 0

    def close(self) -> None:
        """End all parents."""
        with self._mutex:
            while self._parents:
                self._parents.pop().server.close()


def _never() -> bool:
    return False


def _ignore(_block: bytes) -> None:
    """A parent writes no record."""
