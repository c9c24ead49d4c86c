"""Refine cell, orientation and mosaic spread from noisy images of one crystal in three orientations.

    python examples/refine_crystal.py [--out refine_crystal.svg] [--seed 1]

What is measured are Poisson counts behind a detector's point spread; their likelihood is maximised by L-BFGS
with the simulator's own gradients. Ten parameters are shared by the three images; `DiffractionModel` holds
them, and the spindle turns by a number that is no parameter.

Spots are narrow, so a start that is a little off has no slope at high resolution. The pixels come in from the
middle, as in `refine_cell.py`. The last step's curvature gives each parameter's standard error.
"""

import argparse
import base64
import math
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call

from simulator import BeamConfig, CrystalConfig, DetectorConfig, DiffractionModel
from simulator.io.images import write_png
from simulator.readout import Response, poisson_loss

SPINDLE_DEG = (0.0, 35.0, 80.0)
PIXEL_MM, PIXELS, DISTANCE_MM, WAVELENGTH_A = 0.9, 100, 120.0, 1.2
LIMITS = (0.08, 0.12, 0.17, 0.24, 0.5)
"""Largest |q| of the pixels that count, 1/Angstrom, round by round; 0.5 is all of them."""

STEPS_EACH = 12
RESPONSE = Response(fwhm_um=900.0)
CURVATURE_STEP = 1e-3
"""Of the vector, far below a standard error and far above round-off."""

MOST_PULL = 4.5
"""Errors over standard errors: by chance beyond it in one of 15,000 refinements of ten parameters."""

CELL = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
SHOWN = (*CELL, "misset x", "misset y", "misset z", "mosaic spread")
"""Names of the entries of the vector."""


@dataclass(frozen=True)
class Parameter:
    """A number (or three) to refine: its true value, where the refinement starts, a step's natural size."""

    true: tuple[float, ...]
    start: tuple[float, ...]
    scale: float


PARAMETERS = {
    "cell_a": Parameter((70.0,), (70.3,), 0.1),
    "cell_b": Parameter((80.0,), (79.6,), 0.1),
    "cell_c": Parameter((90.0,), (90.4,), 0.1),
    "cell_alpha": Parameter((85.0,), (85.3,), 0.1),
    "cell_beta": Parameter((95.0,), (94.7,), 0.1),
    "cell_gamma": Parameter((100.0,), (100.3,), 0.1),
    "misset_deg": Parameter((12.0, -7.0, 23.0), (12.2, -7.2, 22.8), 0.1),
    "mosaic_spread_deg": Parameter((0.8,), (1.4,), 0.2),
}


def crystal_model(phi_deg: float) -> DiffractionModel:
    """The experiment in one orientation; its numbers are replaced in every call."""
    start = {name: _given(parameter.start) for name, parameter in PARAMETERS.items()}
    crystal = CrystalConfig(
        **start, N_cells=(6, 6, 6), default_F=25.0, phi_start_deg=phi_deg, mosaic_domains=12
    )
    detector = DetectorConfig(
        fpixels=PIXELS, spixels=PIXELS, pixel_size_mm=PIXEL_MM, distance_mm=DISTANCE_MM, oversample=1
    )
    beam = BeamConfig(wavelength_A=WAVELENGTH_A)
    return DiffractionModel(crystal, beam, detector, parameters=tuple(PARAMETERS))


def _given(values: tuple[float, ...]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else values


def unpacked(vector: Tensor) -> dict[str, Tensor]:
    """The parameters by name, from a vector of [10] steps of their natural size from the start."""
    found, taken = {}, 0
    for name, parameter in PARAMETERS.items():
        count = len(parameter.start)
        start = torch.tensor(parameter.start, dtype=torch.float64)
        values = start + parameter.scale * vector[taken : taken + count]
        found[name] = values if count > 1 else values[0]
        taken += count
    return found


def packed_truth() -> Tensor:
    """The vector at which all parameters are true."""
    steps = []
    for parameter in PARAMETERS.values():
        for true, start in zip(parameter.true, parameter.start, strict=True):
            steps.append((true - start) / parameter.scale)
    return torch.tensor(steps, dtype=torch.float64)


def expected(models: list[DiffractionModel], vector: Tensor) -> Tensor:
    """Photons behind the point spread, [3, slow, fast]."""
    values = unpacked(vector)
    images = torch.stack([functional_call(model, values, ()) for model in models])
    return RESPONSE.spread(images, PIXEL_MM)


def scattering_lengths() -> Tensor:
    """|q| = 2 sin(theta)/wavelength of each pixel, [slow, fast], 1/Angstrom."""
    place = (torch.arange(PIXELS, dtype=torch.float64) - PIXELS / 2 + 0.5) * PIXEL_MM
    radius = torch.hypot(place[:, None], place[None, :])
    return 2 * torch.sin(torch.atan(radius / DISTANCE_MM) / 2) / WAVELENGTH_A


def refine(models: list[DiffractionModel], counts: Tensor) -> list[Tensor]:
    """The vector after each round, the start first."""
    trail = [torch.zeros(len(packed_truth()), dtype=torch.float64)]
    lengths = scattering_lengths()
    for limit in LIMITS:
        vector = trail[-1].clone().requires_grad_()
        near = lengths < limit
        search = torch.optim.LBFGS([vector], max_iter=STEPS_EACH, line_search_fn="strong_wolfe")

        def loss(vector: Tensor = vector, near: Tensor = near, search: torch.optim.LBFGS = search) -> Tensor:
            search.zero_grad()
            found = poisson_loss(expected(models, vector), counts, mask=near)
            found.backward()
            return found

        search.step(loss)
        trail.append(vector.detach().clone())
    return trail


def standard_errors(models: list[DiffractionModel], counts: Tensor, best: Tensor) -> Tensor:
    """Of each entry of the vector: the root of the inverse curvature of the loss, [10]."""

    def slope(vector: Tensor) -> Tensor:
        leaf = vector.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(poisson_loss(expected(models, leaf), counts), leaf)
        return gradient

    rows = []
    for index in range(len(best)):
        step = torch.zeros_like(best)
        step[index] = CURVATURE_STEP
        rows.append((slope(best + step) - slope(best - step)) / (2 * CURVATURE_STEP))
    curvature = torch.stack(rows)
    # The two orders of differentiation agree up to round-off.
    covariance = torch.linalg.inv((curvature + curvature.T) / 2)
    return covariance.diagonal().sqrt()


def picture(counts: Tensor) -> str:
    """The first image as a PNG in a data URL, square roots of counts, dark where there are many."""
    shown = counts.sqrt()
    grey = 255 - (255 * shown / shown.max()).round().to(torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        write_png(path, grey.numpy())
        data = path.read_bytes()
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def plot(trail: list[Tensor], sigma: Tensor, counts: Tensor, path: Path) -> None:
    """The first measured image, and each parameter's error in standard errors against the round, as SVG."""
    width, height, left, top = 430, 320, 430, 30
    highest, lowest = 4.0, -2.0  # powers of ten of the error
    truth = packed_truth()

    def place(turn: int, errors: float) -> tuple[float, float]:
        power = min(max(math.log10(max(errors, 1e-9)), lowest), highest)
        return left + width * turn / (len(trail) - 1), top + height * (highest - power) / (highest - lowest)

    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="400" font-family="sans-serif">']
    lines.append('<rect width="100%" height="100%" fill="white"/>')
    lines.append(f'<image x="20" y="{top}" width="{height}" height="{height}" href="{picture(counts[0])}"/>')
    lines.append(f'<text x="20" y="{top - 10}" font-size="12">counts of the first image (square root)</text>')
    lines.append(
        f'<text x="{left}" y="{top - 10}" font-size="12">error / standard error, round by round</text>'
    )
    for power in range(int(lowest), int(highest) + 1):
        x, y = place(0, 10.0**power)
        lines.append(f'<line x1="{x}" x2="{x + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{x - 8}" y="{y + 4:.1f}" font-size="11" text-anchor="end">1e{power}</text>')
    for index, name in enumerate(SHOWN):
        colour = f"hsl({36 * index}, 70%, 38%)"
        errors = [float(abs(vector[index] - truth[index]) / sigma[index]) for vector in trail]
        points = " ".join("{:.1f},{:.1f}".format(*place(turn, error)) for turn, error in enumerate(errors))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        y = top + 12 + 20 * index
        lines.append(f'<text x="{left + width + 15}" y="{y}" font-size="12" fill="{colour}">{name}</text>')
    lines.append("</svg>")
    path.write_text("\n".join(lines), encoding="utf-8")


def main(words: list[str]) -> int:
    """Measure, refine and report; exit code 1 where a parameter is off by more than the noise explains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1, help="of the photon noise")
    parser.add_argument("--out", type=Path, default=Path("refine_crystal.svg"), help="plot")
    options = parser.parse_args(words)
    models = [crystal_model(phi) for phi in SPINDLE_DEG]
    truth = packed_truth()
    light = expected(models, truth).detach()
    counts = RESPONSE.read_out(light, torch.Generator().manual_seed(options.seed))
    print(f"{len(models)} images, {int(counts.sum())} photons, at most {int(counts.max())} in a pixel")
    trail = refine(models, counts)
    sigma = standard_errors(models, counts, trail[-1])
    pulls = (trail[-1] - truth) / sigma
    scales = torch.cat([torch.full((len(p.start),), p.scale) for p in PARAMETERS.values()])
    start, end = (scales * (vector - truth) for vector in (trail[0], trail[-1]))
    print("parameter         error at the start   at the end   standard error   end / standard error")
    for index, name in enumerate(SHOWN):
        error = float(scales[index] * sigma[index])
        print(f"{name:14s} {start[index]:>21.4f} {end[index]:>12.5f} {error:>16.5f} {pulls[index]:>22.2f}")
    plot(trail, sigma, counts, options.out)
    print(f"plot: {options.out}")
    return int(float(pulls.abs().max()) > MOST_PULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
