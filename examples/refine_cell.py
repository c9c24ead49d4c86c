"""Recover a unit cell that starts 1 % off, from one image, or from twenty noisy ones.

    python examples/refine_cell.py [--images 20] [--out refine.svg]

Levenberg-Marquardt on the pixels. 1 % of the cell moves the reflection h by h/100 of their spacing: near the
beam far less than a spot is wide, further out more. So refinement begins with the pixels at low resolution,
where both images overlap, and lets the others in as the cell gets better.
"""

import argparse
import sys
from pathlib import Path

import torch
from torch import Tensor

from simulator import BeamConfig, Crystal, CrystalConfig, Detector, DetectorConfig, Simulator

NAMES = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
TRUE = (70.0, 80.0, 90.0, 85.0, 95.0, 100.0)
LIMITS = (0.07, 0.09, 0.12, 0.15, 0.2, 0.25, 0.32, 0.5, 0.5, 0.5)
"""Largest |q| of the pixels that count, 1/Angstrom, round by round."""

ROUNDS_EACH = 2
WAVELENGTH = 1.2
DETECTOR = {"fpixels": 100, "spixels": 100, "pixel_size_mm": 1.2, "distance_mm": 120.0, "oversample": 1}


def start_cell() -> list[float]:
    """Each length and angle 1 % off, up or down in turn."""
    return [value * (1 + (0.01 if index % 2 else -0.01)) for index, value in enumerate(TRUE)]


def image(cell: Tensor, misset: tuple[float, float, float]) -> Tensor:
    """One still of a crystal in a known orientation, photons."""
    parameters = dict(zip(NAMES, cell.unbind(), strict=True))
    crystal = Crystal(CrystalConfig(**parameters, N_cells=(5, 5, 5), default_F=100.0, misset_deg=misset))
    return Simulator(
        crystal, Detector(DetectorConfig(**DETECTOR)), beam_config=BeamConfig(wavelength_A=WAVELENGTH)
    ).run()


def scattering_lengths() -> Tensor:
    """|q| = 2 sin(theta)/wavelength of each pixel, [P], 1/Angstrom."""
    edge, count = DETECTOR["pixel_size_mm"], DETECTOR["fpixels"]
    place = (torch.arange(count, dtype=torch.float64) - count / 2 - 0.5) * edge
    radius = torch.hypot(place[:, None], place[None, :]).reshape(-1)
    return 2 * torch.sin(torch.atan(radius / DETECTOR["distance_mm"]) / 2) / WAVELENGTH


def jacobian(cell: Tensor, misset: tuple[float, float, float]) -> Tensor:
    """Derivatives of the image by the six parameters, [P, 6], from central differences.

    An image has many more pixels than a cell has parameters, so six differences are cheaper than P backward
    passes. They only steer the steps: the slope that has to vanish in the end is autograd's.
    """
    columns = []
    with torch.no_grad():
        for index in range(6):
            step = torch.zeros(6, dtype=torch.float64)
            step[index] = 1e-6 * float(cell[index])
            ahead, back = (image(cell + sign * step, misset).reshape(-1) for sign in (1, -1))
            columns.append((ahead - back) / (2 * step[index]))
    return torch.stack(columns, 1)


def cost(
    cell: Tensor, targets: list[Tensor], missets: list[tuple[float, float, float]], near: Tensor
) -> Tensor:
    """Half the sum of squares over the pixels that count."""
    total = torch.zeros((), dtype=torch.float64)
    for target, misset in zip(targets, missets, strict=True):
        gap = (image(cell, misset) - target).reshape(-1)
        total = total + (gap[near] ** 2).sum() / 2
    return total


def step(
    cell: Tensor, targets: list[Tensor], missets: list[tuple[float, float, float]], near: Tensor
) -> Tensor:
    """One damped step, the damping raised until the cost falls."""
    leaf = cell.clone().requires_grad_()
    before = cost(leaf, targets, missets, near)
    (slope,) = torch.autograd.grad(before, leaf)
    normal = torch.zeros(6, 6, dtype=torch.float64)
    for misset in missets:
        columns = jacobian(cell, misset)[near]
        normal += columns.T @ columns
    for damping in (1e-6, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
        tried = cell - torch.linalg.solve(normal + damping * torch.diag(normal.diagonal()), slope)
        with torch.no_grad():
            if cost(tried, targets, missets, near) < before:
                return tried
    return cell


def refine(targets: list[Tensor], missets: list[tuple[float, float, float]]) -> list[Tensor]:
    """The cell after each round, the start first."""
    lengths = scattering_lengths()
    trail = [torch.tensor(start_cell(), dtype=torch.float64)]
    for limit in LIMITS:
        cell = trail[-1]
        for _ in range(ROUNDS_EACH):
            cell = step(cell, targets, missets, lengths < limit)
        trail.append(cell)
    return trail


def worst_error(cell: Tensor) -> float:
    """Largest relative error of the six parameters."""
    truth = torch.tensor(TRUE, dtype=torch.float64)
    return float(((cell - truth) / truth).abs().max())


def plot(trails: dict[str, list[Tensor]], path: Path) -> None:
    """Error against round, both logarithmic in the error, as SVG."""
    width, height, left, top = 560, 320, 70, 20
    size = f'width="{width + 90}" height="{height + 70}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">']
    lines.append('<rect width="100%" height="100%" fill="white"/>')
    for power in range(-8, -1):
        y = top + height * (-2 - power) / 6.5
        lines.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        lines.append(
            f'<text x="{left - 8}" y="{y + 4:.1f}" font-size="11" text-anchor="end">1e{power}</text>'
        )
    for colour, (title, trail) in zip(("#0b6e99", "#c2410c"), trails.items(), strict=False):
        points = []
        for index, cell in enumerate(trail):
            power = torch.log10(torch.tensor(max(worst_error(cell), 1e-8))).item()
            points.append((left + width * index / (len(trail) - 1), top + height * (-2 - power) / 6.5))
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1]
        lines.append(f'<text x="{x - 130:.1f}" y="{y - 8:.1f}" font-size="12" fill="{colour}">{title}</text>')
    lines.append(f'<text x="{left + width / 2}" y="{height + 55}" font-size="12">round</text>')
    lines.append(
        f'<text x="{left}" y="{top - 6}" font-size="12">largest relative error of the cell</text></svg>'
    )
    path.write_text("\n".join(lines), encoding="utf-8")


def experiment(images: int, *, noisy: bool) -> tuple[list[Tensor], list[tuple[float, float, float]]]:
    """Targets in known orientations; noise by Poisson counts of a fixed seed."""
    generator = torch.Generator().manual_seed(20)
    turns = torch.rand(images, 3, generator=generator, dtype=torch.float64) * 360
    missets = [(float(x), float(y), float(z)) for x, y, z in turns]
    targets = [image(torch.tensor(TRUE, dtype=torch.float64), misset) for misset in missets]
    return ([torch.poisson(t, generator=generator) for t in targets] if noisy else targets), missets


def main(words: list[str]) -> int:
    """Refine from one clean image and from noisy ones; exit code 1 if either misses 0.01 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=20, help="noisy images")
    parser.add_argument("--out", type=Path, default=Path("refine.svg"), help="plot")
    options = parser.parse_args(words)
    trails = {
        "1 clean image": refine(*experiment(1, noisy=False)),
        f"{options.images} noisy images": refine(*experiment(options.images, noisy=True)),
    }
    for title, trail in trails.items():
        shown = " ".join(f"{value:.4f}" for value in trail[-1].tolist())
        print(
            f"{title:18s} from {100 * worst_error(trail[0]):.2f} % "
            f"to {100 * worst_error(trail[-1]):.6f} %: {shown}"
        )
    plot(trails, options.out)
    print(f"plot: {options.out}")
    return int(any(worst_error(trail[-1]) > 1e-4 for trail in trails.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
