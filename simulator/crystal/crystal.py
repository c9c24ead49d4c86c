"""A crystal's lattice vectors in every orientation it takes, its size in cells and its structure factors."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.config import CrystalConfig, SimulatorError, checks
from simulator.config.checks import Scalar, Vector
from simulator.crystal.mosaic import anisotropic_rotations, mosaic_rotations, random_misset
from simulator.crystal.names import is_crystallographic
from simulator.geometry import cell as unit_cell
from simulator.geometry.arrays import bare, cross, length, scalar, stacked
from simulator.geometry.rotation import about_axis, euler_xyz, unit
from simulator.physics.table import Table
from simulator.units import RADIAN

if TYPE_CHECKING:
    import torch
    from torch import Tensor

INTERPOLATE_UP_TO = 2
"""With this many cells or fewer along an axis the transform is broad enough to see between reflections."""


class Crystal:
    """Lattice and structure factors of one `CrystalConfig`.

    `device` and `dtype` say where and how pixels are meant to be computed; the few numbers here are always
    prepared on the CPU in float64, wherever the configuration's tensors live, as arrays of the library `xp`
    (torch unless another is given). Quantities that follow from the configuration are methods without state:
    they are computed anew, with its tensors' graph.
    """

    def __init__(
        self,
        config: CrystalConfig | None = None,
        *,
        device: "torch.device | str" = "cpu",
        dtype: "torch.dtype | None" = None,
        xp: Any = None,
    ) -> None:
        self.config = CrystalConfig() if config is None else config
        checks.instance("the configuration", self.config, CrystalConfig)
        self.target, self.dtype = device, dtype
        self.xp = importlib.import_module("torch") if xp is None else xp
        self.table: Table | None = None
        if self.config.hkl_path is not None:
            self.load_hkl(self.config.hkl_path)

    def load_hkl(self, path: str | Path) -> None:
        """Replace the structure factors by those of a text file of h k l F, of a MTZ or of a mmCIF file."""
        # Only here: a crystal without such a file loads no readers, and no numpy.
        from simulator.crystal.hkl import dense_table, read_hkl

        default = self.config.default_F
        if is_crystallographic(path):
            from simulator.crystal.reflections import read_reflections

            found = read_reflections(path)
            self.table = dense_table(path, found.indices, found.amplitudes, default, self.xp)
        else:
            self.table = read_hkl(path, default, self.xp)

    def lengths(self) -> "Tensor":
        """[3] a, b, c in Angstrom."""
        config = self.config
        return stacked((config.cell_a, config.cell_b, config.cell_c), self.xp)

    def angles(self) -> "Tensor":
        """[3] alpha, beta, gamma in radians."""
        config = self.config
        return stacked((config.cell_alpha, config.cell_beta, config.cell_gamma), self.xp) * RADIAN

    def cells(self) -> "Tensor":
        """[3] numbers of unit cells; values up to 1 act as 1."""
        cells = stacked(self.config.N_cells, self.xp)
        counts: Tensor = self.xp.where(cells > 1, cells, self.xp.ones_like(cells))
        return counts

    def misset(self) -> "Tensor":
        """[3] angles about the lab axes, radians."""
        if self.config.misset_seed is not None:
            return random_misset(self.config.misset_seed, self.xp)
        return stacked(self.config.misset_deg, self.xp) * RADIAN

    def vectors(self) -> "tuple[Tensor, Tensor]":
        """Real and reciprocal vectors before the spindle turns: rows a, b, c (A) and a*, b*, c* (1/A)."""
        start, keeps_cell = self._start()
        turned = start @ euler_xyz(self.misset()).T
        if keeps_cell:
            lengths = self.lengths()
            volume = unit_cell.volume(lengths, self.angles())
            real = unit_cell.real_vectors_of_cell(turned, lengths, volume)
        else:
            real = unit_cell.real_vectors(turned)
            volume = real[0] @ cross(real[1], real[2])
        return real, unit_cell.reciprocal_vectors(real, volume)

    def _start(self) -> "tuple[Tensor, bool]":
        """Reciprocal vectors before any rotation, and whether the configured cell fixes the lengths."""
        if self.config.matrix is None:
            start = unit_cell.standard_reciprocal(self.lengths(), self.angles(), exact=self.config.exact_cell)
            return start, True
        given = self.config.matrix
        if hasattr(given, "detach"):
            rows = stacked(given, self.xp)  # type: ignore[arg-type]
        else:
            rows = self.xp.stack([stacked(row, self.xp) for row in given])
        # Adding 0 turns -0.0 into 0.0 in the message below.
        size = min(checks.numbers(self.xp.linalg.det(bare(rows))), key=abs) + 0.0
        if rows.shape != (3, 3) or not 0 < abs(size) < float("inf"):
            raise SimulatorError(
                f"the orientation matrix has the determinant {size:g} 1/A^3: it spans no cell"
            )
        return rows, not self.config.matrix_sets_cell

    def spindle_angles(self) -> "Tensor":
        """[phi_steps] spindle angles, radians: start + j x step; the step is range / steps unless given."""
        config = self.config
        start = scalar(config.phi_start_deg, self.xp) * RADIAN
        if config.phi_step_deg is None:
            step = scalar(config.osc_range_deg, self.xp) * RADIAN / config.phi_steps
        else:
            step = scalar(config.phi_step_deg, self.xp) * RADIAN
        angles: Tensor = start + self.xp.arange(config.phi_steps) * step
        return angles

    def orientations(self, spindle: "Tensor") -> "tuple[Tensor, Tensor | None]":
        """[phi_steps x domains, 3, 3] real vectors in Angstrom, mosaic blocks innermost.

        Blocks with one spread turn after the spindle, as in the reference; those with three, whose axes are
        the crystal's, before it. With the carry-over defect a second array holds the orientations of the very
        first sample, which the defect does not reach; else the second value is None.
        """
        real, _ = self.vectors()
        angles = self.spindle_angles()
        turns = about_axis(spindle, angles)
        if self.config.has_three_spreads():
            return self._turned_about_own_axes(real, turns), None
        blocks = self.mosaic_blocks()
        if not self.config.phi_carryover or self.config.phi_steps == 1:
            return _oriented(blocks, turns, real), None
        numbers = [checks.plain(angle) for angle in angles]
        if 0.0 not in numbers:
            return _oriented(blocks, turns, real), None
        # The step whose turn each step takes: at phi = 0 that of the step before, and at the start that of
        # the last step (index -1), which the pixel or sample before has left behind.
        carried: list[int] = []
        first: list[int] = []
        for step, angle in enumerate(numbers):
            taken = step - 1 if angle == 0.0 else step
            carried.append(taken)
            first.append(max(taken, 0))
        return _oriented(blocks, turns[carried], real), _oriented(blocks, turns[first], real)

    def _turned_about_own_axes(self, real: "Tensor", turns: "Tensor") -> "Tensor":
        """[steps x domains, 3, 3]: blocks turn about x (along a), y and z (along c*), then the spindle."""
        config = self.config
        if config.phi_carryover:
            raise SimulatorError(
                "phi_carryover reproduces a defect of the C program, which has one mosaic spread"
            )
        z = unit(cross(real[0], real[1]))
        x = unit(real[0])
        axes = self.xp.stack((x, cross(z, x), z))
        spreads: Vector = config.mosaic_spread_deg  # type: ignore[assignment]
        blocks = anisotropic_rotations(spreads, axes, config.mosaic_domains, config.mosaic_seed, self.xp)
        both = turns[:, None] @ blocks[None]
        return _rows(both @ real.T)

    def mosaic_blocks(self) -> "Tensor":
        """[domains, 3, 3] rotations by one spread; one block where there is none to turn the others by."""
        config = self.config
        spread: Scalar = config.mosaic_spread_deg  # type: ignore[assignment]
        # A tensor keeps all blocks at a spread of 0 too: the image has a slope there.
        is_number = not hasattr(spread, "detach")
        domains = 1 if is_number and spread == 0 else config.mosaic_domains
        return mosaic_rotations(spread, domains, config.mosaic_seed, self.xp)

    def interpolates(self) -> bool:
        """Whether structure factors are read between reflections."""
        if self.table is None:
            return False
        if self.config.interpolate is not None:
            return self.config.interpolate
        return self.config.smallest_axis() <= INTERPOLATE_UP_TO

    def largest_edge(self) -> float:
        """The crystal's longest edge, N_j x |cell vector j|, Angstrom."""
        edges = zip(self.cells(), self.edge_lengths(), strict=True)
        return max(checks.plain(cells) * edge for cells, edge in edges)

    def edge_lengths(self) -> list[float]:
        """|a|, |b|, |c| in Angstrom: exactly those of the configuration, where its cell is in force."""
        if self.config.matrix is None or not self.config.matrix_sets_cell:
            return [checks.plain(edge) for edge in self.lengths()]
        real, _ = self.vectors()
        return [checks.plain(edge) for edge in length(bare(real))]


def _oriented(blocks: "Tensor", turns: "Tensor", real: "Tensor") -> "Tensor":
    """Rows a, b, c turned by the spindle, then by the mosaic block: [steps x blocks, 3, 3]."""
    both = blocks[None] @ turns[:, None]
    return _rows(both @ real.T)


def _rows(columns: "Tensor") -> "Tensor":
    """[steps, blocks, 3, 3] with a, b, c as columns, as [steps x blocks, 3, 3] with them as rows."""
    return columns.swapaxes(-1, -2).reshape(-1, 3, 3)
