"""The plain renderer: any set of pixels of a scene, in torch operations only.

It is the reference that the compiled kernel is tested against, the fallback where that cannot be built,
and the path that second derivatives take. Per pixel:

    I = r_e^2 fluence / steps  x  sum over layers, sub-pixels, sources, orientations of F_cell^2 F_latt^2
        x captured fraction x polarisation x solid angle
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.geometry.panel import Panel, bent, positions
from simulator.physics import background, factors, lattice, structure
from simulator.physics.factors import Point
from simulator.physics.table import Table
from simulator.simulator.scene import Scene, Tensors
from simulator.simulator.tiles import tile_pixels
from simulator.units import WATER_F


@dataclass(frozen=True)
class Sample:
    """One sub-pixel in one layer, for all pixels of a tile: unit vectors from the crystal, and distances."""

    index: int
    layer: int
    sub: int
    ray: Point
    length: Tensor


def panel_of(tensors: Tensors) -> Panel:
    """The detector plane of a scene."""
    t = tensors
    return Panel(t.origin, t.fast, t.slow, t.normal, t.close, t.distance)


def samples(scene: Scene, pixels: Tensor) -> Iterator[Sample]:
    """Layers, then slow, then fast sub-pixels: the order in which the reference program visits them."""
    tensors, plan = scene.tensors, scene.plan
    count = plan.oversample
    fast_px = (pixels % plan.fpixels).to(tensors.pixel.dtype)
    slow_px = torch.div(pixels, plan.fpixels, rounding_mode="floor").to(tensors.pixel.dtype)
    panel, edge = panel_of(tensors), tensors.pixel / count
    index = 0
    for layer in range(plan.layers):
        for sub in range(count * count):
            sub_s, sub_f = divmod(sub, count)
            fast = edge * (count * fast_px + (sub_f + 0.5))
            slow = edge * (count * slow_px + (sub_s + 0.5))
            point = positions(panel, fast, slow, layer * tensors.layer_step)
            if plan.curved:
                point = bent(panel, tensors.beam, point)
            ray, length = factors.direction(point)
            yield Sample(index, layer, sub, ray, length)
            index += 1


def omega_of(scene: Scene, sample: Sample) -> Tensor:
    """The solid angle of a sample's pixel."""
    tensors = scene.tensors
    return factors.solid_angle(sample.length, tensors.pixel, tensors.close, scene.plan.point_pixel)


def captured_of(scene: Scene, sample: Sample) -> Tensor:
    """What a sample's layer stops; 1 for a sensor without thickness.

    The reference gives "each" capture 0 without a thickness; only its running product keeps that.
    """
    tensors, plan = scene.tensors, scene.plan
    if not plan.thick:
        bare = plan.running_product and plan.capture_from == "each"
        return torch.zeros_like(sample.length) if bare else torch.ones_like(sample.length)
    obliquity = factors.dot(sample.ray, tensors.normal)
    return factors.captured(sample.layer, tensors.layer_step, tensors.absorption, obliquity)


def scattering_vector(ray: Point, direction: Tensor, wavelength: Tensor) -> Tensor:
    """q = (d - i) / wavelength, [3, P], 1/Angstrom."""
    return torch.stack([(ray[axis] - direction[axis]) / wavelength for axis in range(3)])


def square_factor(scene: Scene, offsets: Tensor) -> Tensor:
    """The squared lattice factor for offsets [3, ...] from the nearest reflection."""
    tensors, plan = scene.tensors, scene.plan
    if plan.shape == "SQUARE":
        return lattice.square_factor(offsets, tensors.cells, plan.whole)
    if plan.shape == "ROUND":
        return lattice.round_factor(offsets, tensors.cells, tensors.fudge)
    if plan.shape == "GAUSS":
        return lattice.gauss_factor(offsets, tensors.cells, tensors.reciprocal, tensors.fudge)
    return lattice.tophat_factor(offsets, tensors.cells, tensors.reciprocal, tensors.fudge)


def structure_square(scene: Scene, indices: Tensor, whole: Tensor, pixels: Tensor, steps: Tensor) -> Tensor:
    """F_cell^2 at indices [3, r, P]; `steps` [r] numbers the samples within a pixel, for the rule when to
    interpolate."""
    tensors, plan = scene.tensors, scene.plan
    if not plan.has_table:
        return tensors.default_F**2
    table = Table(tensors.table, plan.lowest, tensors.default_F)
    amplitude = structure.nearest(table, whole)
    if plan.interpolates:
        smooth = structure.reachable(table, indices)
        if plan.interpolate_before is not None:
            pixel, step = plan.interpolate_before
            smooth &= (pixels[None] < pixel) | ((pixels[None] == pixel) & (steps[:, None] < step))
        amplitude = torch.where(smooth, structure.tricubic(table, indices), amplitude)
    return amplitude**2


def miller_indices(scene: Scene, rows: slice, q: Tensor, pixels: Tensor, first_step: int) -> Tensor:
    """h, k, l = a.q, b.q, c.q for a group of orientations, [3, r, P]."""

    def project(real: Tensor) -> Tensor:
        # Written out: a matrix product of inner size 3 gains nothing and stalls where cores are shared.
        x, y, z = (real[rows].transpose(0, 1)[..., axis, None] for axis in range(3))
        return x * q[0] + y * q[1] + z * q[2]

    indices = project(scene.tensors.real)
    if scene.first_real is not None and first_step == 0:
        hit = torch.isin(pixels, torch.tensor(scene.plan.first_pixels, device=pixels.device))
        if bool(hit.any()):
            indices = torch.where(hit, project(scene.first_real), indices)
    return indices


def terms(scene: Scene, q: Tensor, pixels: Tensor, first_step: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(F_cell^2 F_latt^2, F_latt^2), both [r, P], for consecutive groups of r orientations."""
    count, points = scene.tensors.real.shape[0], q.shape[1]
    group = max(1, tile_pixels(q.device) // max(points, 1))
    for start in range(0, count, group):
        rows = slice(start, min(start + group, count))
        indices = miller_indices(scene, rows, q, pixels, first_step)
        whole = structure.nearest_index(indices.detach())
        factor = square_factor(scene, indices - whole)
        steps = first_step + torch.arange(rows.start, rows.stop, device=q.device)
        yield structure_square(scene, indices, whole, pixels, steps) * factor, factor


def polarization_of(scene: Scene, ray: Point, source: int) -> Tensor:
    """The polarisation factor for the photons of one source."""
    tensors = scene.tensors
    beam = tensors.directions[source]
    if scene.plan.kahn_zero:
        cosine = factors.dot(ray, beam)
        return 0.5 * (1 + cosine * cosine)
    return factors.polarization(ray, beam, tensors.polar_axis, tensors.kahn)


def liquid(tensors: Tensors, q: Tensor) -> Tensor:
    """F^2 x molecules of what fills the beam besides the crystal: water's constant, or a table of F."""
    if len(tensors.background_at) == 0:
        return tensors.background
    stol = torch.sqrt((q * q).sum(0)) / 2
    amplitude = background.interpolate(stol, tensors.background_at, tensors.background_F)
    return tensors.background * (amplitude / WATER_F) ** 2


class Pixels:
    """The running state of a tile: the sum, and the factors that belong to one chosen sample of each
    pixel."""

    def __init__(self, scene: Scene, pixels: Tensor) -> None:
        self.scene, self.pixels = scene, pixels
        one = torch.ones(pixels.shape, dtype=scene.tensors.pixel.dtype, device=pixels.device)
        self.total = one * 0
        if scene.plan.background_divided:
            self.total = self.total + scene.tensors.background
        self.omega, self.polar, self.share = one, one, one
        self.polar_known = torch.zeros(pixels.shape, dtype=torch.bool, device=pixels.device)
        self.settled = False

    def choose(self, sample: Sample) -> None:
        """Keep the solid angle and the captured fraction of this sample where it is the chosen one."""
        plan = self.scene.plan
        final, last_sub = sample.layer == plan.layers - 1, plan.oversample**2 - 1
        chosen_omega = {"first": sample.index == 0, "last": final and sample.sub == last_sub, "each": False}
        if chosen_omega[plan.omega_from]:
            self.omega = omega_of(self.scene, sample)
        chosen_share = {
            "first": final and sample.sub == 0,
            "last": final and sample.sub == last_sub,
            "each": False,
        }
        if plan.thick and chosen_share[plan.capture_from]:
            self.share = captured_of(self.scene, sample)

    def choose_polarization(self, polar: Tensor, contributed: Tensor) -> None:
        """Keep the polarisation of the first sample that contributes, or of the last."""
        if self.scene.plan.polarization_from == "first":
            self.polar = torch.where(contributed & ~self.polar_known, polar, self.polar)
            self.polar_known = self.polar_known | contributed
        elif self.scene.plan.polarization_from == "last":
            self.polar = torch.where(contributed, polar, self.polar)

    def image(self) -> Tensor:
        """Photons per pixel."""
        scale = self.scene.tensors.scale / self.scene.steps
        return scale * self.total * self.share * self.polar * self.omega


def _polar(state: Pixels, sample: Sample, source: int) -> Tensor | None:
    """The sample's polarisation, where anything will come of it."""
    plan = state.scene.plan
    if not plan.polarized or (plan.polarization_from == "first" and state.settled):
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


def _sum_source(state: Pixels, sample: Sample, source: int) -> None:
    """Add one source's share of one sample to the running sums."""
    scene, plan, tensors = state.scene, state.scene.plan, state.scene.tensors
    q = scattering_vector(sample.ray, tensors.directions[source], tensors.wavelengths[source])
    seen = (q.detach() ** 2).sum(0).sqrt() * plan.dmin <= 1 if plan.dmin > 0 else None
    sources, orientations = tensors.directions.shape[0], tensors.real.shape[0]
    first_step = (sample.index * sources + source) * orientations
    polar = _polar(state, sample, source)
    own, weight = _own_factor(scene, sample, polar), tensors.weights[source]
    value, touched = torch.zeros_like(sample.length), torch.zeros_like(state.polar_known)
    for intensity, factor in terms(scene, q, state.pixels, first_step):
        if plan.may_skip:
            touched = touched | (factor.detach() != 0).any(0)
        if plan.running_product:
            _running(state, intensity * weight, factor, own, seen)
        else:
            value = value + intensity.sum(0)
    if not plan.running_product:
        if plan.watered and not plan.background_divided:
            value = value + orientations * liquid(tensors, q)
        value = value * (own * weight)
        state.total = state.total + (
            value if seen is None else torch.where(seen, value, torch.zeros_like(value))
        )
    if polar is not None:
        everywhere = torch.ones_like(touched) if plan.watered or not plan.may_skip else touched
        state.choose_polarization(polar, everywhere if seen is None else everywhere & seen)
        state.settled = seen is None and (plan.watered or not plan.may_skip)


def _running(state: Pixels, intensity: Tensor, factor: Tensor, own: Tensor, seen: Tensor | None) -> None:
    """The reference's defect: after every step the whole running sum is multiplied by the step's factors."""
    for step in range(intensity.shape[0]):
        active = torch.ones_like(state.polar_known) if seen is None else seen
        if not state.scene.plan.watered:
            active = active & (factor[step].detach() != 0)
        state.total = torch.where(active, (state.total + intensity[step]) * own, state.total)


def render(scene: Scene, pixels: Tensor) -> Tensor:
    """Photons in the pixels numbered row by row, [P]; masked pixels are 0."""
    state = Pixels(scene, pixels)
    for sample in samples(scene, pixels):
        state.choose(sample)
        for source in range(scene.tensors.directions.shape[0]):
            _sum_source(state, sample, source)
    image = state.image()
    if scene.mask is not None:
        image = torch.where(scene.mask.reshape(-1)[pixels], image, torch.zeros_like(image))
    return image
