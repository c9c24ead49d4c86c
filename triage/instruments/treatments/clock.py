"""Treatment: set or freeze the clock.

Settings: {"at": seconds since 1970} sets it, {"freeze": true} stops it. The functions of `time` and
`datetime` are replaced for Python code, also where a module of the user's imported the names before. With a
frozen clock the monotonic clocks stand too, and a sleep takes no time and moves the clock on.
"""

from __future__ import annotations

import datetime as _datetime
import os
import sys
import time as _time
from typing import Any, ClassVar

import pytest

from triage.instruments.base import authors, settings
from triage.instruments.imports import IMPORTED_EARLY

_ROOT = os.getcwd()
_SETTINGS = settings("clock")
_AT: float | None = _SETTINGS.get("at")
_FREEZE: bool = bool(_SETTINGS.get("freeze"))
_REAL = {name: getattr(_time, name) for name in ("time", "monotonic", "perf_counter", "sleep")}
_START = _REAL["time"]()
_RealDateTime, _RealDate = _datetime.datetime, _datetime.date
_slept = 0.0


def now() -> float:
    """Return the time that the test sees, in seconds since 1970."""
    base = _START if _AT is None else _AT
    return base + (_slept if _FREEZE else _REAL["time"]() - _START)


class _Meta(type):
    """Lets instances of the real class pass for instances of its replacement."""

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


def _defaulting_to_now(real: Any) -> Any:
    """A function of `time` that takes the replaced time where it is given none."""

    def call(seconds: Any = None) -> Any:
        return real(now() if seconds is None else seconds)

    return call


def _strftime(layout: str, when: Any = None) -> str:
    return _REAL_STRFTIME(layout, _time.localtime(now()) if when is None else when)


_REAL_STRFTIME = _time.strftime


def _replacements() -> dict[Any, Any]:
    changed: dict[Any, Any] = {
        _time.time: now,
        _time.time_ns: lambda: int(now() * 1e9),
        _time.localtime: _defaulting_to_now(_time.localtime),
        _time.gmtime: _defaulting_to_now(_time.gmtime),
        _time.ctime: _defaulting_to_now(_time.ctime),
        _time.strftime: _strftime,
        _RealDateTime: _DateTime,
        _RealDate: _Date,
    }
    if _FREEZE:
        changed |= {_time.sleep: _sleep, _time.monotonic: lambda: _slept, _time.perf_counter: lambda: _slept}
    return changed


def _install() -> None:
    """Replace the functions and classes under every name that the user's modules have for them.

    Libraries that are imported behind this import the replacements; in a fork they are there already.
    """
    replacements = _replacements()
    owners = [_time, _datetime, *IMPORTED_EARLY.values()]
    for module in list(sys.modules.values()):
        if authors(_ROOT, getattr(module, "__file__", None) or "") is not None:
            owners.append(module)
    for owner in owners:
        for name, value in list(vars(owner).items()):
            try:
                replacement = replacements.get(value)
            except TypeError:
                # not hashable, so none of them
                continue
            if replacement is not None:
                setattr(owner, name, replacement)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish() -> None:
    """Replace the names in the user's modules, which are imported by now."""
    if _AT is not None or _FREEZE:
        _install()


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Replace the functions before module-level code calls them."""
    if _AT is not None or _FREEZE:
        _install()
