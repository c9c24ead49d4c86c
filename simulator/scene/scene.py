"""A scene: everything that an image depends on, as a few small tensors and a frozen plan.

The plain torch renderer, the compiled kernel and the trace all read this one value, so that their inputs
cannot differ. Tensors carry gradients; the plan carries none. A command that wants only an image fills them
with numpy arrays, and torch is never loaded.
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

    real            [R, 3, 3] rows a, b, c for every spindle step (outer) and mosaic block
    reciprocal      [3, 3] rows a*, b*, c* before the spindle, 1/Angstrom
    cells, fudge    [3] numbers of unit cells; [] radius parameter of the lattice factor
    default_F       [] structure factor, electrons; table [nh, nk, nl] (empty without a file), electrons
    origin          [3] outer corner of the first pixel; fast, slow, normal [3] unit vectors of the panel
    beam            [3] unit vector along the beam; polar_axis [3] polarisation axis
    pixel           [] edge; close [] distance along the normal; distance [] along the beam
    directions      [S, 3] of the photons of each source; wavelengths [S], Angstrom; weights [S]
    kahn            [] polarisation factor
    layer_step      [] of the sensor; absorption [] 1/m
    scale           [] r_e^2 x fluence, photons/sr
    background      [] of water, electrons^2
    background_at   [n] sin(theta)/wavelength, 1/Angstrom; background_F [n], electrons (empty: constant)
    first_real      [R, 3, 3] as `real`, for the first sample of each thread under the C program's carry-over
                    defect; empty without the defect
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
    first_real: "Tensor"

    def as_list(self) -> "list[Tensor]":
        """List the tensors in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]

    @staticmethod
    def from_list(values: "list[Tensor]") -> "Tensors":
        """The inverse of `as_list`."""
        return Tensors(*values)

    def mapped(self, turn: Callable[[Any], Any]) -> "Tensors":
        """Replace each tensor by `turn` of it."""
        return Tensors(*[turn(value) for value in self.as_list()])


NAMES = tuple(field.name for field in fields(Tensors))
"""Names of the tensors, in the order of `Tensors.as_list`."""


@dataclass(frozen=True)
class Plan:
    """The part of a scene that has no gradient.

    spixels, fpixels     pixels along the slow and the fast axis
    roi                  (fast first, fast last, slow first, slow last), inclusive, clipped to the detector
    oversample           sub-pixels along each edge
    layers, thick        layers of the sensor; False: a bare plane
    shape                SQUARE, ROUND, GAUSS or TOPHAT
    whole                N_cells per axis where it is a constant whole number, else None
    lowest, has_table    lowest h, k, l of the table of structure factors, and whether there is one
    polarized            whether the polarisation factor counts
    kahn_zero            whether the beam is unpolarised, and no gradient of the Kahn factor is asked for
    point_pixel, curved  as in `DetectorConfig`
    dmin                 smallest d-spacing that counts, Angstrom; 0: all count
    omega_from, polarization_from, capture_from   as in `DetectorConfig`
    running_product      the C program's defect: the running sum is multiplied after every step
    background_divided   the C program's defect: water is divided by the number of steps
    first_pixels         where threads of the C program begin: its carry-over defect skips their first step
    interpolate_before   (pixel, step) of the first sample that reads the nearest reflection; None: all do
    interpolate_each     interpolate wherever the neighbours exist, sample by sample
    watered              whether water counts, so that no step is skipped for a zero lattice factor
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
    def interpolates(self) -> bool:
        """Whether any sample reads between reflections."""
        return self.interpolate_each or self.interpolate_before is not None


@dataclass(frozen=True)
class Scene:
    """Tensors and plan, and the mask.

    mask        [slow, fast] bool, True where a pixel counts; None: all do
    """

    tensors: Tensors
    plan: Plan
    mask: "Tensor | None" = None

    def with_tensors(self, tensors: Tensors) -> "Scene":
        """Return the same plan over other tensors."""
        return replace(self, tensors=tensors)

    def mapped(self, turn: Callable[[Any], Any], mask: Callable[[Any], Any] | None = None) -> "Scene":
        """Replace each tensor by `turn` of it, and the mask by `mask` of it (None: by `turn` too)."""
        turn_mask = turn if mask is None else mask
        return replace(
            self,
            tensors=self.tensors.mapped(turn),
            mask=None if self.mask is None else turn_mask(self.mask),
        )

    def to(self, dtype: "torch.dtype", device: "torch.device") -> "Scene":
        """Return the scene in another precision or on another device."""
        return self.mapped(lambda tensor: tensor.to(device, dtype), lambda mask: mask.to(device))

    @property
    def sources(self) -> int:
        """Number of sources, S."""
        return self.tensors.directions.shape[0]

    @property
    def orientations(self) -> int:
        """Number of orientations, R: spindle steps x mosaic blocks."""
        return self.tensors.real.shape[0]

    @property
    def carries_over(self) -> bool:
        """Whether the C program's carry-over defect gives first samples orientations of their own."""
        return self.tensors.first_real.shape[0] > 0

    @property
    def steps(self) -> int:
        """Samples per pixel that the sum is divided by; sensor layers are not counted."""
        return self.sources * self.orientations * self.plan.oversample**2

    def first_step(self, sample: int, source: int) -> int:
        """Number within a pixel of the step of this sample and source with the first orientation."""
        return (sample * self.sources + source) * self.orientations
