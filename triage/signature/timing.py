"""Whether the number that a test compares was measured with a clock, followed through the quoted source.

A name is measured where it is assigned from a call of a clock or from a measured name, appended a measured
value, or called what only a measured time is called; the failing line must use a measured name.
"""

from __future__ import annotations

import re

_CLOCK = re.compile(
    r"\b(?:perf_counter|process_time|monotonic|thread_time)(?:_ns)?\s*\(|\btime\.time(?:_ns)?\s*\(|\btimeit\b"
    r"|\bdefault_timer\s*\(|\.elapsed_time\s*\(|\bbenchmark\.stats\b"
)
_TIME_NAME = re.compile(
    r"(?:\w*_)?(?:elapsed|elapsed_\w+|time_taken|time_spent|took|latency|latencies|walltime|wall_time|cpu_time"
    r"|run_time|runtime|exec_time|execution_time|total_time|elapsed_time|time_per_\w+|timings?)"
)
_ASSIGNED = re.compile(
    r"^\s*(?:with\s.*\bas\s+)?(?P<left>[\w.,\s\[\]'\"():]+?)\s*(?:[+*/-]?=)(?!=)\s*(?P<right>.+)$"
)
_APPENDED = re.compile(r"^\s*(?P<left>[\w.]+)(?:\[[^\]]*\])?\.(?:append|add|extend)\((?P<right>.+)\)\s*$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PASSES = 3


def compares_time(longrepr: str, code: str) -> bool:
    """Whether the failing line (`code`, else the lines after `>`) compares a measured time."""
    lines = longrepr.splitlines()
    failing = code or next((line[1:] for line in lines if line.startswith(">")), "")
    if not failing.lstrip().startswith("assert"):
        return False
    if _CLOCK.search(failing):
        return True
    return bool(set(_NAME.findall(_compared(failing))) & _measured(lines))


def _compared(assertion: str) -> str:
    """The assertion without its message: a time that is only printed is not compared."""
    return re.split(r",\s*(?:\\\s*)?(?:f?['\"(]|$)", assertion, maxsplit=1)[0]


def _measured(lines: list[str]) -> set[str]:
    measured: set[str] = set()
    for _ in range(_PASSES):
        before = len(measured)
        for line in lines:
            found = _APPENDED.match(line[1:]) or _ASSIGNED.match(line[1:])
            if found is None or line.startswith("E"):
                continue
            right = set(_NAME.findall(found["right"]))
            names = _NAME.findall(found["left"].partition("[")[0])
            named = [name for name in names if _TIME_NAME.fullmatch(name) and "(" in found["right"]]
            if named or _CLOCK.search(found["right"]) or right & measured:
                measured.update(names)
        if len(measured) == before:
            break
    return measured - {"self", "cls"}
