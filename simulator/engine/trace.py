"""Trace one pixel: every intermediate quantity with its unit, in the order in which it is computed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from simulator.engine.render import (
    Sample,
    captured_of,
    miller_indices,
    omega_of,
    polarization_of,
    render,
    samples,
    scattering_vector,
    square_factor,
    structure_square,
)
from simulator.physics import structure
from simulator.scene.scene import Scene

Value = float | int | str | list[float]

MOST_STEPS = 1000
"""Steps shown in full; a pixel may have millions."""


@dataclass(frozen=True)
class Entry:
    """One line of a trace: a quantity, its unit ("" for a pure number) and the sample it belongs to."""

    name: str
    value: Value
    unit: str
    where: str = ""

    def as_dict(self) -> dict[str, object]:
        """The fields by name, for JSON."""
        return asdict(self)


def _listed(tensor: Tensor) -> list[float]:
    return [float(value) for value in tensor.reshape(-1)]


def _setting(scene: Scene) -> Iterator[Entry]:
    """Quantities that all pixels share."""
    tensors, plan = scene.tensors, scene.plan
    yield Entry("beam", _listed(tensors.beam), "")
    yield Entry("panel_origin", _listed(tensors.origin), "m")
    for name in ("fast", "slow", "normal"):
        yield Entry(name, _listed(getattr(tensors, name)), "")
    yield Entry("pixel", float(tensors.pixel), "m")
    yield Entry("close_distance", float(tensors.close), "m")
    yield Entry("distance", float(tensors.distance), "m")
    yield Entry("r_e_sqr_fluence", float(tensors.scale), "photons/sr")
    yield Entry("kahn_factor", float(tensors.kahn), "")
    yield Entry("cells", _listed(tensors.cells), "")
    yield Entry("oversample", plan.oversample, "")
    yield Entry("steps", scene.steps, "")


def _samples(scene: Scene, pixel: Tensor) -> Iterator[Entry]:
    """Quantities of each sub-pixel and layer, of each source and of each step, up to MOST_STEPS of these."""
    tensors = scene.tensors
    shown = 0
    for sample in samples(scene, pixel):
        yield from _sample(scene, sample)
        for source in range(scene.sources):
            q = scattering_vector(sample.ray, tensors.directions[source], tensors.wavelengths[source])
            yield from _source(scene, sample, source, q)
            first = scene.first_step(sample.index, source)
            for turn in range(scene.orientations):
                if shown == MOST_STEPS:
                    yield Entry("more_steps", "not shown", "", f"after {MOST_STEPS} steps")
                    return
                shown += 1
                yield from _step(scene, q, pixel, first, turn)


def _where(sample: Sample) -> str:
    return f"layer {sample.layer} sub {sample.sub}"


def _sample(scene: Scene, sample: Sample) -> Iterator[Entry]:
    """Quantities of one sub-pixel in one layer."""
    where = _where(sample)
    area = "1/m^2" if scene.plan.point_pixel else "sr"
    yield Entry("position", [float(part * sample.length) for part in sample.ray], "m", where)
    yield Entry("airpath", float(sample.length), "m", where)
    yield Entry("diffracted", [float(part) for part in sample.ray], "", where)
    yield Entry("solid_angle", float(omega_of(scene, sample)), area, where)
    yield Entry("captured", float(captured_of(scene, sample)), "", where)


def _source(scene: Scene, sample: Sample, source: int, q: Tensor) -> Iterator[Entry]:
    """Quantities of one source at one sample; q [3, 1] is its scattering vector."""
    tensors = scene.tensors
    where = f"{_where(sample)} source {source}"
    yield Entry("incident", _listed(tensors.directions[source]), "", where)
    yield Entry("wavelength", float(tensors.wavelengths[source]), "A", where)
    yield Entry("source_weight", float(tensors.weights[source]), "", where)
    yield Entry("scattering_vector", _listed(q), "1/A", where)
    yield Entry("sin_theta_over_lambda", float((q**2).sum().sqrt()) / 2, "1/A", where)
    polar = polarization_of(scene, sample.ray, source) if scene.plan.polarized else torch.ones(1)
    yield Entry("polarization", float(polar), "", where)


def _step(scene: Scene, q: Tensor, pixel: Tensor, first: int, turn: int) -> Iterator[Entry]:
    """Quantities of the step of one orientation; `first` is the step of the first orientation."""
    where = f"step {first + turn}"
    indices = miller_indices(scene, slice(turn, turn + 1), q, pixel, first)
    whole = structure.nearest_index(indices)
    factor = square_factor(scene, indices - whole)
    steps = torch.tensor([first + turn], device=q.device)
    cell = structure_square(scene, indices, whole, pixel, steps) * torch.ones_like(factor)
    yield Entry("real_vectors", _listed(scene.tensors.real[turn]), "A", where)
    yield Entry("hkl", _listed(indices), "", where)
    yield Entry("nearest_hkl", _listed(whole), "", where)
    yield Entry("F_latt_squared", float(factor), "", where)
    yield Entry("F_cell_squared", float(cell), "electrons^2", where)
    yield Entry("I_step", float(factor * cell), "electrons^2", where)


def trace_pixel(scene: Scene, slow: int, fast: int) -> list[Entry]:
    """Trace the pixel in row `slow` and column `fast`."""
    pixel = torch.tensor([slow * scene.plan.fpixels + fast], device=scene.tensors.pixel.device)
    with torch.no_grad():
        image = float(render(scene, pixel))
        head = [Entry("pixel_slow_fast", f"{slow} {fast}", "px"), *_setting(scene)]
        return [*head, *_samples(scene, pixel), Entry("photons", image, "photons/pixel")]


def table(entries: list[Entry]) -> str:
    """Format one line an entry: name, value, unit, where."""
    lines = []
    for entry in entries:
        text = _shown(entry.value)
        lines.append(f"{entry.name:24s} {text:60s} {entry.unit:14s} {entry.where}".rstrip())
    return "\n".join(lines)


def _shown(value: Value) -> str:
    """The value with the 15 digits that a float64 always keeps."""
    if isinstance(value, list):
        return " ".join(f"{number:.15g}" for number in value)
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)
