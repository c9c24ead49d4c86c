"""The places where process state hides: how to read each, and how to put a value back.

A place is named `cwd`, `env:HOME`, `attr:package.module.NAME`, ... Reading gives live values; `save` makes
copies that later changes do not reach; `put_back` restores one.
"""

from __future__ import annotations

import contextlib
import copy
import decimal
import gc
import locale
import logging
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

_CATEGORIES = ("LC_CTYPE", "LC_COLLATE", "LC_TIME", "LC_MONETARY", "LC_NUMERIC")


def fixed_places() -> dict[str, Any]:
    """Everything but environment, modules and files: a few dozen values."""
    found: dict[str, Any] = {
        "cwd": _cwd(),
        "umask": _umask(),
        "sys.path": list(sys.path),
        "sys.argv": list(sys.argv),
        "sys.recursionlimit": sys.getrecursionlimit(),
        "sys.switchinterval": sys.getswitchinterval(),
        "sys.excepthook": sys.excepthook,
        "int.max_str_digits": sys.get_int_max_str_digits(),
        "warnings.filters": [tuple(map(str, entry)) for entry in warnings.filters],
        "random.state": random.getstate(),
        "decimal.context": repr(decimal.getcontext()),
        "gc.enabled": gc.isenabled(),
        "socket.timeout": socket.getdefaulttimeout(),
        "tempfile.tempdir": tempfile.tempdir,
        "time.tzname": time.tzname,
        "threads": sorted(t.name for t in threading.enumerate() if t is not threading.main_thread()),
        "logging.disable": logging.root.manager.disable,
        "logging.raiseExceptions": logging.raiseExceptions,
    }
    found |= {f"locale:{name}": _locale(name) for name in _CATEGORIES}
    found |= {f"signal:{number.name}": signal.getsignal(number) for number in _signals()}
    return found | _loggers() | _numpy() | _torch()


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "<gone>"


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _locale(category: str) -> str:
    try:
        return locale.setlocale(getattr(locale, category))
    except (locale.Error, AttributeError):
        return ""


def _signals() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _loggers() -> dict[str, Any]:
    """Level, propagation, handlers; pytest's own handlers come and go and are left out."""
    found: dict[str, Any] = {}
    named = dict(logging.root.manager.loggerDict)
    for name, logger in {"root": logging.root, **named}.items():
        if isinstance(logger, logging.Logger):
            handlers = [type(h).__name__ for h in logger.handlers if "pytest" not in type(h).__module__]
            found[f"logging:{name}"] = (logger.level, logger.disabled, logger.propagate, handlers)
    return found


def _numpy() -> dict[str, Any]:
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "random"):
        return {}
    state = numpy.random.get_state()
    return {
        "numpy.random": (state[0], state[1].tolist(), *state[2:]),
        "numpy.err": numpy.geterr(),
        "numpy.printoptions": {k: v for k, v in numpy.get_printoptions().items() if k != "formatter"},
    }


def _torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_default_dtype"):
        return {}
    return {
        "torch.default_dtype": str(torch.get_default_dtype()),
        "torch.default_device": str(torch.empty(0).device),
        "torch.random": torch.random.get_rng_state().tolist(),
        "torch.threads": torch.get_num_threads(),
        "torch.deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch.grad_enabled": torch.is_grad_enabled(),
        "torch.anomaly": torch.is_anomaly_enabled(),
        "torch.matmul_precision": torch.get_float32_matmul_precision(),
    }


def save(place: str) -> Callable[[], None]:
    """A function that puts the present value of a fixed place back; does nothing for places it cannot set."""
    if place == "cwd":
        here = os.getcwd()
        return lambda: os.chdir(here)
    if place.startswith("env:"):
        return _save_variable(place[4:])
    if place.startswith("locale:"):
        category, now = getattr(locale, place[7:]), _locale(place[7:])
        return lambda: _ignore(locale.setlocale, category, now)
    if place.startswith("signal:"):
        number = getattr(signal, place[7:])
        handler = signal.getsignal(number)
        return lambda: _ignore(signal.signal, number, handler)
    if place.startswith("logging:"):
        return _save_logger(place[8:])
    for prefix, saver in (("numpy.", _save_numpy), ("torch.", _save_torch)):
        if place.startswith(prefix):
            return saver(place)
    return _SAVERS.get(place, lambda: lambda: None)()


def _ignore(call: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(Exception):
        call(*arguments)


def _save_variable(name: str) -> Callable[[], None]:
    value = os.environ.get(name)

    def back() -> None:
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
        if name == "TZ":
            time.tzset()

    return back


def _save_list(target: list[Any]) -> Callable[[], None]:
    kept = list(target)

    def back() -> None:
        target[:] = kept

    return back


def _save_warnings() -> Callable[[], None]:
    kept = list(warnings.filters)

    def back() -> None:
        warnings.filters[:] = kept  # type: ignore[index]
        getattr(warnings, "_filters_mutated", lambda: None)()

    return back


def _save_logger(name: str) -> Callable[[], None]:
    logger = logging.root if name == "root" else logging.getLogger(name)
    level, disabled, propagate, handlers = (
        logger.level,
        logger.disabled,
        logger.propagate,
        list(logger.handlers),
    )

    def back() -> None:
        logger.setLevel(level)
        logger.disabled, logger.propagate = disabled, propagate
        logger.handlers[:] = handlers

    return back


def _save_attribute(owner: Any, name: str) -> Callable[[], None]:
    value = getattr(owner, name)
    return lambda: setattr(owner, name, value)


def _save_random() -> Callable[[], None]:
    state = random.getstate()
    return lambda: random.setstate(state)


def _save_decimal() -> Callable[[], None]:
    context = decimal.getcontext().copy()
    return lambda: decimal.setcontext(context.copy())


def _save_umask() -> Callable[[], None]:
    mask = _umask()
    return lambda: _ignore(os.umask, mask)


def _save_threads() -> Callable[[], None]:
    known = set(threading.enumerate())

    def back() -> None:
        for thread in set(threading.enumerate()) - known:
            for stop in ("cancel", "stop", "shutdown"):
                _ignore(getattr(thread, stop, lambda: None))
            thread.join(1.0)

    return back


def _setter(call: Callable[[Any], Any], value: Any) -> Callable[[], None]:
    return lambda: _ignore(call, value)


_SAVERS: dict[str, Callable[[], Callable[[], None]]] = {
    "umask": _save_umask,
    "sys.path": lambda: _save_list(sys.path),
    "sys.argv": lambda: _save_list(sys.argv),
    "sys.recursionlimit": lambda: _setter(sys.setrecursionlimit, sys.getrecursionlimit()),
    "sys.switchinterval": lambda: _setter(sys.setswitchinterval, sys.getswitchinterval()),
    "sys.excepthook": lambda: _save_attribute(sys, "excepthook"),
    "int.max_str_digits": lambda: _setter(sys.set_int_max_str_digits, sys.get_int_max_str_digits()),
    "warnings.filters": _save_warnings,
    "random.state": _save_random,
    "decimal.context": _save_decimal,
    "gc.enabled": lambda: gc.enable if gc.isenabled() else gc.disable,
    "socket.timeout": lambda: _setter(socket.setdefaulttimeout, socket.getdefaulttimeout()),
    "tempfile.tempdir": lambda: _save_attribute(tempfile, "tempdir"),
    "time.tzname": lambda: _save_variable("TZ"),
    "threads": _save_threads,
    "logging.disable": lambda: _setter(logging.disable, logging.root.manager.disable),
    "logging.raiseExceptions": lambda: _save_attribute(logging, "raiseExceptions"),
}


def _save_numpy(place: str) -> Callable[[], None]:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return lambda: None
    if place == "numpy.random":
        return _setter(numpy.random.set_state, numpy.random.get_state())
    if place == "numpy.err":
        settings = numpy.geterr()
        return lambda: _ignore(lambda: numpy.seterr(**settings))
    options = numpy.get_printoptions()
    return lambda: _ignore(lambda: numpy.set_printoptions(**options))


def _save_torch(place: str) -> Callable[[], None]:
    torch = sys.modules.get("torch")
    if torch is None:
        return lambda: None
    calls: dict[str, tuple[Callable[..., Any], Any]] = {
        "torch.default_dtype": (torch.set_default_dtype, torch.get_default_dtype()),
        "torch.default_device": (torch.set_default_device, torch.empty(0).device),
        "torch.random": (torch.random.set_rng_state, torch.random.get_rng_state()),
        "torch.threads": (torch.set_num_threads, torch.get_num_threads()),
        "torch.deterministic": (
            torch.use_deterministic_algorithms,
            torch.are_deterministic_algorithms_enabled(),
        ),
        "torch.grad_enabled": (torch.set_grad_enabled, torch.is_grad_enabled()),
        "torch.anomaly": (torch.autograd.set_detect_anomaly, torch.is_anomaly_enabled()),
        "torch.matmul_precision": (
            torch.set_float32_matmul_precision,
            torch.get_float32_matmul_precision(),
        ),
    }
    call, value = calls[place]
    return _setter(call, copy.copy(value))
