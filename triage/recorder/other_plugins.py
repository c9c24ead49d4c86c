"""Switch off options of pytest and its plugins that lose tests, write over files or start a second runner.

What is switched off is said in the record. Nothing here raises where a plugin is not installed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

TARGET = "target"
"""A file in the folder of coverage data: where the suite's own configuration wants the data, and how."""

_XDIST_OFF = "pytest-xdist switched off: chunks run in triage's own workers (--workers N)"
_XDIST_HINT = (
    "the suite's options start pytest-xdist (-n, --dist): what fails only when its workers share files,"
    " ports or other things does not show here; `triage probe NODEID` runs a test with them too"
)


class _Option(NamedTuple):
    """An option (or several that belong together) that must be off while triage runs the tests."""

    names: tuple[str, ...]
    off: Any
    """The value that switches them off."""
    note: str
    """What is said where one was on."""


_OPTIONS = (
    _Option(("maxfail",), 0, "-x/--maxfail switched off: every planned test runs"),
    _Option(
        ("lf", "failedfirst", "newfirst"),
        False,
        "--lf/--ff/--nf switched off: the plan decides what runs",
    ),
    _Option(
        ("stepwise", "stepwise_skip"),
        False,
        "--stepwise switched off: every planned test runs",
    ),
    _Option(("usepdb", "trace"), False, "--pdb/--trace switched off: nobody is there to answer"),
    _Option(("collectonly",), False, "--collect-only switched off"),
    _Option(("xmlpath",), None, "--junitxml switched off: each chunk has its own junit.xml in the evidence"),
    _Option(("report_log",), None, "--report-log switched off: the record is in events.jsonl"),
    _Option(("htmlpath",), None, "--html switched off: chunks would write over each other's page"),
    _Option(("pastebin",), None, "--pastebin switched off"),
    _Option(("cacheclear",), False, "--cache-clear switched off: the cache of a run is its own"),
)


def switch_off_options(config: Any, keep_order: str | None = None) -> list[str]:
    """Switch such options off before the session is configured; return a note for each that was on.

    `keep_order` names the plugin that may shuffle, with its seed: `randomly:123`.
    """
    notes = []
    for option in _OPTIONS:
        was_on = False
        for name in option.names:
            if getattr(config.option, name, None) not in (None, option.off):
                setattr(config.option, name, option.off)
                was_on = True
        if was_on:
            notes.append(option.note)
    # a file that does not collect must not keep the others from running
    config.option.continue_on_collection_errors = True
    for switch_off in (_xdist, _rerunfailures, _cov, _randomly, _random_order, _json_report):
        note = switch_off(config)
        if note:
            notes.append(note)
    if keep_order is not None:
        _let_shuffle(config, *keep_order.split(":", 1))
    return notes


def hints_on(notes: Iterable[str]) -> list[str]:
    """Where the suite may behave differently with the plugins that were switched off."""
    if _XDIST_OFF not in notes:
        return []
    return [_XDIST_HINT]


def _xdist(config: Any) -> str | None:
    option = config.option
    wants_workers = getattr(option, "numprocesses", None) or getattr(option, "tx", None)
    distributes = getattr(option, "dist", "no") not in ("no", None)
    if not wants_workers and not distributes:
        return None
    config.triage_workers = (getattr(option, "numprocesses", None), option.dist)
    option.numprocesses, option.tx, option.dist = None, [], "no"
    if hasattr(option, "looponfail"):
        option.looponfail = False
    return _XDIST_OFF


def _rerunfailures(config: Any) -> None:
    """Keep the plugin from starting its server, which is for workers of pytest-xdist.

    The server is a thread with a socket, and a process that has one must not be forked.
    """
    plugin = config.pluginmanager.get_plugin("rerunfailures")
    if getattr(plugin, "HAS_PYTEST_HANDLECRASHITEM", False):
        plugin.HAS_PYTEST_HANDLECRASHITEM = False


def _cov(config: Any) -> str | None:
    _only_save_coverage(config.pluginmanager.get_plugin("_cov"))
    if not getattr(getattr(config, "known_args_namespace", None), "triage_cov_off", False):
        return None
    config.option.no_cov = True
    return "pytest-cov switched off: chunks would write over each other's data"


def _randomly(config: Any) -> str | None:
    if not getattr(config.option, "randomly_reorganize", False):
        return None
    config.option.randomly_reorganize = False
    return "pytest-randomly's shuffling switched off: the plan gives the order; its seeds still apply"


def _random_order(config: Any) -> str | None:
    """Whoever gives this plugin a seed or a bucket means it to shuffle, too."""
    option = config.option
    was_on = getattr(option, "random_order_enabled", False)
    for name, default in (("random_order_seed", "default:1"), ("random_order_bucket", "default:module")):
        given = getattr(option, name, None)
        if given is not None and not str(given).startswith("default:"):
            was_on = True
            setattr(option, name, default)
    if not was_on:
        return None
    option.random_order_enabled = False
    return "pytest-random-order switched off: the plan gives the order"


def _let_shuffle(config: Any, plugin: str, seed: str) -> None:
    """Let the plugin shuffle with this seed while the suite is collected: its order is the plan."""
    if plugin == "randomly" and hasattr(config.option, "randomly_seed"):
        config.option.randomly_reorganize = True
        config.option.randomly_seed = int(seed)
    if plugin == "random-order" and hasattr(config.option, "random_order_seed"):
        config.option.random_order_seed = seed


def _json_report(config: Any) -> str | None:
    if not getattr(config.option, "json_report", False):
        return None
    return "--json-report-file switched off: each chunk has its own report.json in the evidence"


# -- coverage: pytest-cov starts while options are still being read -------------------------------


def redirect_coverage(early_config: Any, folder: str | None) -> AbstractContextManager[None]:
    """Return a context in which pytest-cov starts: it measures into `folder`, or not at all where None."""
    known = getattr(early_config, "known_args_namespace", None)
    if known is None or not getattr(known, "cov_source", None):
        return nullcontext()
    if folder is not None:
        return _measuring_into(known, folder)
    known.cov_source = []
    known.triage_cov_off = True
    return nullcontext()


@contextlib.contextmanager
def _measuring_into(known: Any, folder: str) -> Iterator[None]:
    """Let pytest-cov write its data to `folder`; its reports and its threshold are off.

    `known` holds the options that pytest has read so far.
    """
    import coverage

    config = coverage.Coverage(config_file=known.cov_config).config
    os.makedirs(folder, exist_ok=True)
    append = "+" if known.cov_append else ""
    _write_target(folder, [os.path.abspath(config.data_file), str(known.cov_config), append])
    known.cov_append, known.cov_report, known.cov_fail_under = True, {"": None}, 0
    before = os.environ.get("COVERAGE_FILE")
    # when it combines a whole folder, coverage takes only files that are named as its target is
    os.environ["COVERAGE_FILE"] = os.path.join(folder, os.path.basename(config.data_file))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("COVERAGE_FILE", None)
        else:
            os.environ["COVERAGE_FILE"] = before


def _write_target(folder: str, lines: list[str]) -> None:
    """Write the file in one step: several processes of a run write it, all the same."""
    part = os.path.join(folder, f"{TARGET}.{os.getpid()}")
    with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines))
    os.replace(part, os.path.join(folder, TARGET))


def _only_save_coverage(plugin: Any) -> None:
    """Let the process save what it measured at its end; the harness combines the data."""
    controller = getattr(plugin, "cov_controller", None)
    if controller is None:
        return

    def finish() -> None:
        controller.started = False
        controller.cov.stop()
        controller.cov.save()

    controller.finish = finish


# -- what each process needs for itself -----------------------------------------------------------


def own_seed(config: Any, seed: int | None) -> None:
    """Give the processes of a run one seed for pytest-randomly, unless the suite names one itself."""
    if seed is not None and getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = seed


def own_cache(config: Any, folder: str | None) -> None:
    """Keep pytest's cache, which tests may use, in a folder of this run instead of the user's tree."""
    cache = getattr(config, "cache", None)
    if cache is None or folder is None or not hasattr(cache, "_cachedir"):
        return
    from pathlib import Path

    cache._cachedir = Path(folder)


def own_basetemp(config: Any, name: str) -> None:
    """Give this process a folder of its own in a fixed `--basetemp`, which pytest empties at its start."""
    given = getattr(config.option, "basetemp", None)
    if not given:
        return
    from pathlib import Path

    # a child of a fork server finds the folder of its parent here
    base = Path(getattr(config, "triage_basetemp", given))
    config.triage_basetemp = base
    base.mkdir(parents=True, exist_ok=True)
    config.option.basetemp = str(base / name)
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None and hasattr(factory, "_given_basetemp"):
        factory._given_basetemp = base.absolute() / name
