"""Configure the crystal: unit cell, orientation, mosaic blocks and structure factors."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.config import checks
from simulator.config.checks import Scalar, Vector
from simulator.config.errors import SimulatorError

if TYPE_CHECKING:
    import torch

SHAPES = ("SQUARE", "ROUND", "GAUSS", "TOPHAT")
OUTSIDE = ("switch-off", "nearest")

DEFAULT_MOSAIC_SEED = -12345678
"""The reference program's own seed of the mosaic blocks."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CrystalConfig:
    """A crystal. Every length, angle and amplitude may be a 0-d tensor, through which gradients flow.

    cell_*            edges in Angstrom, angles in degrees
    exact_cell        True: the lattice is exactly that of the cell; False: with the C program's c*, which is
                      off by some 0.1 % in triclinic cells
    matrix            [3, 3] reciprocal vectors as rows a*, b*, c* in 1/Angstrom, in place of the standard
                      start orientation; with `matrix_sets_cell` it also replaces the cell
    misset_deg        rotations about the lab x, then y, then z axis, degrees
    misset_seed       seed of a random orientation (negative, as the generator starts from); None: not random
    phi_*, osc_*      spindle start, range in degrees and number of steps; phi_step_deg: None for range /
                      steps
    phi_carryover     the number of threads of the C program whose defect is reproduced: a phi of exactly 0
                      keeps the previous orientation, but for the first sample of each thread; 0: no defect
    mosaic_*          spread in degrees (full cap), number of blocks, generator seed (negative). Three spreads
                      turn the blocks about the crystal's own x (along a), y and z (along c*), each by its
                      own width; one turns them about the lab's axes alike
    N_cells           unit cells along a, b, c; values up to 1 act as 1
    shape, fudge      lattice factor and its radius parameter
    default_F         structure factor, in electrons, of every reflection that no file gives
    hkl_path          text file of h k l F, or MTZ or mmCIF (read by gemmi); None: uniform default_F
    interpolate       True, False, or None for the rule: on when a table exists and min(N_cells) <= 2
    outside           what the first sample beyond the table does to interpolation: "switch-off" for the rest
                      of the run (as the C program), or "nearest" for that sample alone
    """

    cell_a: Scalar = 100.0
    cell_b: Scalar = 100.0
    cell_c: Scalar = 100.0
    cell_alpha: Scalar = 90.0
    cell_beta: Scalar = 90.0
    cell_gamma: Scalar = 90.0
    exact_cell: bool = False
    matrix: "tuple[Vector, Vector, Vector] | torch.Tensor | None" = None
    matrix_sets_cell: bool = True
    misset_deg: Vector = (0.0, 0.0, 0.0)
    misset_seed: int | None = None
    phi_start_deg: Scalar = 0.0
    osc_range_deg: Scalar = 0.0
    phi_steps: int = 1
    phi_step_deg: Scalar | None = None
    phi_carryover: int = 0
    mosaic_spread_deg: Scalar | Vector = 0.0
    mosaic_domains: int = 1
    mosaic_seed: int = DEFAULT_MOSAIC_SEED
    N_cells: Vector = (1, 1, 1)
    shape: str = "SQUARE"
    fudge: Scalar = 1.0
    default_F: Scalar = 0.0
    hkl_path: str | None = None
    interpolate: bool | None = None
    outside: str = "switch-off"

    def __post_init__(self) -> None:
        checks.positive("cell_a", self.cell_a, "A")
        checks.positive("cell_b", self.cell_b, "A")
        checks.positive("cell_c", self.cell_c, "A")
        self._check_angles()
        checks.vector("misset_deg", self.misset_deg, "degrees")
        checks.finite("phi_start_deg", self.phi_start_deg, "degrees")
        checks.finite("osc_range_deg", self.osc_range_deg, "degrees")
        checks.count("phi_steps", self.phi_steps, 1)
        if self.phi_step_deg is not None:
            checks.finite("phi_step_deg", self.phi_step_deg, "degrees")
        checks.count("phi_carryover", self.phi_carryover, 0)
        self._check_spread()
        checks.count("mosaic_domains", self.mosaic_domains, 1)
        checks.count("phi_steps x mosaic_domains", self.phi_steps * self.mosaic_domains, 1, 10 * checks.MOST)
        checks.vector("N_cells", self.N_cells, "cells")
        checks.choice("shape", self.shape, SHAPES)
        checks.positive("fudge", self.fudge, "")
        checks.finite("default_F", self.default_F, "electrons")
        checks.choice("outside", self.outside, OUTSIDE)
        checks.seed("mosaic_seed", self.mosaic_seed)
        if self.misset_seed is not None:
            checks.seed("misset_seed", self.misset_seed)
        checks.switch("exact_cell", self.exact_cell)
        checks.switch("matrix_sets_cell", self.matrix_sets_cell)
        if self.interpolate is not None:
            checks.switch("interpolate", self.interpolate)

    def has_three_spreads(self) -> bool:
        """Whether mosaic blocks have a spread of their own about each axis of the crystal."""
        spread = self.mosaic_spread_deg
        return isinstance(spread, (tuple, list)) or getattr(spread, "ndim", 0) == 1

    def _check_spread(self) -> None:
        """Raise a SimulatorError unless the spread is one number, or three, none of them negative."""
        name, unit = "mosaic_spread_deg", "degrees"
        if not self.has_three_spreads():
            checks.non_negative(name, self.mosaic_spread_deg, unit)  # type: ignore[arg-type]
            return
        parts = list(self.mosaic_spread_deg)  # type: ignore[arg-type]
        checks.vector(name, parts, unit)
        for part in parts:
            checks.non_negative(name, part, unit)

    def _check_angles(self) -> None:
        """Raise a SimulatorError unless the three angles span a cell.

        They do when each is below the sum of the two others and all sum below 360 degrees.
        """
        names = ("cell_alpha", "cell_beta", "cell_gamma")
        angles = [checks.positive(name, getattr(self, name), "degrees") for name in names]
        for name, angle in zip(names, angles, strict=True):
            if angle >= 180:
                raise SimulatorError(f"{name} is {angle:g} degrees: it must be below 180")
        half = sum(angles) / 2
        if half >= 180 or any(half <= angle for angle in angles):
            shown = ", ".join(f"{angle:g}" for angle in angles)
            raise SimulatorError(f"cell angles {shown} degrees enclose no volume: the cell is degenerate")

    def smallest_axis(self) -> float:
        """Return the smallest number of cells along an axis, which decides about interpolation."""
        return min(math.floor(checks.plain(n)) for n in self.N_cells)
