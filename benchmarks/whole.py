"""Whole commands, as a user types them, beside their peers: what each costs and how it grows.

`python -m benchmarks whole [--only ROW]... [--quick] [--json]`. Each row is measured at three sizes; commands
and peers take turns in one run, and figures are medians. Processor time is that of the command and of all
processes below it, which a busy machine disturbs least; where a row is about waiting it says "wall". The
largest size is held against the target of the row: a miss is marked. What the engine alone costs, without
clusters, ledgers, history and documents, is measured by `python -m benchmarks runner`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.whole_rows import ROWS, Bench, Row, Target, rows_named

_ROUNDS = 5
_QUICK_ROUNDS = 1
_MISS = "MISSES"


@dataclass(frozen=True)
class Figure:
    """One line of the table: a figure of a row at each of its sizes."""

    row: str
    about: str
    what: str
    unit: str
    reach: float
    """At most this, at the largest size."""
    at: dict[int, float]
    is_met: bool | None
    """None where sizes are too small to be held against the target, or nothing was measured."""


def main(arguments: Sequence[str]) -> int:
    """Print the table. Exit code 1 where a target is missed."""
    asked = _parser().parse_args(arguments)
    rounds = asked.rounds or (_QUICK_ROUNDS if asked.quick else _ROUNDS)
    figures = []
    with tempfile.TemporaryDirectory(prefix="triage-whole-") as temporary:
        bench = Bench(asked.inputs or Path(temporary), rounds)
        for row in rows_named(asked.only):
            for figure in _figures(row, bench, is_quick=asked.quick):
                figures.append(figure)
                if not asked.json:
                    print(_line(figure), flush=True)
    if asked.json:
        document = {"schema_version": 1, "rounds": rounds, "figures": [asdict(each) for each in figures]}
        print(json.dumps(document, indent=1))
    return int(any(figure.is_met is False for figure in figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks whole", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("--only", action="append", default=[], choices=names, help="these rows alone")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: whether it works")
    parser.add_argument("--rounds", type=int, help=f"so many executions; default {_ROUNDS}")
    parser.add_argument("--inputs", type=Path, help="a folder that keeps what is made, for the next time")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    return parser


def _figures(row: Row, bench: Bench, *, is_quick: bool) -> Iterator[Figure]:
    """Measure a row at all sizes; gives one figure for each of its targets."""
    sizes = row.quick_sizes if is_quick else row.sizes
    measured = {}
    for size in sizes:
        found = row.measure(bench, size)
        if found is not None:
            measured[size] = found
    for target in row.targets:
        at = {size: found[target.what] for size, found in measured.items()}
        yield Figure(
            row=row.name,
            about=row.about,
            what=target.what,
            unit=target.unit,
            reach=target.reach,
            at=at,
            is_met=_is_met(target, at.get(row.sizes[-1])),
        )


def _is_met(target: Target, figure: float | None) -> bool | None:
    return None if figure is None else figure <= target.reach


def _line(figure: Figure) -> str:
    grown = "  ".join(f"{size:>10,}: {value:8.3g}" for size, value in figure.at.items())
    mark = _MISS if figure.is_met is False else ""
    return (
        f"{figure.row:<11}{figure.what:<23}{grown or 'not installed'} {figure.unit:<4}"
        f" <= {figure.reach:<5g} {mark}"
    ).rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
