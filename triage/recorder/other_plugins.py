"""Options that lose tests, write over the user's files or start a second runner: switched off, and said."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

TARGET = "target"
"""In the folder: where the suite's own configuration wants the data, and how it is to be joined."""


@contextlib.contextmanager
def measuring_apart(known: Any, folder: str) -> Iterator[None]:
    """While pytest-cov starts: its data goes to `folder`, its reports and its threshold are off."""
    import coverage

    config = coverage.Coverage(config_file=known.cov_config).config
    os.makedirs(folder, exist_ok=True)
    _say(folder, [os.path.abspath(config.data_file), str(known.cov_config), "+" if known.cov_append else ""])
    known.cov_append, known.cov_report, known.cov_fail_under = True, {"": None}, 0
    before = os.environ.get("COVERAGE_FILE")
    # of a whole folder coverage joins only what is called as its target is
    os.environ["COVERAGE_FILE"] = os.path.join(folder, os.path.basename(config.data_file))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("COVERAGE_FILE", None)
        else:
            os.environ["COVERAGE_FILE"] = before


def _say(folder: str, lines: list[str]) -> None:
    part = os.path.join(folder, f"{TARGET}.{os.getpid()}")
    with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join(lines))
    os.replace(part, os.path.join(folder, TARGET))


def only_save(plugin: Any) -> None:
    """At its end the process saves what it measured; joining is the harness's."""
    controller = getattr(plugin, "cov_controller", None)
    if controller is None:
        return

    def finish() -> None:
        controller.started = False
        controller.cov.stop()
        controller.cov.save()

    controller.finish = finish


_OFF: tuple[tuple[tuple[str, ...], Any, str], ...] = (
    # options, value that switches them off, what is said
    (("maxfail",), 0, "-x/--maxfail switched off: every planned test runs"),
    (("lf", "failedfirst", "newfirst"), False, "--lf/--ff/--nf switched off: the plan decides what runs"),
    (("stepwise", "stepwise_skip"), False, "--stepwise switched off: every planned test runs"),
    (("usepdb", "trace"), False, "--pdb/--trace switched off: nobody is there to answer"),
    (("collectonly",), False, "--collect-only switched off"),
    (("xmlpath",), None, "--junitxml switched off: each chunk has its own junit.xml in the evidence"),
    (("report_log",), None, "--report-log switched off: the record is in events.jsonl"),
    (("htmlpath",), None, "--html switched off: chunks would write over each other's page"),
    (("pastebin",), None, "--pastebin switched off"),
    (("cacheclear",), False, "--cache-clear switched off: the cache of a run is its own"),
)  # fmt: skip


def switch_off_options(config: Any) -> list[str]:
    """Switch such options off before the session is configured; returns one line for each."""
    notes = []
    for names, off, text in _OFF:
        live = [name for name in names if getattr(config.option, name, None) not in (None, off)]
        for name in live:
            setattr(config.option, name, off)
        if live:
            notes.append(text)
    config.option.continue_on_collection_errors = True
    for act in (_xdist, _rerunfailures, _cov, _randomly, _random_order, _json_report):
        note = act(config)
        if note:
            notes.append(note)
    return notes


def early(early_config: Any, coverage: str | None) -> AbstractContextManager[None]:
    """pytest-cov starts while options are still being read: it measures into `coverage`, or not at all."""
    known = getattr(early_config, "known_args_namespace", None)
    if known is None or not getattr(known, "cov_source", None):
        return nullcontext()
    if coverage is not None:
        return measuring_apart(known, coverage)
    known.cov_source = []
    known.triage_cov_off = True
    return nullcontext()


def _xdist(config: Any) -> str | None:
    option = config.option
    wanted = getattr(option, "numprocesses", None) or getattr(option, "tx", None)
    spread = getattr(option, "dist", "no") not in ("no", None)
    if not (wanted or spread):
        return None
    option.numprocesses, option.tx, option.dist = None, [], "no"
    if hasattr(option, "looponfail"):
        option.looponfail = False
    return "pytest-xdist switched off: chunks run in triage's own workers (--workers N)"


def _rerunfailures(config: Any) -> None:
    """Its server, a thread with a socket, is for workers of pytest-xdist, and keeps a parent from forking."""
    plugin = config.pluginmanager.get_plugin("rerunfailures")
    if getattr(plugin, "HAS_PYTEST_HANDLECRASHITEM", False):
        plugin.HAS_PYTEST_HANDLECRASHITEM = False


def _cov(config: Any) -> str | None:
    only_save(config.pluginmanager.get_plugin("_cov"))
    if not getattr(getattr(config, "known_args_namespace", None), "triage_cov_off", False):
        return None
    config.option.no_cov = True
    return "pytest-cov switched off: chunks would write over each other's data"


def _randomly(config: Any) -> str | None:
    option = config.option
    if not getattr(option, "randomly_reorganize", False):
        return None
    option.randomly_reorganize = False
    return "pytest-randomly's shuffling switched off: the plan gives the order; its seeds still apply"


def _random_order(config: Any) -> str | None:
    if not getattr(config.option, "random_order_enabled", False):
        return None
    config.option.random_order_enabled = False
    return "pytest-random-order switched off: the plan gives the order"


def own_seed(config: Any, seed: int | None) -> None:
    """pytest-randomly draws a seed for each process; those of a run share one, unless the suite names it."""
    if seed is not None and getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = seed


def _json_report(config: Any) -> str | None:
    if not getattr(config.option, "json_report", False):
        return None
    return "--json-report-file switched off: each chunk has its own report.json in the evidence"


def own_cache(config: Any, folder: str | None) -> None:
    """Keep the cache plugin for tests that use it, in a folder of this run instead of the user's tree."""
    cache = getattr(config, "cache", None)
    if cache is None or folder is None or not hasattr(cache, "_cachedir"):
        return
    from pathlib import Path

    cache._cachedir = Path(folder)


def own_basetemp(config: Any, name: str) -> None:
    """A fixed `--basetemp` is emptied by every process that starts: each gets a folder of its own in it."""
    given = getattr(config.option, "basetemp", None)
    factory = getattr(config, "_tmp_path_factory", None)
    if not given:
        return
    from pathlib import Path

    base = Path(getattr(config, "triage_basetemp", given))
    config.triage_basetemp = base
    base.mkdir(parents=True, exist_ok=True)
    config.option.basetemp = str(base / name)
    if factory is not None and hasattr(factory, "_given_basetemp"):
        factory._given_basetemp = base.absolute() / name
