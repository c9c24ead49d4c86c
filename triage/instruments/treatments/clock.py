"""Treatment: another time. Settings: {"at": seconds since 1970} moves the clock, {"freeze": true} stops it.

`time` and `datetime` are replaced for Python code, also where a module imported the names before; the
monotonic clocks and `sleep` follow when the clock is frozen: a sleep then takes no time and moves it on.
"""

from __future__ import annotations

import datetime as _datetime
import sys
import time as _time
from typing import Any, ClassVar

import pytest

from triage.instruments.base import authors, settings

_SETTINGS = settings("clock")
_AT: float | None = _SETTINGS.get("at")
_FREEZE: bool = bool(_SETTINGS.get("freeze"))
_REAL = {name: getattr(_time, name) for name in ("time", "monotonic", "perf_counter", "sleep")}
_START = _REAL["time"]()
_RealDateTime, _RealDate = _datetime.datetime, _datetime.date
_slept = 0.0


def now() -> float:
    """The time that the test sees."""
    base = _START if _AT is None else _AT
    return base + (_slept if _FREEZE else _REAL["time"]() - _START)


class _Meta(type):
    """An instance of the real class is an instance of its stand-in."""

    real: ClassVar[type]

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)


class _DateMeta(_Meta):
    real = _RealDate


class _DateTimeMeta(_Meta):
    real = _RealDateTime


class _Date(_datetime.date, metaclass=_DateMeta):
    @classmethod
    def today(cls) -> Any:
        return _RealDate.fromtimestamp(now())


class _DateTime(_datetime.datetime, metaclass=_DateTimeMeta):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _RealDateTime.fromtimestamp(now(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _RealDateTime.fromtimestamp(now(), _datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return _RealDateTime.fromtimestamp(now())


def _sleep(seconds: float) -> None:
    global _slept  # noqa: PLW0603 - the one clock of this process
    _slept += max(0.0, seconds)


def _or_now(real: Any) -> Any:
    def call(seconds: Any = None) -> Any:
        return real(now() if seconds is None else seconds)

    return call


def _strftime(layout: str, when: Any = None) -> str:
    return _REAL_STRFTIME(layout, _time.localtime(now()) if when is None else when)


_REAL_STRFTIME = _time.strftime


def _stand_ins() -> dict[Any, Any]:
    changed: dict[Any, Any] = {
        _time.time: now,
        _time.time_ns: lambda: int(now() * 1e9),
        _time.localtime: _or_now(_time.localtime),
        _time.gmtime: _or_now(_time.gmtime),
        _time.ctime: _or_now(_time.ctime),
        _time.strftime: _strftime,
        _RealDateTime: _DateTime,
        _RealDate: _Date,
    }
    if _FREEZE:
        changed |= {_time.sleep: _sleep, _time.monotonic: lambda: _slept, _time.perf_counter: lambda: _slept}
    return changed


def _install() -> None:
    changed = _stand_ins()
    owners = [(_time, vars(_time)), (_datetime, vars(_datetime))]
    for name, module in list(sys.modules.items()):
        if authors(_ROOT, getattr(module, "__file__", None) or "") is not None and name not in (
            "time",
            "datetime",
        ):
            owners.append((module, vars(module)))
    for owner, names in owners:
        for name, value in list(names.items()):
            try:
                stand_in = changed.get(value)
            except TypeError:
                continue
            if stand_in is not None:
                setattr(owner, name, stand_in)


_ROOT = __import__("os").getcwd()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish() -> None:
    """The user's modules are imported: their names for the clock are replaced too."""
    if _AT is not None or _FREEZE:
        _install()


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Module-level code sees the other time as well."""
    if _AT is not None or _FREEZE:
        _install()
