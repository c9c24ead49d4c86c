"""Batches of crystals against the same images one by one, with and without gradients of their cells."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from simulator import Crystal, CrystalConfig, Detector, DetectorConfig, Simulator, run_batch
from simulator.engine.choose import choose_engine
from simulator.engine.engine import Engine

MOSAIC = {"mosaic_domains": 10, "mosaic_spread_deg": 1.0}

CASES: tuple[tuple[int, int, dict[str, Any]], ...] = (
    (64, 64, {}),
    (16, 256, {}),
    (4, 1024, {}),
    (8, 256, MOSAIC),
)
"""(images, pixels along an edge, options of the crystal)."""

ROUNDS = 4
"""Rounds of timing in turns, of which the best counts."""

FLOOR = 0.9
"""Throughput of a batch over that of single images that is asked for."""


@dataclass(frozen=True)
class Experiment:
    """Crystals that differ in one edge of the cell, before one detector."""

    detector: Detector
    options: dict[str, Any]
    engine: Engine

    def crystal(self, cell: Tensor) -> Crystal:
        """The crystal of one edge, Angstrom."""
        return Crystal(CrystalConfig(cell_a=cell, N_cells=(5, 5, 5), default_F=9.0, **self.options))

    def image(self, cell: Tensor) -> Tensor:
        """Its image [slow, fast]."""
        return Simulator(self.crystal(cell), self.detector, engine=self.engine).run()

    def one_by_one(self, cells: Tensor) -> Tensor:
        """The images of all, each by a run of its own."""
        return torch.stack([self.image(cell) for cell in cells])

    def together(self, cells: Tensor) -> Tensor:
        """The same by `run_batch`."""
        return run_batch([self.crystal(cell) for cell in cells], self.detector, engine=self.engine)

    def mapped(self, cells: Tensor) -> Tensor:
        """The same by torch's vmap, which sets up all experiments at once too."""
        images: Tensor = torch.func.vmap(self.image)(cells)
        return images


def main() -> None:
    """Print seconds a batch, and the ratios of throughput, on one thread."""
    engine = choose_engine("kernel", device=torch.device("cpu"), threads=1)
    print(f"\n{'batches, processor seconds on one thread':42s}   single    batch   ratio     vmap   ratio")
    for count, edge, options in CASES:
        panel = DetectorConfig(fpixels=edge, spixels=edge, pixel_size_mm=100 / edge, oversample=1)
        experiment = Experiment(Detector(panel), options, engine)
        cells = torch.linspace(60, 63, count, dtype=torch.float64)
        what = f"{count} x {edge} px{', mosaic 10' if options else ''}"
        print(row(f"{what}, forward", experiment, cells, gradients=False), flush=True)
        print(row(f"{what}, forward + backward", experiment, cells, gradients=True), flush=True)


def row(title: str, experiment: Experiment, cells: Tensor, *, gradients: bool) -> str:
    """One line of the table."""
    ways = (experiment.one_by_one, experiment.together, experiment.mapped)
    single, batch, vmap = least([partial(compute, way, cells, gradients) for way in ways])
    reached = single / batch >= FLOOR and single / vmap >= FLOOR
    verdict = "ok" if reached else "BELOW THE FLOOR"
    return (
        f"{title:42s} {single:8.3f} {batch:8.3f} {single / batch:7.2f}"
        f" {vmap:8.3f} {single / vmap:7.2f}  {verdict}"
    )


def compute(way: Callable[[Tensor], Tensor], cells: Tensor, gradients: bool) -> None:
    """Compute the images, and the gradients of their sum by the cells where wanted."""
    values = cells.clone().requires_grad_(gradients)
    images = way(values)
    if gradients:
        images.sum().backward()  # type: ignore[no-untyped-call]


def least(runs: Sequence[Callable[[], None]]) -> list[float]:
    """Processor seconds of each, timed in turns; the least of all rounds."""
    found = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for index, run in enumerate(runs):
            begin = time.process_time()
            run()
            found[index] = min(found[index], time.process_time() - begin)
    return found


if __name__ == "__main__":
    main()
