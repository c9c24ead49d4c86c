"""Spectrum files: photon energy in eV and its weight, one pair a line."""

import math
from pathlib import Path

from simulator.config import SimulatorError
from simulator.io.sources import Row
from simulator.units import wavelength_from_energy

COLUMNS = 2
"""Energy and weight; further columns (errors, other units) are not read."""


def read_spectrum(path: Path) -> list[Row]:
    """Read energies and weights as rows of `BeamConfig.sources`: the beam's direction, weight, wavelength.

    Comments (#) are left out, and energies of weight 0, so that empty ends of a spectrum cost nothing. Only
    ratios of weights count. Raises a SimulatorError for a line that holds no two finite numbers, an energy
    that is not above 0, a negative weight, and a file without light.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise SimulatorError(f"cannot read the spectrum {path}: {error.strerror or error}") from None
    rows = []
    for number, line in enumerate(lines, 1):
        words = line.split("#", maxsplit=1)[0].replace(",", " ").split()
        if not words:
            continue
        energy_ev, weight = _pair(f"{path}, line {number}", line, words)
        if weight > 0:
            rows.append((math.nan, math.nan, math.nan, weight, wavelength_from_energy(energy_ev)))
    if not rows:
        raise SimulatorError(f"{path} holds no light: energy(eV) and weight are wanted, one above 0")
    return rows


def _pair(where: str, line: str, words: list[str]) -> tuple[float, float]:
    """The energy and the weight of one line."""
    try:
        energy_ev, weight = (float(word) for word in words[:COLUMNS])
    except ValueError:
        raise SimulatorError(f"{where}: {line.strip()!r} is not an energy in eV and a weight") from None
    if not 0 < energy_ev < math.inf:
        raise SimulatorError(f"{where}: the energy is {energy_ev:g} eV: it must be above 0 and finite")
    if not 0 <= weight < math.inf:
        raise SimulatorError(f"{where}: the weight is {weight:g}: it must not be negative, and finite")
    return energy_ev, weight
