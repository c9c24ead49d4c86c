"""Detectors of several panels, each with its own geometry: one crystal, one beam, one image a panel."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from simulator.config import BeamConfig, DetectorConfig, SimulatorError
from simulator.config.checks import Vector
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.geometry.arrays import stacked
from simulator.geometry.rotation import unit
from simulator.simulate import Simulator

SHARED_AXES = ("beam", "polarization", "spindle")
"""Axes of the experiment, which no panel may see otherwise than the next."""

SAME_AXIS = 1e-12
"""Largest difference of a component between unit vectors that count as the same."""


def panel_at(
    origin_mm: Vector, fast: Vector, slow: Vector, *, axes: Detector, **settings: Any
) -> DetectorConfig:
    """Configure a panel by the place of its first pixel's outer corner and the directions of its edges.

    origin_mm   [3] lab, mm; its tensor's gradient flows, as do those of fast and slow
    fast, slow  [3] directions along the edges, at a right angle
    axes        a detector whose beam, polarisation and spindle are those of the experiment
    settings    everything else of `DetectorConfig`: pixels, their size, sensor, oversampling ...

    Raises a SimulatorError for a plane through the sample.
    """
    experiment = axes.axes()
    origin = stacked(origin_mm, torch)
    along_fast, along_slow = unit(stacked(fast, torch)), unit(stacked(slow, torch))
    normal = unit(torch.linalg.cross(along_fast, along_slow))
    if float((origin @ normal).detach()) < 0:
        normal = -normal
    return DetectorConfig(
        fast_vector=along_fast,
        slow_vector=along_slow,
        normal_vector=normal,
        beam_vector=experiment.beam,
        polarization_vector=experiment.polarization,
        spindle_vector=experiment.spindle,
        pivot="SAMPLE",
        close_distance_mm=origin @ normal,
        close_x_mm=-origin @ along_fast,
        close_y_mm=-origin @ along_slow,
        **settings,
    )


def run_panels(
    crystal: Crystal, panels: Sequence[Detector], beam_config: BeamConfig | None = None, **settings: Any
) -> list[Tensor]:
    """Compute the image [slow, fast] of each panel, photons per pixel, with gradients as for one.

    `settings` go to each `Simulator` (device, dtype, engine ...). A panel without a given oversampling finds
    its own. Raises a SimulatorError where panels disagree on the axes of the experiment.
    """
    if not panels:
        raise SimulatorError("no panel: give at least one detector")
    _check_axes(panels)
    return [Simulator(crystal, panel, beam_config=beam_config, **settings).run() for panel in panels]


def _check_axes(panels: Sequence[Detector]) -> None:
    """Raise a SimulatorError where a panel's beam, polarisation or spindle is not that of the first."""
    first = panels[0].axes()
    for number, panel in enumerate(panels[1:], 2):
        axes = panel.axes()
        for name in SHARED_AXES:
            gap = (getattr(axes, name) - getattr(first, name)).detach().abs().max()
            if float(gap) > SAME_AXIS:
                raise SimulatorError(
                    f"panel {number} has another {name} axis than the first: one experiment has one"
                )
