"""Find the process state a polluting test leaks, and the part whose restoration makes the victim pass."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triage.instruments.process_state_table import in_words
from triage.lab.protocol import Answer, Experiment, Observation, Setup, Step
from triage.model.experiment import Factor, Status
from triage.model.nodeid import file_of
from triage.probe.api import Case, look, test
from triage.probe.minimise import minimise
from triage.probe.sources import literal_of
from triage.probe.treatment import repeats_of
from triage.text.difference import around_difference
from triage.text.pattern import pattern

State = Mapping[str, Sequence[str]]
"""Keys of process state (`cwd`, `env:NAME`, `attr:module.name` ...), each with a digest and a short text."""

_ALWAYS_DIFFERENT = pattern(
    r"""
    env:(?: TMPDIR | PYTEST_.* | TRIAGE_.* | COLUMNS | LINES )    # set anew for each process
    | logging:(?: asyncio | concurrent.* )                        # loggers that pytest's plugins make
    | module: .* _pytest .*
    | sys\.argv
    """,
    matches=["env:TMPDIR", "env:PYTEST_CURRENT_TEST", "logging:asyncio", "module:_pytest.cacheprovider"],
    rejects=["env:HOME", "cwd", "module:app", "logging:app"],
    how="fullmatch",
)
"""Keys that differ between any two processes, whatever the tests do."""
_LIKELY_FIRST = (
    "cwd",
    "env:",
    "locale:",
    "torch.default",
    "random.state",
    "numpy.random",
    "torch.",
    "warnings",
    "decimal",
)
"""Beginnings of keys, in the order in which they are tried: what tests leak most often first."""
_MOST_KEYS = 400
_BEGINNING = 400
"""Characters of a value that tell what kind of value it is, and of a small one all of it."""
_TRIED_ALONE = 3
"""Likely keys that are restored one by one before all are restored together."""
_SIDE_BY_SIDE = 2
"""Keys that are tried in one batch."""
_FILES = ("file:", "tmp:")
"""Beginnings of the keys of files."""


@dataclass(frozen=True)
class LeakedState:
    """The keys whose restoration makes the victim pass, as a confirmed experiment has shown."""

    keys: tuple[str, ...]
    shown: tuple[str, ...]
    """For each key, how it reads where nothing leaked and how it reads after the polluters."""
    clean: tuple[str, ...]
    """Each value as the victim finds it where nothing leaked, as a short text."""
    dirty: tuple[str, ...]
    """Each value as the victim finds it after the polluters, as a short text."""
    factor: Factor


@dataclass(frozen=True)
class _Search:
    """What every step of the search needs."""

    probe: str
    case: Case
    polluted: Setup
    dirty: State
    """State before the victim, after the polluters."""
    clean: State
    """State before the victim where nothing leaked."""
    without: Setup
    """The run that gave it."""

    def restoring(self, keys: Sequence[str], moment: str) -> Setup:
        """Run the polluters, then put these keys back to their values of that moment before the victim."""
        settings = {"restore": list(keys), "before": self.case.nodeid, "from": moment}
        return self.polluted.plus(instruments={"state": settings})


_Found = Generator[tuple[Step, ...], tuple[Answer, ...], LeakedState | None]


def find_leaked_state(probe: str, case: Case, polluted: Setup, clean: Setup) -> _Found:
    """Compare the state before the victim in both setups; then restore what differs, as the treatment."""
    watch = {"state": {"watch": [case.nodeid]}}
    # what the polluters' files define when they are imported is no leak of their tests
    alike = clean.plus(imports=_files_of(polluted))
    dirty_run, clean_run = yield from look(
        polluted.plus(instruments=watch),
        alike.plus(instruments=watch),
        why="what the test finds before it starts",
    )
    differing = differing_keys(found_state(dirty_run, case.nodeid), found_state(clean_run, case.nodeid))
    without = alike
    if not differing and alike != clean:
        without = clean
        (clean_run,) = yield from look(
            clean.plus(instruments=watch), why="what the test finds where no other file is imported"
        )
        differing = differing_keys(found_state(dirty_run, case.nodeid), found_state(clean_run, case.nodeid))
    if not differing:
        return None
    search = _Search(
        probe=probe,
        case=case,
        polluted=polluted,
        dirty=found_state(dirty_run, case.nodeid).state,
        clean=found_state(clean_run, case.nodeid).state,
        without=without,
    )
    single = yield from _single_key(search, differing)
    if single is not None:
        within = yield from _within(search, single)
        return within or (yield from _prove(search, (single,), "collected"))
    # "collected": as it was after collection; "start": as it was before any module of the suite was imported.
    for moment in ("collected", "start"):
        keys = yield from _fewest_keys(search, differing, moment)
        if keys:
            return (yield from _prove(search, keys, moment))
    return None


def _single_key(
    search: _Search, differing: Sequence[str]
) -> Generator[tuple[Step, ...], tuple[Answer, ...], str | None]:
    """The first of the likeliest keys whose restoration alone is enough."""
    likely = differing[:_TRIED_ALONE]
    for start in range(0, len(likely), _SIDE_BY_SIDE):
        keys = likely[start : start + _SIDE_BY_SIDE]
        setups = [search.restoring((key,), "collected") for key in keys]
        runs = yield from look(*setups, why="one likely key restored")
        for key, run in zip(keys, runs, strict=False):
            if run.passed(search.case.nodeid):
                return key
    return None


def _within(search: _Search, key: str) -> _Found:
    """The fewest attributes of objects in a leaked container whose restoration is enough; None for others.

    A container of many objects says little of what leaks, and costs much to put back as a whole.
    """
    clean = _text(search.clean, key)
    if not key.startswith("attr:") or not clean.startswith(("{", "[")) or literal_of(clean) is not None:
        return None
    nodeid = search.case.nodeid
    watch = {"state": {"watch": [nodeid], "inside": key}}
    runs = yield from look(
        search.polluted.plus(instruments=watch),
        search.without.plus(instruments=watch),
        why=f"which object in {in_words(key)}",
    )
    dirty, clean_state = (found_state(run, nodeid).state for run in runs)
    members = [name for name in dirty if name.startswith(f"{key}[") and name in clean_state]
    differing = [name for name in members if _digest(dirty, name) != _digest(clean_state, name)]
    if not differing:
        return None
    inside = replace(search, dirty=dirty, clean=clean_state)
    keys = yield from _fewest_keys(inside, differing, "collected")
    return (yield from _prove(inside, keys, "collected")) if keys else None


def _fewest_keys(
    search: _Search, differing: Sequence[str], moment: str
) -> Generator[tuple[Step, ...], tuple[Answer, ...], tuple[str, ...]]:
    """The fewest keys whose restoration is enough; none where even all together are not."""
    (run,) = yield from look(search.restoring(differing, moment), why="everything that differs restored")
    if not run.passed(search.case.nodeid):
        return ()
    return (
        yield from minimise(
            differing,
            lambda part: search.restoring(part, moment),
            lambda seen: seen.passed(search.case.nodeid),
            "fewer keys restored",
        )
    )


def _prove(search: _Search, keys: Sequence[str], moment: str) -> _Found:
    repeats, alpha = repeats_of(search.case)
    named = " and ".join(in_words(key) for key in keys)
    factor = Factor(kind="restore", name=" + ".join(keys), from_="leaked", to="restored")
    (trial,) = yield from test(
        Experiment(
            probe=search.probe,
            factor=factor,
            prediction=f"With {named} put back before it, the test passes after its polluters too.",
            arm_names=("after its polluters", f"with {named} put back"),
            baseline=search.polluted.plus(instruments={"state": {}}),
            treated=search.restoring(keys, moment),
            watch=(search.case.nodeid,),
            repeats=repeats,
            alpha=alpha,
        )
    )
    if trial.result.status is not Status.CONFIRMED:
        return None
    shown = tuple(_shown(search, key) for key in keys)
    return LeakedState(
        keys=tuple(keys),
        shown=shown,
        clean=tuple(_text(search.clean, key)[:_BEGINNING] for key in keys),
        dirty=tuple(_text(search.dirty, key)[:_BEGINNING] for key in keys),
        factor=factor,
    )


def _shown(search: _Search, key: str) -> str:
    """A key with both of its values, cut so that what differs is seen."""
    alone, here = around_difference(_words(search.clean, key), _words(search.dirty, key))
    if alone == here:
        return f"{in_words(key)} (another value here than alone, of which both read {alone})"
    return f"{in_words(key)} ({alone} alone, {here} here)"


def _files_of(setup: Setup) -> tuple[str, ...]:
    """The files of the tests of a setup, where it has several and imports none besides."""
    files = tuple(dict.fromkeys(file_of(nodeid) for nodeid in setup.nodeids))
    return files if len(files) > 1 and not setup.imports else ()


@dataclass(frozen=True)
class FoundState:
    """What a test found before it started."""

    state: State
    untouched: frozenset[str]
    """Keys that nothing had touched since the process began."""


def found_state(run: Observation, nodeid: str) -> FoundState:
    """What the instrument `state` recorded before a test; empty where it recorded nothing."""
    # of a test that ran twice the second time counts
    for line in reversed(list(run.lines("state", "found"))):
        if line.get("nodeid") == nodeid:
            return FoundState(line["places"], frozenset(line.get("untouched", ())))
    return FoundState({}, frozenset())


def differing_keys(dirty: FoundState, clean: FoundState) -> list[str]:
    """Keys whose values differ, the likeliest first; what was only imported is no difference.

    Nor is what two processes have otherwise from the start: their folders, their random numbers.
    """
    differing = []
    for key in {**dirty.state, **clean.state}:
        if _digest(dirty.state, key) == _digest(clean.state, key):
            continue
        if key in dirty.untouched and key in clean.untouched:
            continue
        if _ALWAYS_DIFFERENT.fullmatch(key) or _only_imported(key, dirty.state, clean.state):
            continue
        differing.append(key)
    return sorted(differing, key=_rank)[:_MOST_KEYS]


def _only_imported(key: str, dirty: State, clean: State) -> bool:
    """Whether the key is a module, or a logger, that only the longer run has imported."""
    if key in clean:
        return False
    if key.startswith("module:"):
        # A module that the polluters removed or replaced is another text, and a difference.
        return _text(dirty, key) == "present"
    return key.startswith("logging:")


def _rank(key: str) -> tuple[int, str]:
    for number, beginning in enumerate(_LIKELY_FIRST):
        if key.startswith(beginning):
            return number, key
    return len(_LIKELY_FIRST), key


def _digest(state: State, key: str) -> Any:
    return state[key][0] if key in state else None


def _words(state: State, key: str) -> str:
    """A value as people read it; of a file its size and digest are known."""
    text = _text(state, key)
    if not key.startswith(_FILES):
        return text
    size, _, _ = text.removeprefix("(").partition(",")
    return f"a file of {size} bytes" if size.isdigit() else text


def _text(state: State, key: str) -> str:
    return str(state[key][1]) if key in state else "absent"
