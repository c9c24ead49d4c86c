"""The exit criterion that product code is not merely kept from running.

Where all that an experiment has shown is that the test passes when certain product lines do not run, a repair
must either change these lines or let them run. They are named by their text, for other lines of the file may
move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from triage.lab.lost_lines import executed_lines
from triage.lab.protocol import Observation
from triage.model.experiment import RootCause

_SEPARATOR = ": "


def texts_of_lines(cause: RootCause, source: Callable[[str], str | None]) -> tuple[str, ...]:
    """Each line that the treated arm no longer runs, as `path: text`."""
    found: dict[str, None] = {}
    for place in cause.lines_no_longer_run if cause.avoids else ():
        path, _, numbers = place.rpartition(":")
        first, _, last = numbers.partition("-")
        lines = (source(path) or "").splitlines()
        for text in lines[int(first) - 1 : int(last or first)]:
            if text.strip() and not text.strip().startswith("#"):
                found[f"{path}{_SEPARATOR}{text.strip()}"] = None
    return tuple(found)


def still_skipped(
    wanted: Sequence[str], run: Observation, nodeids: Sequence[str], source: Callable[[str], str | None]
) -> str | None:
    """The first of these lines that is there unchanged and did not run, as `path:line`."""
    executed = executed_lines(run, *nodeids)
    for entry in wanted:
        path, _, text = entry.partition(_SEPARATOR)
        lines = (source(path) or "").splitlines()
        numbers = [number for number, line in enumerate(lines, 1) if line.strip() == text]
        if numbers and not executed.get(path, frozenset()) & set(numbers):
            return f"{path}:{numbers[0]}"
    return None
