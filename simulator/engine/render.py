"""Render any set of pixels of a scene in torch operations only.

The compiled kernel is tested against this path; it serves where the kernel cannot be built, and for second
derivatives. Per pixel:

    I = r_e^2 fluence / steps  x  sum over layers, sub-pixels, sources, orientations of F_cell^2 F_latt^2
        x captured fraction x polarisation x solid angle
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.engine.tiles import tile_pixels
from simulator.geometry.panel import Panel, bent, positions
from simulator.physics import background, factors, lattice, structure
from simulator.physics.factors import Point
from simulator.physics.table import Table
from simulator.scene.scene import Scene, Tensors
from simulator.units import WATER_F


@dataclass(frozen=True)
class Sample:
    """One sub-pixel in one layer, for all P pixels of a tile.

    index       number within the pixel, in the order in which the reference program visits them
    layer, sub  layer of the sensor, and sub-pixel: slow x oversample + fast
    ray         unit vectors from the crystal, three of [P]
    length      [P] distances, m
    """

    index: int
    layer: int
    sub: int
    ray: Point
    length: Tensor


def panel_of(tensors: Tensors) -> Panel:
    """The detector plane of a scene."""
    return Panel(
        origin=tensors.origin,
        fast=tensors.fast,
        slow=tensors.slow,
        normal=tensors.normal,
        close=tensors.close,
        distance=tensors.distance,
    )


def samples(scene: Scene, pixels: Tensor) -> Iterator[Sample]:
    """Visit layers, then slow, then fast sub-pixels, in the order of the reference program.

    pixels [P] are numbers of pixels, row by row.
    """
    tensors, plan = scene.tensors, scene.plan
    count = plan.oversample
    panel = panel_of(tensors)
    edge = tensors.pixel / count
    # Sub-pixels before each pixel, along both edges of the panel.
    fast_sub = ((pixels % plan.fpixels) * count).to(tensors.pixel.dtype)
    slow_sub = (torch.div(pixels, plan.fpixels, rounding_mode="floor") * count).to(tensors.pixel.dtype)
    index = 0
    for layer in range(plan.layers):
        for sub in range(count * count):
            sub_s, sub_f = divmod(sub, count)
            # Multiplied last: the middle of a panel lies exactly on a beam that goes through it.
            fast = edge * (fast_sub + (sub_f + 0.5))
            slow = edge * (slow_sub + (sub_s + 0.5))
            point = positions(panel, fast, slow, layer * tensors.layer_step)
            if plan.curved:
                point = bent(panel, tensors.beam, point)
            ray, length = factors.direction(point)
            yield Sample(index, layer, sub, ray, length)
            index += 1


def omega_of(scene: Scene, sample: Sample) -> Tensor:
    """[P] solid angle of a sample's pixel, sr (1/m^2 for a point pixel)."""
    tensors = scene.tensors
    return factors.solid_angle(sample.length, tensors.pixel, tensors.close, scene.plan.point_pixel)


def captured_of(scene: Scene, sample: Sample) -> Tensor:
    """[P] fraction that a sample's layer stops; 1 for a sensor without thickness.

    The reference gives "each" capture 0 without a thickness; only its running product keeps that.
    """
    tensors, plan = scene.tensors, scene.plan
    if not plan.thick and plan.running_product and plan.capture_from == "each":
        return torch.zeros_like(sample.length)
    if not plan.thick:
        return torch.ones_like(sample.length)
    obliquity = factors.dot(sample.ray, tensors.normal)
    return factors.captured(sample.layer, tensors.layer_step, tensors.absorption, obliquity)


def scattering_vector(ray: Point, direction: Tensor, wavelength: Tensor) -> Tensor:
    """q = (d - i) / wavelength, [3, P], 1/Angstrom."""
    return (torch.stack(ray) - direction[:, None]) * (1 / wavelength)


def square_factor(scene: Scene, offsets: Tensor) -> Tensor:
    """F_latt^2 for offsets [3, ...] from the nearest reflection."""
    tensors, plan = scene.tensors, scene.plan
    if plan.shape == "SQUARE":
        return lattice.square_factor(offsets, tensors.cells, plan.whole)
    if plan.shape == "ROUND":
        return lattice.round_factor(offsets, tensors.cells, tensors.fudge)
    if plan.shape == "GAUSS":
        return lattice.gauss_factor(offsets, tensors.cells, tensors.reciprocal, tensors.fudge)
    return lattice.tophat_factor(offsets, tensors.cells, tensors.reciprocal, tensors.fudge)


def scatters(scene: Scene, offsets: Tensor, square: Tensor) -> Tensor:
    """Whether F_latt is not 0; `square` is its square, which may be 0 where F_latt is merely tiny."""
    tensors = scene.tensors
    if scene.plan.shape != "GAUSS":
        return square.detach() != 0
    amplitude = lattice.gauss_amplitude(offsets, tensors.cells, tensors.reciprocal, tensors.fudge)
    return amplitude.detach() != 0


def structure_square(scene: Scene, indices: Tensor, whole: Tensor, pixels: Tensor, steps: Tensor) -> Tensor:
    """F_cell^2 at indices [3, r, P], electrons^2.

    whole [3, r, P] is the nearest reflection, pixels [P] and steps [r] number the samples: they decide which
    of them are interpolated.
    """
    tensors, plan = scene.tensors, scene.plan
    if not plan.has_table:
        return tensors.default_F**2
    table = Table(tensors.table, plan.lowest, tensors.default_F)
    amplitude = structure.nearest(table, whole)
    if plan.interpolates:
        smooth = structure.reachable(table, indices)
        if plan.interpolate_before is not None:
            pixel, step = plan.interpolate_before
            earlier_pixel = pixels[None] < pixel
            earlier_step = (pixels[None] == pixel) & (steps[:, None] < step)
            smooth &= earlier_pixel | earlier_step
        amplitude = torch.where(smooth, structure.tricubic(table, indices), amplitude)
    return amplitude**2


def miller_indices(scene: Scene, rows: slice, q: Tensor, pixels: Tensor, first_step: int) -> Tensor:
    """h, k, l = a.q, b.q, c.q for the orientations `rows`, [3, r, P].

    `first_step` is the step of this sample's first orientation. Under the C program's carry-over defect the
    first sample of each thread has orientations of its own.
    """
    indices = _project(scene.tensors.real[rows], q)
    if scene.carries_over and first_step == 0:
        hit = torch.isin(pixels, torch.tensor(scene.plan.first_pixels, device=pixels.device))
        if bool(hit.any()):
            indices = torch.where(hit, _project(scene.tensors.first_real[rows], q), indices)
    return indices


def _project(real: Tensor, q: Tensor) -> Tensor:
    """[3, r, P] products of the rows of real [r, 3, 3] with q [3, P]."""
    by_row = real.transpose(0, 1)
    x, y, z = by_row[..., 0, None], by_row[..., 1, None], by_row[..., 2, None]
    # Written out: a matrix product of inner size 3 gains nothing and stalls where cores are shared.
    return torch.addcmul(torch.addcmul(x * q[0], y, q[1]), z, q[2])


def terms(scene: Scene, q: Tensor, pixels: Tensor, first_step: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """(F_cell^2 F_latt^2, whether F_latt is not 0), both [r, P], for consecutive groups of r orientations.

    The second is computed for the running product alone, which skips steps by it; else it is None.
    """
    count, points = scene.orientations, q.shape[1]
    # As many orientations at once as fill a tile, so that memory follows the tile.
    group = max(1, tile_pixels(q.device) // max(points, 1))
    for start in range(0, count, group):
        rows = slice(start, min(start + group, count))
        indices = miller_indices(scene, rows, q, pixels, first_step)
        # The nearest reflection is constant between its jumps: its slope is 0.
        whole = structure.nearest_index(indices.detach())
        offsets = indices - whole
        factor = square_factor(scene, offsets)
        steps = first_step + torch.arange(rows.start, rows.stop, device=q.device)
        square = structure_square(scene, indices, whole, pixels, steps)
        is_lit = scatters(scene, offsets, factor) if scene.plan.running_product else None
        yield square * factor, is_lit


def polarization_of(scene: Scene, ray: Point, source: int) -> Tensor:
    """[P] polarisation factor for the photons of one source."""
    tensors = scene.tensors
    beam = tensors.directions[source]
    if scene.plan.kahn_zero:
        cosine = factors.dot(ray, beam)
        return 0.5 * (1 + cosine * cosine)
    return factors.polarization(ray, beam, tensors.polar_axis, tensors.kahn)


def liquid(tensors: Tensors, q: Tensor) -> Tensor:
    """F^2 x molecules of the liquid in the beam, electrons^2: water's constant [], or by a table of F [P]."""
    if len(tensors.background_at) == 0:
        return tensors.background
    # sin(theta)/wavelength is half the length of the scattering vector.
    stol = torch.sqrt((q * q).sum(0)) / 2
    amplitude = background.interpolate(stol, tensors.background_at, tensors.background_F)
    return tensors.background * (amplitude / WATER_F) ** 2


class Pixels:
    """The running state of a tile: the sum, and the factors of one chosen sample of each pixel."""

    def __init__(self, scene: Scene, pixels: Tensor) -> None:
        self.scene, self.pixels = scene, pixels
        one = torch.ones(pixels.shape, dtype=scene.tensors.pixel.dtype, device=pixels.device)
        self.total = one * 0
        if scene.plan.background_divided:
            self.total = self.total + scene.tensors.background
        self.omega, self.polar, self.share = one, one, one
        self.polar_known = torch.zeros(pixels.shape, dtype=torch.bool, device=pixels.device)
        self.polar_settled = False
        """Whether every pixel has its first polarisation, so that no other needs to be computed."""

    def choose(self, sample: Sample) -> None:
        """Keep the solid angle and the captured fraction of this sample where it is the chosen one."""
        plan = self.scene.plan
        in_last_layer = sample.layer == plan.layers - 1
        is_last = in_last_layer and sample.sub == plan.oversample**2 - 1
        if _is_chosen(plan.omega_from, first=sample.index == 0, last=is_last):
            self.omega = omega_of(self.scene, sample)
        # As in the reference, the first captured fraction is that of the first sub-pixel of the last layer.
        first_share = in_last_layer and sample.sub == 0
        if plan.thick and _is_chosen(plan.capture_from, first=first_share, last=is_last):
            self.share = captured_of(self.scene, sample)

    def choose_polarization(self, polar: Tensor, seen: Tensor) -> None:
        """Keep the polarisation of the first sample that is seen, or of the last.

        As in the reference, a sample is seen when `dmin` does not skip it, whatever its lattice factor.
        """
        if self.scene.plan.polarization_from == "first":
            self.polar = torch.where(seen & ~self.polar_known, polar, self.polar)
            self.polar_known = self.polar_known | seen
        elif self.scene.plan.polarization_from == "last":
            self.polar = torch.where(seen, polar, self.polar)

    def image(self) -> Tensor:
        """[P] photons per pixel."""
        scale = self.scene.tensors.scale / self.scene.steps
        return scale * self.total * self.share * self.polar * self.omega


def _is_chosen(pick: str, *, first: bool, last: bool) -> bool:
    """Whether `pick` means this sample, which is the first or the last of its pixel; "each" means none."""
    return (pick == "first" and first) or (pick == "last" and last)


def _polar(state: Pixels, sample: Sample, source: int) -> Tensor | None:
    """The sample's polarisation factor; None where it would not be used."""
    plan = state.scene.plan
    if not plan.polarized or (plan.polarization_from == "first" and state.polar_settled):
        return None
    return polarization_of(state.scene, sample.ray, source)


def _own_factor(scene: Scene, sample: Sample, polar: Tensor | None) -> Tensor:
    """The product of the factors that each sample brings itself; 0-d where it brings none."""
    plan = scene.plan
    factor = torch.ones_like(scene.tensors.pixel)
    if plan.omega_from == "each":
        factor = factor * omega_of(scene, sample)
    if plan.polarization_from == "each" and polar is not None:
        factor = factor * polar
    if plan.capture_from == "each":
        factor = factor * captured_of(scene, sample)
    return factor


def _above_dmin(scene: Scene, q: Tensor) -> Tensor | None:
    """[P] whether d = 1/|q| reaches the limit; None where there is no limit."""
    dmin = scene.plan.dmin
    if dmin <= 0:
        return None
    return (q.detach() ** 2).sum(0).sqrt() * dmin <= 1


def _sum_source(state: Pixels, sample: Sample, source: int) -> None:
    """Add one source's share of one sample to the running sums."""
    scene, plan, tensors = state.scene, state.scene.plan, state.scene.tensors
    q = scattering_vector(sample.ray, tensors.directions[source], tensors.wavelengths[source])
    seen = _above_dmin(scene, q)
    first_step = scene.first_step(sample.index, source)
    polar = _polar(state, sample, source)
    own = _own_factor(scene, sample, polar)
    weight = tensors.weights[source]
    value: Tensor | None = None
    # Counted twice, water stands in the sum from the start; counted once, each step brings its own.
    water_of_step = liquid(tensors, q) if plan.watered and not plan.background_divided else None
    for intensity, is_lit in terms(scene, q, state.pixels, first_step):
        scattered = intensity if water_of_step is None else intensity + water_of_step
        if is_lit is not None:
            _multiply_running_sum(state, scattered * weight, is_lit, own, seen)
        else:
            of_group = scattered.sum(0)
            value = of_group if value is None else value + of_group
    if value is not None:
        value = value * (own * weight)
        if seen is not None:
            value = torch.where(seen, value, torch.zeros_like(value))
        state.total = state.total + value
    if polar is not None:
        state.choose_polarization(polar, torch.ones_like(state.polar_known) if seen is None else seen)
        state.polar_settled = seen is None


def _multiply_running_sum(
    state: Pixels, intensity: Tensor, is_lit: Tensor, own: Tensor, seen: Tensor | None
) -> None:
    """Add each step and multiply the whole running sum by the step's factors: the reference's defect.

    intensity, is_lit [r, P]; steps whose lattice factor is 0 are skipped, unless there is water.
    """
    for step in range(intensity.shape[0]):
        active = torch.ones_like(state.polar_known) if seen is None else seen
        if not state.scene.plan.watered:
            active = active & is_lit[step]
        state.total = torch.where(active, (state.total + intensity[step]) * own, state.total)


def render(scene: Scene, pixels: Tensor) -> Tensor:
    """Compute the photons of the pixels with these numbers (row by row), [P]; masked pixels are 0."""
    state = Pixels(scene, pixels)
    for sample in samples(scene, pixels):
        state.choose(sample)
        for source in range(scene.sources):
            _sum_source(state, sample, source)
    image = state.image()
    if scene.mask is not None:
        image = torch.where(scene.mask.reshape(-1)[pixels], image, torch.zeros_like(image))
    return image
