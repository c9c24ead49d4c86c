"""Decide which runs of a laboratory fork from a warm parent, and have the first forks prove themselves.

A fork starts where a session has imported its libraries and nothing of the suite. Whatever changes something
later than that, forks: settings, seeds, order, files, source of the product, tracers. What acts while
libraries are imported, or on what they then hold, gets a new interpreter, and so do both arms of its
experiment. Variables are decided by the parents themselves (see `run.warm_parents`).

The first runs are new interpreters; from one of them the list of modules is learned. The first fork repeats
one of them, and beside it the same may run with meters: where the first one ends otherwise, no further run
forks, and both are run anew. Each experiment that forks is confirmed by new interpreters (see `lab.lab`).
What forks of one laboratory have shown holds for the next one of the same process, as long as code,
environment and test files are the same (see `lab.shared_forks`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from triage.lab.protocol import Observation, Setup
from triage.lab.verdict import same_reason
from triage.run.warm_parents import Imports, WarmParents

_ACT_ON_IMPORTS = frozenset({"network", "machine"})
"""Instruments of whose replacements a library that is imported behind them keeps some."""
_TRIED_AT_ONCE = 2
"""Forks that may be on their way before one is proven: the repeats of an unchanged case, side by side."""
HASH_SEED = "PYTHONHASHSEED"
"""Drawn when an interpreter starts: with and without this variable, forks of one parent share one."""


@dataclass(frozen=True)
class Way:
    """How a run is to start."""

    forks: bool = False
    may_start_parent: bool = False
    """Whether a parent may be started for it; else it forks only where one fits."""
    is_trial: bool = False
    """Whether it forks before forks are proven, to be compared with a new interpreter."""
    learns: Path | None = None
    """Where the run leaves the modules that it has imported."""


FRESH = Way()
"""A new interpreter."""


class ForkProofs:
    """Suites whose forks gave what new interpreters gave, with their imports; by code and test files."""

    def __init__(self) -> None:
        """Nothing is proven."""
        self._imports: dict[tuple[str, frozenset[str]], Imports] = {}

    def add(self, code: str, files: frozenset[str], imports: Imports) -> None:
        """Forks of sessions with these test files are proven in this state of code and environment."""
        self._imports[code, files] = imports

    def find(self, code: str, files: frozenset[str]) -> Imports | None:
        """What such a session imports; None where its forks are not proven."""
        return self._imports.get((code, files))

    def forget(self, code: str) -> None:
        """Forks of this code have ended otherwise."""
        self._imports = {key: imports for key, imports in self._imports.items() if key[0] != code}


class Warmth:
    """What is known of forks in one laboratory; several threads may ask."""

    def __init__(
        self,
        parents: WarmParents | None,
        folder: Path,
        note: Callable[[str], None],
        *,
        proofs: ForkProofs | None = None,
        code: str = "",
        has_fixed_hashes: bool = False,
    ) -> None:
        """Without parents every run is a new interpreter. `note` takes why no further run forks.

        `proofs` are what other laboratories have shown, and are told what this one shows; `code` stands for
        its state of code and environment. With `has_fixed_hashes` all interpreters order sets alike.
        """
        self.has_fixed_hashes = has_fixed_hashes
        self.parents = parents
        self._proofs = proofs if proofs is not None else ForkProofs()
        self._code = code
        self._learned_from: frozenset[str] | None = None
        """Test files of the session from which the modules were learned; None where its code was changed."""
        self.imports: Imports | None = None
        self._folder = folder
        self._note = note
        self._mutex = threading.Lock()
        self._seen: dict[str, Observation] = {}
        """What new interpreters gave, by setup, until the first fork was compared."""
        self._under_way: set[str] = set()
        """Setups that a new interpreter is running, or has run."""
        self._cases: set[str] = set()
        """The same without their meters."""
        self._is_proven = False
        self._tried = 0
        """How many forks have been started before one was proven."""
        self._first_forks: list[tuple[str, Observation]] = []
        """Their setups and what they gave, until the new interpreter that they repeat is over."""
        self._learning = 0

    @classmethod
    def none(cls) -> Warmth:
        """Every run is a new interpreter."""
        return cls(None, Path(), lambda _why: None)

    def may_fork(self, *setups: Setup) -> bool:
        """Whether all these setups fork, now that forks have proven themselves."""
        return self._is_proven and self.parents is not None and not any(map(self._acts_early, setups))

    def way(self, setup: Setup, *, fresh: bool = False, several: bool = False) -> Way:
        """How a run of this setup starts.

        `fresh`: as a new interpreter, from which something may be learned all the same; `several`: it is one
        of an experiment's rounds.
        """
        with self._mutex:
            if self.parents is None:
                return FRESH
            if self.imports is None:
                self._adopt_proof(setup)
            if self.imports is None:
                self._learning += 1
                self._begin(setup)
                return Way(learns=self._folder / f"modules.{self._learning}.json")
            if fresh or self._acts_early(setup):
                self._begin(setup)
                return FRESH
            # of a variable's many values each is tried once: a parent for each would be dearer
            fork = Way(forks=True, may_start_parent=several or not setup.env)
            if self._is_proven:
                return fork
            if not self._may_be_tried(setup):
                self._begin(setup)
                return FRESH
            self._tried += 1
            return replace(fork, is_trial=True)

    def _begin(self, setup: Setup) -> None:
        """Note that a new interpreter runs this setup."""
        self._under_way.add(_exactly(setup))
        self._cases.add(_without_meters(setup))

    def _may_be_tried(self, setup: Setup) -> bool:
        """Whether a fork of this setup can be compared, or runs beside one that is.

        What meters do to a test is no matter of forks: with others than the new interpreter had, it is not
        compared.
        """
        if self._tried == _TRIED_AT_ONCE:
            return False
        if _exactly(setup) in self._under_way:
            return True
        return self._tried > 0 and _without_meters(setup) in self._cases

    def _adopt_proof(self, setup: Setup) -> None:
        """Fork from the first run on, where an earlier laboratory has shown that forks may be trusted."""
        self.imports = self._proofs.find(self._code, _test_files(setup))
        self._is_proven = self.imports is not None

    def _acts_early(self, setup: Setup) -> bool:
        if setup.packages or HASH_SEED in setup.env:
            return True
        if any(setup.instruments.get(name) for name in _ACT_ON_IMPORTS):
            return True
        return _changes_code(setup) and self.imports is not None and self.imports.sets_variables

    def take(self, setup: Setup, way: Way, seen: Observation) -> None:
        """Learn from a run: its modules, or whether a fork gives what a new interpreter gives."""
        with self._mutex:
            if self.parents is None:
                return
            if way.learns is not None and self.imports is None:
                self.imports = Imports.read(way.learns)
                self._learned_from = None if _changes_code(setup) else _test_files(setup)
                if self.imports is not None and self.imports.trouble:
                    self._stop(self.imports.trouble)
            if way.is_trial and seen.forked:
                self._first_forks.append((_exactly(setup), seen))
            elif way.is_trial:
                self._stop(self.parents.unfit)
            elif not way.forks:
                self._seen[_exactly(setup)] = seen
            self._compare_first_forks()

    def _compare_first_forks(self) -> None:
        """Decide about forks once one of the first and the new interpreter that it repeats are over."""
        waiting = []
        for key, fork in self._first_forks:
            if key not in self._seen:
                waiting.append((key, fork))
            elif not alike(self._seen[key], fork):
                self._stop("a test ended otherwise than in a new interpreter")
                return
            else:
                self._prove()
        self._first_forks = waiting

    def _prove(self) -> None:
        self._is_proven = True
        if self._learned_from is not None and self.imports is not None:
            self._proofs.add(self._code, self._learned_from, self.imports)

    def stop(self, why: str) -> None:
        """Fork no more."""
        with self._mutex:
            self._stop(why)

    def _stop(self, why: str) -> None:
        if self.parents is not None:
            self._note(f"isolation fresh instead of warm: {why or 'no parent could be started'}")
        self.parents = None
        self._is_proven = False
        self._proofs.forget(self._code)


def alike(one: Observation, other: Observation) -> bool:
    """Whether two runs of one setup gave the same outcomes, for the same reasons."""
    if one.outcomes != other.outcomes:
        return False
    return all(same_reason(failure, other.failures.get(nodeid)) for nodeid, failure in one.failures.items())


def _changes_code(setup: Setup) -> bool:
    return bool(setup.edits or setup.commit or setup.reverted or setup.head_tests)


def _test_files(setup: Setup) -> frozenset[str]:
    return frozenset([*setup.imports, *(nodeid.partition("::")[0] for nodeid in setup.nodeids)])


def _exactly(setup: Setup) -> str:
    """Names a setup."""
    return setup.model_dump_json()


def _without_meters(setup: Setup) -> str:
    """Names a setup by all but its meters."""
    active = {name: given for name, given in setup.instruments.items() if any(given.values())}
    return setup.model_copy(update={"instruments": active}).model_dump_json()
