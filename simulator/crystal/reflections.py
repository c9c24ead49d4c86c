"""Reflections of MTZ and structure-factor mmCIF files, expanded to all symmetry mates; gemmi reads them.

A file holds one reflection of each set of symmetry mates. h' = h R has the amplitude of h for each rotation R
of the space group, and -h' has it too (Friedel), unless the file has an anomalous pair: then it has that of
the minus column.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.config import SimulatorError
from simulator.crystal.names import without_gz
from simulator.extras import load_extra


class MtzType(NamedTuple):
    """A type of MTZ columns that serves."""

    letter: str
    is_pair: bool
    """Whether one column holds h, and the next of this type -h."""
    squared: bool
    """Whether it holds intensities, and not amplitudes."""


MTZ_TYPES = (
    MtzType("G", is_pair=True, squared=False),
    MtzType("F", is_pair=False, squared=False),
    MtzType("K", is_pair=True, squared=True),
    MtzType("J", is_pair=False, squared=True),
)
"""By preference: amplitudes need no root, and a pair says more than its mean."""


class CifItems(NamedTuple):
    """Items of a mmCIF that serve."""

    labels: tuple[str, ...]
    """One item, or those of h and of -h."""
    squared: bool
    """Whether they hold intensities, and not amplitudes."""


CIF_ITEMS = (
    CifItems(("pdbx_F_plus", "pdbx_F_minus"), squared=False),
    CifItems(("F_meas_au",), squared=False),
    CifItems(("F_meas",), squared=False),
    CifItems(("pdbx_I_plus", "pdbx_I_minus"), squared=True),
    CifItems(("intensity_meas",), squared=True),
    CifItems(("F_squared_meas",), squared=True),
    CifItems(("F_calc_au",), squared=False),
    CifItems(("F_calc",), squared=False),
)
"""By preference: measured ones before calculated ones, amplitudes before intensities."""


@dataclass(frozen=True)
class Reflections:
    """Every reflection of a crystal without symmetry (P1).

    indices      [n, 3] h, k, l
    amplitudes   [n] electrons, as the file scales them
    cell         a, b, c in Angstrom, alpha, beta, gamma in degrees
    columns      names of the columns that were read
    """

    indices: NDArray[np.int64]
    amplitudes: NDArray[np.float64]
    cell: tuple[float, float, float, float, float, float]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Asymmetric:
    """What a file holds: [n, 3] indices, and [n] amplitudes of h and of -h, the same without a pair."""

    indices: NDArray[np.int64]
    plus: NDArray[np.float64]
    minus: NDArray[np.float64]
    columns: tuple[str, ...]


def read_reflections(path: str | Path, columns: tuple[str, ...] = ()) -> Reflections:
    """Read a merged MTZ or a structure-factor mmCIF, expanded to P1.

    columns   names of one column, or of those of h and of -h; none: chosen by MTZ_TYPES or CIF_ITEMS

    Reflections without a number are left out; where one of a pair is missing, its mate stands for it. Of
    intensities the root is taken, 0 of those below 0. Raises a SimulatorError without gemmi, for a file that
    it cannot read, for unmerged data, and for a file without a cell, a space group or a column that serves.
    """
    name = str(path)
    source = _opened(name)
    try:
        found = _of_mtz(name, source, columns) if _is_mtz(name) else _of_cif(name, source, columns)
    except (RuntimeError, ValueError) as error:
        raise _unreadable(name, error) from None
    group = source.spacegroup
    if group is None:
        raise SimulatorError(f"{path} names no space group: its reflections cannot be expanded")
    indices, amplitudes = _expanded(found, group)
    return Reflections(indices, amplitudes, _cell(name, source.cell), found.columns)


def cell_of_file(path: str | Path) -> tuple[float, float, float, float, float, float]:
    """The unit cell of a MTZ or mmCIF: a, b, c in Angstrom, alpha, beta, gamma in degrees."""
    name = str(path)
    return _cell(name, _opened(name).cell)


def _opened(name: str) -> Any:
    """The file as gemmi holds it: a Mtz, or the block of a mmCIF that holds reflections."""
    gemmi = _gemmi()
    try:
        return gemmi.read_mtz_file(name) if _is_mtz(name) else _block(name, gemmi)
    except (OSError, RuntimeError, ValueError) as error:
        raise _unreadable(name, error) from None


def _is_mtz(name: str) -> bool:
    return without_gz(name).endswith(".mtz")


def _unreadable(name: str, error: Exception) -> SimulatorError:
    """What to say of a file that gemmi refuses; what was refused here says it already."""
    if isinstance(error, SimulatorError):
        return error
    lines = str(error).splitlines() or [type(error).__name__]
    return SimulatorError(f"cannot read the reflections of {name}: {lines[0]}")


def _gemmi() -> Any:
    """Import gemmi on first use: commands without such files never load it."""
    return load_extra("gemmi", "MTZ and mmCIF files")


def _cell(name: str, cell: Any) -> tuple[float, float, float, float, float, float]:
    if not cell.is_crystal():
        raise SimulatorError(f"{name} holds no unit cell")
    return cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma


def _of_mtz(name: str, mtz: Any, wanted: tuple[str, ...]) -> _Asymmetric:
    if len(mtz.batches):
        raise SimulatorError(f"{name} holds unmerged observations: merge them first")
    labels, squared = _mtz_labels(name, mtz, wanted)
    values = [np.array(mtz.column_with_label(label), dtype=np.float64) for label in labels]
    return _asymmetric(mtz.make_miller_array(), values, labels, squared=squared)


def _mtz_labels(name: str, mtz: Any, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The columns to read, and whether they hold intensities."""
    types = {column.label: column.type for column in mtz.columns}
    if wanted:
        absent = [label for label in wanted if label not in types]
        if absent:
            raise SimulatorError(f"{name} has no column {absent[0]}: it has {', '.join(types)}")
        letters_of_intensities = [kind.letter for kind in MTZ_TYPES if kind.squared]
        return wanted, types[wanted[0]] in letters_of_intensities
    for kind in MTZ_TYPES:
        labels = [label for label, letter in types.items() if letter == kind.letter]
        needed = 2 if kind.is_pair else 1
        if len(labels) >= needed:
            return tuple(labels[:needed]), kind.squared
    raise SimulatorError(f"{name} has no column of amplitudes or intensities: it has {', '.join(types)}")


def _block(name: str, gemmi: Any) -> Any:
    """The first block of a mmCIF that holds reflections."""
    document = gemmi.cif.read(name)
    for block in gemmi.as_refln_blocks(document):
        if block.default_loop is not None:
            return block
    raise SimulatorError(f"{name} holds no reflections")


def _of_cif(name: str, block: Any, wanted: tuple[str, ...]) -> _Asymmetric:
    if block.is_unmerged():
        raise SimulatorError(f"{name} holds unmerged observations: merge them first")
    present = set(block.column_labels())
    choices = (_asked_for(wanted),) if wanted else CIF_ITEMS
    for labels, squared in choices:
        if present.issuperset(labels):
            values = [np.array(block.make_float_array(label), dtype=np.float64) for label in labels]
            return _asymmetric(block.make_miller_array(), values, labels, squared=squared)
    sought = " or ".join(items.labels[0] for items in choices)
    raise SimulatorError(f"{name} has no {sought} of reflections: it has {', '.join(sorted(present))}")


def _asked_for(labels: tuple[str, ...]) -> CifItems:
    """Items that somebody names; amplitudes, unless the dictionary of mmCIF has them as intensities."""
    intensities = {label for items in CIF_ITEMS if items.squared for label in items.labels}
    return CifItems(labels, squared=labels[0] in intensities)


def _asymmetric(
    indices: Any, values: list[NDArray[np.float64]], labels: tuple[str, ...], *, squared: bool
) -> _Asymmetric:
    """Amplitudes of h and -h, each standing in where the other is missing, where there is either."""
    if squared:
        values = [np.sqrt(np.maximum(column, 0)) for column in values]
    plus, minus = values[0], values[-1]
    plus = np.where(np.isfinite(plus), plus, minus)
    minus = np.where(np.isfinite(minus), minus, plus)
    known = np.isfinite(plus)
    return _Asymmetric(np.asarray(indices, dtype=np.int64)[known], plus[known], minus[known], labels)


def _expanded(found: _Asymmetric, group: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All symmetry mates and their Friedel mates, each once."""
    rotations = [np.array(op.rot) // op.DEN for op in group.operations().sym_ops]
    mates = [found.indices @ rotation for rotation in rotations]
    # Where -h is a symmetry mate of h too, its own amplitude is that of h: the first of equal indices stays.
    indices = np.concatenate([*mates, *(-mate for mate in mates)])
    amplitudes = np.concatenate([*(found.plus for _ in mates), *(found.minus for _ in mates)])
    unique, first = np.unique(indices, axis=0, return_index=True)
    return unique, amplitudes[first]
