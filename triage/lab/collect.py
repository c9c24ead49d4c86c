"""Collect the tests of the suite in a scratch copy, never in the user's tree."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from triage.errors import VoidError
from triage.instruments.registry import plugin_of
from triage.lab.environment import Environment
from triage.model.run import Limits, Selection, TestResult
from triage.run.collection import MOST_LEFT_OUT
from triage.run.selection import Start, run_selection

_COLLECTING_SECONDS = 120.0
"""Time in which collection must say something."""
UNRECORDED_SECONDS = 30.0
"""The same of a suite of which no run is on record: a file that hangs while it is imported is not known then,
and each one takes all of this time, up to three times. Whatever needs longer is named, with the limit."""
_REASON_LENGTH = 200
"""Characters of a reason in a sentence."""


_USUAL_WORKERS = 2
"""Where no number is named, or one that another machine has (`-n auto`): two processes are enough to meet."""
_MOST_WORKERS = 8
"""More would only wait for each other's cores."""


@dataclass(frozen=True)
class Parallel:
    """How the suite can be run in several processes at once."""

    installed: bool = False
    """Whether pytest-xdist is there, in the suite's interpreter."""
    asked: bool = False
    """Whether the suite's own options start workers."""
    workers: int = _USUAL_WORKERS
    distribution: str = "load"
    """As `--dist` names it."""


NO_XDIST = Parallel()


@dataclass(frozen=True)
class Collected:
    """Node ids in the order of the suite, and the files that do not collect, with the reason."""

    tests: tuple[str, ...]
    broken: dict[str, str]
    parallel: Parallel = NO_XDIST


def collect(
    tree: Path,
    folder: Path,
    *,
    selectors: Sequence[str],
    environment: Environment,
    limits: Limits,
    known_killers: Mapping[str, str] = MappingProxyType({}),
    import_seconds: float | None = None,
    stop: Callable[[], bool] = lambda: False,
    forks: Forks | None = None,
) -> Collected:
    """Collect everything that the selectors name. Raises `VoidError` where nothing can be collected.

    `tree` is the copy to collect in; what pytest says goes to `folder`. `stop` says that the time is up.
    With `forks` a collection is a fork of a warm parent, where there is one.
    A file that ends the process or hangs while it is imported is left out of the next try; of
    `known_killers` (with what they did) that is known before. One that takes longer than `import_seconds`
    hangs; without a number that is as long as a test may take.
    """
    # pytest names files by the folder that it stands in, which has no link in its path
    root = os.path.realpath(tree)
    selection = Selection(
        root=root,
        nodeids=tuple(selectors),
        env={
            **dict.fromkeys(environment.unset),
            **(forks.variables if forks is not None else {}),
            **environment.variables,
        },
        pytest_args=environment.pytest_args,
        plugins=(plugin_of("listing"),),
        limits=limits_for_collection(limits, import_seconds),
    )
    killers = dict(known_killers)
    while True:
        found = _collect_once(
            selection, folder / str(len(killers)), environment, stop, without=killers, forks=forks
        )
        # what was left out cannot end a try: if it is blamed again, a further try would end like this one
        is_new = not found.killers.keys() <= killers.keys()
        if found.listing or not is_new or len(killers) >= MOST_LEFT_OUT:
            break
        killers.update(found.killers)
    broken = {**killers, **found.broken}
    tests = tuple(found.listing.get("ids", ()))
    if not tests and not broken:
        raise VoidError(
            "no-tests", f"no test was collected; {found.last_words}", "try `pytest --collect-only`"
        )
    return Collected(tests, broken, _parallel(found.listing.get("xdist")))


@dataclass(frozen=True)
class Forks:
    """How collections start that fork from the parents of a laboratory."""

    start: Start
    variables: Mapping[str, str | None]
    """The environment of the laboratory's runs, for which its parents were started."""


@dataclass(frozen=True)
class _OneCollection:
    """What one collecting process came to."""

    listing: dict[str, Any]
    """What the instrument wrote at its end; empty where it came to none."""
    broken: dict[str, str]
    """Files that did not collect, with the reason."""
    killers: dict[str, str]
    """Those of them that ended the process."""
    last_words: str


def _collect_once(
    selection: Selection,
    folder: Path,
    environment: Environment,
    stop: Callable[[], bool],
    *,
    without: Collection[str],
    forks: Forks | None,
) -> _OneCollection:
    result = run_selection(
        selection,
        env={},
        python=environment.python,
        folder=folder,
        executor=environment.executor,
        world=environment.world,
        stop=stop,
        start=forks.start if forks is not None else lambda request: request,
        ignore=[_name_for_recorder(selection.root, nodeid) for nodeid in without],
    )
    if any(attempt.ended == "interrupted" for attempt in result.attempts) and stop():
        raise VoidError(
            "budget-spent", "the budget was spent while the suite was collected", "give --budget more seconds"
        )
    broken = {error.nodeid: _reason(error) for error in result.collect_errors}
    return _OneCollection(
        listing=_listing(folder / "instruments" / "listing.jsonl"),
        broken=broken,
        killers={
            error.nodeid: broken[error.nodeid]
            for error in result.collect_errors
            if error.outcome.is_cut_short
        },
        last_words=_what_pytest_says(folder),
    )


def _name_for_recorder(root: str, nodeid: str) -> str:
    """How the recorder is told to leave something out: files and folders by path, all else by its id."""
    return nodeid if "::" in nodeid else os.path.join(root, nodeid)


def _reason(error: TestResult) -> str:
    return _last_line(error.failures[0].message if error.failures else "")


def limits_for_collection(limits: Limits, import_seconds: float | None = None) -> Limits:
    """A limit for tests is none for imports: a suite with a limit of two seconds may import for three.

    `import_seconds` is the most that the import of one file may take, where there is such a bound.
    """
    if import_seconds is not None:
        return limits.model_copy(update={"test_timeout": import_seconds})
    if limits.test_timeout is None:
        return limits
    return limits.model_copy(update={"test_timeout": max(limits.test_timeout, _COLLECTING_SECONDS)})


def _listing(path: Path) -> dict[str, Any]:
    """What the instrument in the collecting process wrote, on one line; empty where it came to nothing."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    listing: dict[str, Any] = json.loads(lines[0]) if lines else {}
    return listing


def _parallel(options: Mapping[str, Any] | None) -> Parallel:
    """From what the options of the suite ask of pytest-xdist; None where it is not installed."""
    if options is None:
        return NO_XDIST
    workers, distribution = options.get("workers"), options.get("distribution")
    asked = workers is not None or distribution is not None
    number = workers if isinstance(workers, int) and workers > 1 else _USUAL_WORKERS
    mode = distribution if distribution not in (None, "no") else "load"
    return Parallel(True, asked, min(number, _MOST_WORKERS), mode)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_REASON_LENGTH] if lines else "no reason given"


def _what_pytest_says(folder: Path) -> str:
    log = folder / "pytest.log"
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return f"pytest says: {_last_line(text)}"
