"""Tell assertions that compare a measured time: the speed of the machine decides them."""

from __future__ import annotations

import re

from triage.text.pattern import pattern

_CLOCK = pattern(
    r"""
      \b(?:perf_counter|process_time|monotonic|thread_time)(?:_ns)?\s*\( | \btime\.time(?:_ns)?\s*\(
    | \btimeit\b | \bdefault_timer\s*\( | \.elapsed_time\s*\( | \bbenchmark\.stats\b
    """,
    matches=["start = time.perf_counter()", "t = timeit.timeit(f)", "a.elapsed_time(b)"],
    rejects=["time.sleep(1)", "config.time()"],
)
"""An expression that reads a clock."""
_TIME_NAME = pattern(
    r"""
    (?:\w*_)?
    (?: elapsed | elapsed_\w+ | time_taken | time_spent | took | latency | latencies | walltime | wall_time
      | cpu_time | run_time | runtime | exec_time | execution_time | total_time | elapsed_time | time_per_\w+
      | timings? )
    """,
    matches=["took", "max_latency", "time_per_pixel"],
    rejects=["exposure_time", "retook"],
    how="fullmatch",
)
"""A name that is given to measured times only; `exposure_time` is a quantity of the subject."""
_ASSIGNED = pattern(
    r"""
    ^\s*(?:with\s.*\bas\s+)? (?P<left>[\w.,\s\[\]'\"():]+?) \s*(?:[+*/-]?=)(?!=)\s* (?P<right>.+)$
    """,
    matches=["    took = time.time() - start", "total += f(x)"],
    rejects=["assert took == 3", "f(x)"],
    how="match",
)
_APPENDED = pattern(
    r"^\s*(?P<left>[\w.]+)(?:\[[^\]]*\])?\.(?:append|add|extend)\((?P<right>.+)\)\s*$",
    matches=["    times.append(time.time() - t0)"],
    rejects=["    times.clear()"],
    how="match",
)
_MESSAGE = pattern(
    r",\s*(?:\\\s*)?(?:f?['\"(]|$)",
    matches=["assert x < 1, f'after {t}'", "assert x < 1, ("],
    rejects=["assert f(a, b) < 1"],
)
"""Where the message of an assertion begins."""
_NAME = re.compile(r"[A-Za-z_]\w*")
_PASSES = 3
"""How often the lines are read: each pass follows measured times through one more assignment upwards."""


def compares_time(longrepr: str, code: str) -> bool:
    """Whether the failing line (`code`, else the lines after `>`) compares a measured time."""
    failing = code or _marked_line(longrepr)
    if not failing.lstrip().startswith("assert"):
        return False
    lines = longrepr.splitlines()
    if _CLOCK.search(failing):
        return True
    compared = _MESSAGE.split(failing, maxsplit=1)[0]  # a time that is only printed is not compared
    return not _names_of_times(lines).isdisjoint(_NAME.findall(compared))


def _marked_line(longrepr: str) -> str:
    """The first line that pytest marks as the failing one, without its mark."""
    if ">" not in longrepr:
        return ""
    return next((line[1:] for line in longrepr.splitlines() if line.startswith(">")), "")


def _names_of_times(lines: list[str]) -> set[str]:
    """Names in the shown source that hold measured times."""
    measured: set[str] = set()
    for _ in range(_PASSES):
        before = len(measured)
        for line in lines:
            # pytest puts `>` or a blank before source lines, and E before its explanation
            found = _APPENDED.match(line[1:]) or _ASSIGNED.match(line[1:])
            if found is None or line.startswith("E"):
                continue
            names = _NAME.findall(found["left"].partition("[")[0])
            if (
                _CLOCK.search(found["right"])
                or _reads(found["right"], measured)
                or _named_so(names, found["right"])
            ):
                measured.update(names)
        if len(measured) == before:
            break
    return measured - {"self", "cls"}


def _reads(expression: str, measured: set[str]) -> bool:
    return not measured.isdisjoint(_NAME.findall(expression))


def _named_so(names: list[str], expression: str) -> bool:
    """Whether a call gives a value whose name says that it is a measured time."""
    return "(" in expression and any(_TIME_NAME.fullmatch(name) for name in names)
