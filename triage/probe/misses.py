"""Read by how much numeric comparisons missed, and tell whether rounding explains it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEW = 10.0
"""Misses beyond so many tolerances are wrong results, not tight ones."""
_FINE, _FEW_OF_COARSE = 1e-6, 3.0
"""Beyond this relative miss fewer tolerances are a few: a wrong constant misses by five as well."""
_ROUNDING = 1e-11
"""Relative misses up to here are what rounding of doubles adds up to."""
_RELATIVE = 1e-2
"""A result that is off by more than a percent is wrong, however wide the tolerance."""
_LAST_DIGITS = {"float16": 2.0**-9, "bfloat16": 2.0**-6, "float32": 2.0**-17, "float64": 2.0**-46}
"""Relative errors that rounding explains: 64 units of the last place, two where one is worth a percent."""
_EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
"""Distance of 1 and the next number: a unit of the last place."""
_STAYS = 1 / 8
"""Share of a miss that a wider type must take away: rounding shrinks by thousands and more."""
_NOTABLE_UNITS = 4.0
"""A few operations round by as much."""
_SAME_UNITS, _SAME_SHARE = 1.5, 0.02
"""Rounding of the last operations, on top of an error that is a multiple of the unit in each type: so many
units, and of many units so large a share."""
_MOST_UNITS = 4096.0
"""Rounding of sums of some thousand terms adds up to as much."""
_SHRINKS = 64.0
"""Times the ratio of the units by which a miss that is rounding shrinks at least: sums round unevenly."""


@dataclass(frozen=True)
class Miss:
    """A comparison that missed its tolerance by a number."""

    name: str
    tolerances: float
    """By how many tolerances."""
    relative: float
    """By which part of the expected value."""
    dtype: str
    where: str
    is_below: bool = False
    """Whether the value is smaller than the expected one."""

    @property
    def is_in_last_digits(self) -> bool:
        """Whether rounding in this type explains it."""
        return self.relative <= _LAST_DIGITS.get(self.dtype, _LAST_DIGITS["float64"])

    @property
    def is_rounding(self) -> bool:
        """Whether it is in the last digits of what sums of doubles give."""
        return self.relative <= _ROUNDING

    @property
    def is_narrow(self) -> bool:
        """Whether it misses by few tolerances, and by little of the value."""
        few = FEW if self.relative <= _FINE else _FEW_OF_COARSE
        return self.tolerances <= few and self.relative <= _RELATIVE

    @property
    def factor(self) -> float:
        """Tolerances that would do: the next power of ten, one percent above what is missed."""
        needed = max(self.tolerances, 1.0) * 1.01
        return float(10 ** max(1, math.ceil(math.log10(needed))))

    @property
    def units(self) -> float:
        """The miss in units of the last place of its type, with its sign."""
        size = self.relative / _EPSILON.get(self.dtype, _EPSILON["float64"])
        return -size if self.is_below else size


def misses_of(lines: Sequence[Mapping[str, Any]]) -> list[Miss]:
    """What the meter `tolerance` wrote of comparisons that miss by a number."""
    misses = []
    for line in lines:
        tolerances = float(line.get("ratio") or math.inf)
        if line.get("nonfinite") or not math.isfinite(tolerances):
            continue
        miss = Miss(
            name=str(line["name"]),
            tolerances=tolerances,
            relative=float(line["relative"]),
            dtype=str(line.get("dtype")),
            where=str(line.get("where") or ""),
            is_below=bool(line.get("below")),
        )
        misses.append(miss)
    return misses


def worst_of(lines: Sequence[Mapping[str, Any]]) -> Miss | None:
    """The comparison that misses by most tolerances, of those that miss by a number."""
    return max(misses_of(lines), key=lambda miss: miss.tolerances, default=None)


def objection_to_rounding(narrow: Miss, wide: Miss) -> str:
    """What the miss of one comparison in two types says against rounding, as a clause; empty for nothing.

    An error of rounding shrinks by the ratio of the units, and is another number of units in each type. An
    error of the product stays as it is, or, where it was computed from the type's unit, stays so many units.
    """
    if wide.relative >= narrow.relative * _STAYS:
        left = wide.relative / narrow.relative
        return f"{left:.0%} of the miss is left in {wide.dtype}, where rounding would have gone"
    few = abs(narrow.units) < _NOTABLE_UNITS
    same = max(_SAME_UNITS, abs(narrow.units) * _SAME_SHARE)
    if few or abs(narrow.units - wide.units) > same:
        return ""
    return (
        f"the miss is {narrow.units:.2g} units of the last place in {narrow.dtype} and {wide.units:.2g} in"
        f" {wide.dtype}: it follows from the unit, and rounding would differ"
    )


def reason_for_rounding(narrow: Miss, wide: Miss) -> str:
    """That the miss of one comparison shrinks as rounding does in a wider type, as a clause; empty if not."""
    if narrow.relative > _RELATIVE or abs(narrow.units) > _MOST_UNITS:
        return ""
    ratio = _EPSILON.get(wide.dtype, _EPSILON["float64"]) / _EPSILON.get(narrow.dtype, _EPSILON["float64"])
    if ratio >= 1 or wide.relative > narrow.relative * ratio * _SHRINKS:
        return ""
    sizes = f"from {narrow.relative:.2g} in {narrow.dtype} to {wide.relative:.2g} in {wide.dtype}"
    return f"the miss shrinks as rounding does, {sizes}"
