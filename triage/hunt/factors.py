"""Surroundings in which a hunt runs the suite: environment, time, chance, numbers. Pure.

One factor a run. Each is something that differs between two machines, two days or two runs, so that a test
which is red with it will be red one day without anybody's change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from triage.lab.protocol import Setup
from triage.model.experiment import CauseKind, Factor

Group = Literal["order", "environment", "time", "chance", "numbers"]

_NEW_YORK = "America/New_York"
_FEW_DESCRIPTORS = 48
"""Enough for pytest and a few files; a test that leaks a file a row is over it."""
_QUICK_SWITCH = 1e-6
"""Seconds between two switches of threads: the interpreter's default is 5 milliseconds."""
_SLOW_DISK = 0.1
"""Seconds that a busy disk of a shared machine takes longer for a file."""
_QUICK_DISK = 1e-6
"""The same functions are replaced, and take no time."""
_LEAP_MONTH, _LEAP_DAY = 2, 29
_MOMENT, _SCREEN, _PACE = "moment", "screen", "pace"
"""Matters of several factors: the local time; what a program thinks of its screen; how fast things go."""
_MATTERS = {
    "TZ": _MOMENT,
    **dict.fromkeys(("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "TERM"), _SCREEN),
    "clock": _MOMENT,
    "terminal": _SCREEN,
    "disk": _PACE,
}
"""By the variable or instrument."""


@dataclass(frozen=True)
class Surroundings:
    """One factor: how a process is made with it, and how it is called."""

    name: str
    group: Group
    kind: CauseKind
    factor: Factor
    """`from` and `to` as a report shows them."""
    env: dict[str, str | None] = field(default_factory=dict)
    instruments: dict[str, dict[str, Any]] = field(default_factory=dict)
    worth: float = 1.0
    """Relative to the other factors."""
    at_start: bool = False
    """Whether it has to be there when the interpreter starts: a process that has imported the suite cannot
    be changed so any more."""
    control: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Instruments of the other arm that are not idle there: they change what the test sees by being there."""
    control_env: dict[str, str | None] = field(default_factory=dict)
    """Variables of the other arm: without them the factor would be two."""
    is_alone: bool = False
    """Whether nothing may run at the same time, because that is what it examines."""
    imports: tuple[str, ...] = ()
    """Test files that are imported first, in this order; in the other arm the other way round."""
    needs: str | None = None
    """The library that a suite has to use for the factor to matter."""
    acts_on: str | None = None
    """What it shares with others that could hide what it does: two of them are never there at once."""

    @property
    def touched(self) -> frozenset[str]:
        """Variables, instruments and matters of which only one factor at once can have its way."""
        matter = [self.acts_on] if self.acts_on is not None else []
        return frozenset([*self.env, *self.instruments, *matter])

    def arms(self, setup: Setup) -> tuple[Setup, Setup]:
        """The setup with the factor, and the same without it, its instruments idle or as `control` says."""
        idle = {name: self.control.get(name, {}) for name in self.instruments}
        changed = setup.plus(env=self.env, instruments=self.instruments)
        control = setup.plus(env=self.control_env, instruments=idle)
        return changed.plus(imports=self.imports), control.plus(imports=self.imports[::-1])


@dataclass(frozen=True)
class Machine:
    """What factors have to know of this machine and this moment."""

    now: datetime
    local: Callable[[int, int, int, int, int, int], float]
    """Seconds since 1970 of a local time: year, month, day, hour, minute, second."""
    path_without_git: str
    locale: str | None = None
    """A locale of another language that is installed here."""


def in_groups(factors: Sequence[Surroundings]) -> list[list[Surroundings]]:
    """Factors that can be there at once: none of a group hides what another one does."""
    groups: list[list[Surroundings]] = []
    for factor in factors:
        for group in groups:
            if not any(factor.touched & other.touched for other in group):
                group.append(factor)
                break
        else:
            groups.append([factor])
    return groups


def every_factor(machine: Machine) -> list[Surroundings]:
    """All factors, those that show most latent tests first within each group."""
    return [*_environment(machine), *_time(machine), *_chance(), *_numbers()]


def worth_trying(factors: Sequence[Surroundings], libraries: frozenset[str]) -> list[Surroundings]:
    """Those that can matter to a suite which imports these libraries."""
    return [each for each in factors if each.needs is None or each.needs in libraries]


def _variable(
    name: str,
    value: str | None,
    kind: CauseKind,
    worth: float = 1.0,
    *,
    called: str | None = None,
    **more: str | None,
) -> Surroundings:
    variables = {name: value, **more}
    # those of Python only let another one act
    named = [each for each in variables if not each.startswith("PYTHON")]
    shown = called or " and ".join(_shown(each, variables[each]) for each in named)
    factor = Factor(kind="env", name=name, from_="as it is", to=value)
    return Surroundings(
        shown,
        "environment",
        kind,
        factor,
        env=variables,
        worth=worth,
        at_start=name == "LC_ALL",
        acts_on=_MATTERS.get(name),
    )


def _shown(name: str, value: str | None) -> str:
    return f"{name} unset" if value is None else f"{name}={value}"


def _instrument(
    name: str, group: Group, kind: CauseKind, treatment: tuple[str, dict[str, Any]], worth: float = 1.0
) -> Surroundings:
    instrument, settings = treatment
    factor = Factor(kind=_FACTOR_KINDS.get(instrument, "resource"), name=name, from_="as it is", to=name)
    instruments = {instrument: settings}
    matter = _PACE if "load" in settings else _MATTERS.get(instrument)
    return Surroundings(name, group, kind, factor, instruments=instruments, worth=worth, acts_on=matter)


_FACTOR_KINDS = {"clock": "clock", "seed": "seed", "cwd": "cwd", "network": "network", "numerics": "dtype"}
"""How a report calls the kind of a factor, by its instrument."""


def _temporary_folder_with_a_blank() -> Surroundings:
    found = _instrument(
        "TMPDIR with a blank", "environment", "environment-variable", ("temporary", {"name": "with a"}), 2.0
    )
    factor = Factor(kind="env", name="TMPDIR", from_="as it is", to="a folder with a blank in its name")
    return replace(found, factor=factor)


TWO_PROCESSES = replace(
    _instrument("two processes at once", "chance", "resource", ("beside", {"on": True}), 1.5), is_alone=True
)
"""Another process runs the same tests: ports, locks and files of one name."""


IMPORTED_BACKWARDS = "files imported backwards"


def imported_backwards(files: Sequence[str]) -> Surroundings:
    """The last of these files first: so import those who name tests of one file, or list files otherwise."""
    factor = Factor(kind="order", name="imports", from_="as they come", to="the last file first")
    return Surroundings(
        IMPORTED_BACKWARDS, "order", "order-dependent", factor, at_start=True, imports=tuple(reversed(files))
    )


def _environment(machine: Machine) -> list[Surroundings]:
    found = [
        _variable("TZ", _NEW_YORK, "clock", 3.0),
        _variable("TZ", "Pacific/Kiritimati", "clock", 2.0),
        _variable("HOME", "/nonexistent", "environment-variable", 2.0),
        _variable("HOME", None, "environment-variable"),
        _temporary_folder_with_a_blank(),
        _variable("LC_ALL", "C", "locale", 2.0, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        # a CI sets both, and Python asks for a user's name in all three
        _variable("CI", "true", "environment-variable", 1.5, GITHUB_ACTIONS="true"),
        _variable("CI", None, "environment-variable", 1.5, GITHUB_ACTIONS=None),
        _variable("USER", None, "environment-variable", 0.5, LOGNAME=None, USERNAME=None),
        _variable("COLUMNS", "40", "environment-variable", 1.5),
        _variable("FORCE_COLOR", "1", "environment-variable", 1.5),
        _variable("NO_COLOR", "1", "environment-variable", 1.0),
        _variable("TERM", "dumb", "environment-variable", 0.5),
        _variable("LINES", "10", "environment-variable", 0.5),
        _variable("PATH", machine.path_without_git, "dependency", 1.0, called="no git"),
        _instrument("another folder", "environment", "working-directory", ("cwd", {"to": ".."}), 2.0),
        _instrument("no network", "environment", "network", ("network", {"refuses": True}), 2.0),
        _instrument("umask 077", "environment", "resource", ("machine", {"umask": 0o077}), 1.0),
        _instrument("umask 000", "environment", "resource", ("machine", {"umask": 0}), 0.5),
        _instrument(
            f"{_FEW_DESCRIPTORS} file descriptors", "environment", "resource",
            ("limits", {"descriptors": _FEW_DESCRIPTORS}),
        ),
        _instrument("one processor", "environment", "resource", ("machine", {"cores": 1}), 1.0),
        _instrument("a terminal", "environment", "resource", ("terminal", {"is": True}), 1.0),
        replace(
            _instrument("a slow disk", "environment", "resource", ("disk", {"seconds": _SLOW_DISK}), 0.5),
            control={"disk": {"seconds": _QUICK_DISK}},
        ),
    ]  # fmt: skip
    if machine.locale is not None:
        found.append(_variable("LC_ALL", machine.locale, "locale", 1.5))
    return found


def _time(machine: Machine) -> list[Surroundings]:
    year = machine.now.year
    moments = [
        (f"31 December {year} 23:59:59", machine.local(year, 12, 31, 23, 59, 59), 2.0),
        ("29 February", machine.local(_next_leap_year(machine.now), _LEAP_MONTH, _LEAP_DAY, 12, 0, 0), 2.0),
        ("the end of a month", machine.local(year + 1, 1, 31, 12, 0, 0), 2.0),
        ("in one year", _later(machine.now, 1), 2.0),
        ("in five years", _later(machine.now, 5), 1.5),
        ("in twenty years", _later(machine.now, 20), 1.0),
    ]
    present = machine.now.timestamp()
    found = [_clock(name, at, present, worth) for name, at, worth in moments]
    # a second later it is another year: the clock stands
    name, at, worth = moments[0]
    found[0] = _clock(name, at, present, worth, freeze=True)
    # second Sunday of March, first Sunday of November: five minutes before the clock is put forward, or back
    for name, moment in (
        ("the hour that does not exist", datetime(2027, 3, 14, 6, 55, tzinfo=UTC)),
        ("the hour that comes twice", datetime(2027, 11, 7, 5, 55, tzinfo=UTC)),
    ):
        hour = _clock(f"{name}, in {_NEW_YORK}", moment.timestamp(), present)
        zone: dict[str, str | None] = {"TZ": _NEW_YORK}
        found.append(replace(hour, env=zone, control_env=zone))
    return found


def _clock(name: str, at: float, present: float, worth: float = 1.0, *, freeze: bool = False) -> Surroundings:
    """The clock set to a moment; in the other arm the same clock is set to the present.

    A test may see that the classes of `datetime` are replaced, or that the clock stands: that is no date.
    """
    found = _instrument(name, "time", "clock", ("clock", {"at": at, "freeze": freeze}), worth)
    return replace(found, control={"clock": {"at": present, "freeze": freeze}})


def _next_leap_year(now: datetime) -> int:
    year = now.year + 1
    while year % 4 != 0 or (year % 100 == 0 and year % 400 != 0):
        year += 1
    return year


def _later(now: datetime, years: int) -> float:
    return (now + timedelta(days=365.25 * years)).timestamp()


def _chance() -> list[Surroundings]:
    seeds = [
        Surroundings(
            f"PYTHONHASHSEED={seed}", "chance", "seed",
            Factor(kind="env", name="PYTHONHASHSEED", from_="as it is", to=str(seed)),
            env={"PYTHONHASHSEED": str(seed)}, worth=2.0, at_start=True,
        )
        for seed in (1, 2, 3)
    ]  # fmt: skip
    seeds += [
        _instrument(f"random seed {seed}", "chance", "seed", ("seed", {"seed": seed}), 1.5)
        for seed in (0, 1, 2)
    ]
    return [
        *seeds,
        _instrument(
            "folders listed backwards", "chance", "missing-file", ("entries", {"backwards": True}), 2.0
        ),
        _instrument(
            "threads switched often", "chance", "threads", ("machine", {"switch": _QUICK_SWITCH}), 1.0
        ),
        _instrument("busy processors", "chance", "resource", ("machine", {"load": 2}), 1.0),
        _instrument(
            "names of modules turned around", "chance", "order-dependent",
            ("namespaces", {"backwards": True}),
        ),
        TWO_PROCESSES,
    ]  # fmt: skip


def _numbers() -> list[Surroundings]:
    threads = [
        Surroundings(
            f"{count} threads for arithmetic", "numbers", "threads",
            Factor(kind="threads", name="OMP_NUM_THREADS", from_="as it is", to=count),
            env={name: str(count) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")},
            instruments={"numerics": {"threads": count}}, needs="numpy", at_start=True,
        )
        for count in (1, 4)
    ]  # fmt: skip
    wide = _instrument("float64 by default", "numbers", "dtype", ("numerics", {"dtype": "float64"}))
    flushed = _instrument(
        "denormals flushed to zero", "numbers", "dtype", ("numerics", {"denormals": "flushed"})
    )
    return [*threads, replace(wide, needs="torch"), replace(flushed, needs="torch")]
