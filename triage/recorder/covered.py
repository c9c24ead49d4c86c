"""pytest-cov in a process of a run: it measures into a file of its own, and the harness joins the files.

Left to itself it would erase what other chunks measured, report on one chunk as if it were the whole,
and fail a chunk whose share of the total is small.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
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
