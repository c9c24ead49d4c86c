"""An image without torch and numpy: small arrays to the kernel, and its memory to the files.

Loading numpy takes longer than a small image does. Set-up, scene and kernel are shared with the other paths.
"""

from collections.abc import Callable

from simulator.beam import Beam
from simulator.config import BeamConfig, CrystalConfig
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.engine.native.image import KernelImage
from simulator.engine.native.library import Library
from simulator.engine.native.pack import refusal
from simulator.geometry import small_library
from simulator.scene.budget import check_budget
from simulator.scene.build import build_scene
from simulator.scene.remarks import check_extremes
from simulator.scene.scene import Scene

MOST_SMALL = 400
"""Orientations and sources, together, up to which plain Python sets them up sooner than numpy loads."""


def is_small(crystal: CrystalConfig, beam: BeamConfig) -> bool:
    """Whether an experiment follows from few numbers; structure factors and masks are counted elsewhere."""
    if beam.sources is not None:
        sources = len(beam.sources)
    else:
        sources = beam.h_divergence_steps * beam.v_divergence_steps * beam.dispersion_steps
    return crystal.phi_steps * crystal.mosaic_domains + sources <= MOST_SMALL


def small_scene(crystal: Crystal, detector: Detector, beam: BeamConfig) -> Scene | None:
    """Build the scene in small arrays; None where the kernel does not take it."""
    scene = build_scene(crystal, detector, Beam(beam, xp=small_library))
    return scene if refusal(scene) is None else None


def image_by_library(
    library: Library, scene: Scene, *, threads: int, progress: Callable[[int, int], None] | None
) -> KernelImage:
    """Compute photons [slow, fast], 0 outside the region of interest.

    Warns of a dark image; raises a SimulatorError for pixels that are no numbers, and for one that does not
    fit into memory. `progress` is that of `Simulator.run`.
    """
    check_budget(scene, gradients=False)
    image = KernelImage(library, scene.plan)
    image.render(scene, threads=threads, progress=progress)
    check_extremes(*image.extremes(), scene)
    return image
