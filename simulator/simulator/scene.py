"""A scene: everything that an image depends on, as a few small tensors and a frozen plan.

This is the one value that the plain torch renderer, the compiled kernel and the trace all read, so they
cannot differ in what they are given. Tensors carry gradients; the plan carries none. A command that wants an
image only fills them with numpy arrays, and torch is never loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Tensors:
    """The differentiable part. Lengths of the detector in m, of the lattice in Angstrom.

    real [R, 3, 3] rows a, b, c for every spindle step (outer) and mosaic block; reciprocal [3, 3] rows a*,
    b*, c*
    cells [3], fudge []; default_F [] and table [nh, nk, nl] (empty without a file), electrons
    origin, fast, slow, normal, beam, polar_axis [3]; pixel, close, distance []
    directions [S, 3], wavelengths [S] Angstrom, weights [S]
    background_at [n], background_F [n] sin(theta)/wavelength in 1/Angstrom and electrons (empty: constant)
    kahn [], layer_step [] m, absorption [] 1/m, scale [] (r_e^2 x fluence), background [] (same unit as F^2)
    """

    real: "Tensor"
    reciprocal: "Tensor"
    cells: "Tensor"
    fudge: "Tensor"
    default_F: "Tensor"
    table: "Tensor"
    origin: "Tensor"
    fast: "Tensor"
    slow: "Tensor"
    normal: "Tensor"
    beam: "Tensor"
    polar_axis: "Tensor"
    pixel: "Tensor"
    close: "Tensor"
    distance: "Tensor"
    directions: "Tensor"
    wavelengths: "Tensor"
    weights: "Tensor"
    kahn: "Tensor"
    layer_step: "Tensor"
    absorption: "Tensor"
    scale: "Tensor"
    background: "Tensor"
    background_at: "Tensor"
    background_F: "Tensor"

    def as_list(self) -> "list[Tensor]":
        """In the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]

    @staticmethod
    def from_list(values: "list[Tensor]") -> "Tensors":
        """The inverse of `as_list`."""
        return Tensors(*values)

    def mapped(self, turn: Callable[[Any], Any]) -> "Tensors":
        """Each tensor replaced by what `turn` makes of it."""
        return Tensors(*[turn(value) for value in self.as_list()])


NAMES = tuple(field.name for field in fields(Tensors))


@dataclass(frozen=True)
class Plan:
    """The part of a scene that has no gradient.

    spixels, fpixels; roi (fast first, last, slow first, last) clipped to the detector
    whole        N_cells per axis where it is a constant whole number, else None
    lowest       lowest h, k, l of the table
    interpolate_before   (pixel, step) of the first sample that reads the nearest reflection; None: all do
    interpolate_each     interpolate wherever the neighbours exist, sample by sample
    first_pixels  the pixels where a thread of the C program begins: its carry-over defect spares them
    watered      whether water counts, so that no step is skipped for a zero lattice factor
    """

    spixels: int
    fpixels: int
    roi: tuple[int, int, int, int]
    oversample: int
    layers: int
    thick: bool
    shape: str
    whole: tuple[int | None, int | None, int | None]
    lowest: tuple[int, int, int]
    has_table: bool
    polarized: bool
    kahn_zero: bool
    point_pixel: bool
    curved: bool
    dmin: float
    omega_from: str
    polarization_from: str
    capture_from: str
    running_product: bool
    background_divided: bool
    first_pixels: tuple[int, ...] = ()
    interpolate_before: tuple[int, int] | None = None
    interpolate_each: bool = False
    watered: bool = False

    @property
    def rows(self) -> range:
        """Rows of the region of interest."""
        return range(self.roi[2], self.roi[3] + 1)

    @property
    def columns(self) -> range:
        """Columns of the region of interest."""
        return range(self.roi[0], self.roi[1] + 1)

    @property
    def may_skip(self) -> bool:
        """Whether lattice factors can be exactly 0, so that the reference skips steps."""
        return self.shape in ("GAUSS", "TOPHAT") or self.running_product

    @property
    def interpolates(self) -> bool:
        """Whether any sample reads between reflections."""
        return self.interpolate_each or self.interpolate_before is not None


@dataclass(frozen=True)
class Scene:
    """Tensors, the plan, the pixels' mask and, for the C carry-over defect, the true first orientation."""

    tensors: Tensors
    plan: Plan
    mask: "Tensor | None" = None
    first_real: "Tensor | None" = None

    def with_tensors(self, tensors: Tensors) -> "Scene":
        """The same plan over other tensors."""
        return replace(self, tensors=tensors)

    def mapped(self, turn: Callable[[Any], Any], mask: Callable[[Any], Any] | None = None) -> "Scene":
        """The same scene with each tensor, and the mask, replaced by what a function makes of it."""
        return replace(
            self,
            tensors=self.tensors.mapped(turn),
            mask=self.mask if self.mask is None else (mask or turn)(self.mask),
            first_real=None if self.first_real is None else turn(self.first_real),
        )

    def to(self, dtype: "torch.dtype", device: "torch.device") -> "Scene":
        """The same in another precision or on another device."""
        return self.mapped(lambda tensor: tensor.to(device, dtype), lambda mask: mask.to(device))

    @property
    def steps(self) -> int:
        """Samples per pixel that the sum is divided by; sensor layers are not counted."""
        tensors = self.tensors
        return tensors.directions.shape[0] * tensors.real.shape[0] * self.plan.oversample**2
